"""How well the built-in backend finds moving regions: `./make4d bench regions`.

Photographs with a hand-drawn mask (`NAME-motion-mask.png`, 255 = moves) are measured by
intersection over union, the other trial photographs by the percentage classified as water, and
landscapes by the percentages of moving and of still pixels that are found to move. All run through
the stages that matter: outpainting, depth, and the motion regions of the outpainted photo.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import _quality_loop as loop
import _quality_runs as runs
import quality
from _quality_sheet import write_sheet
from _quality_table import table
from _quality_views import views_folder
from make_4d.geometry.core.camera import FloatArray
from make_4d.geometry.landscapes.make import NAMES
from make_4d.geometry.landscapes.truth import Mask, TruthFrame, TruthScene
from make_4d.ml.classical.regions import MotionRegions
from make_4d.ml.common.job_settings import JobSettings
from make_4d.ml.models.backends import SceneDepth, find_regions
from make_4d.ml.stages import depth, outpaint

SIZE = 512
CLOUD, WATER, FALL = (1.0, 1.0, 0.0), (0.0, 0.4, 1.0), (1.0, 0.0, 0.6)


@dataclass(frozen=True)
class PhotoRow:
    """The measures of a photograph.

    Attributes:
        iou: Intersection over union of water and falls with the mask; NaN without a mask.
        with_sky: The same of clouds, water and falls.
        water: Percentage of the photo classified as water or falls.
    """

    iou: float
    with_sky: float
    water: float


@dataclass(frozen=True)
class TruthRow:
    """The measures of a landscape, in percent.

    Attributes:
        found: Pixels found to move, of those that move.
        wrong: Pixels found to move, of those that neither move nor are sky.
    """

    found: float
    wrong: float


def parser() -> argparse.ArgumentParser:
    """Return the parser of the benchmark's arguments."""
    p = argparse.ArgumentParser(prog="make4d bench regions", description=__doc__)
    p.add_argument("--photos", metavar="DIR", help="folder of JPEG photographs and their masks")
    p.add_argument("--scenes", nargs="*", choices=NAMES, help="only these landscapes, or none")
    p.add_argument("--cache", metavar="DIR", help="folder for rendered landscapes")
    p.add_argument("--json", metavar="FILE", help="write all figures to a file")
    p.add_argument("--sheet", metavar="FILE.png", help="write a contact sheet of the regions")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the benchmark; returns the exit status."""
    arguments = parser().parse_args(argv)
    sheet: list[list[FloatArray]] = []
    photos = {path.stem: photo_row(path, sheet) for path in photos_in(arguments.photos)}
    if photos:
        print(table("photographs", photos, {"iou": "{:.3f}", "with_sky": "{:.3f}"}, marked=False))
    landscapes = {} if arguments.scenes == [] else landscape_rows(arguments, sheet)
    if landscapes:
        print(table("\nlandscapes", landscapes, marked=False))
    if arguments.json:
        tables = {"photos": photos, "landscapes": landscapes}
        rows = {key: {n: asdict(row) for n, row in part.items()} for key, part in tables.items()}
        Path(arguments.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if arguments.sheet:
        write_sheet(Path(arguments.sheet), sheet)
    return 0


def photos_in(folder: str | None) -> list[Path]:
    """Return the photographs of a folder, or the trial photographs if they are on this machine."""
    if folder is not None:
        return sorted(Path(folder).glob("*.jpg"))
    views = views_folder()
    if views is None:
        print("The trial photographs are not on this machine: left out.")
        return []
    return sorted((views.parent / "photos").glob("*.jpg"))


def landscape_rows(
    arguments: argparse.Namespace, sheet: list[list[FloatArray]]
) -> dict[str, TruthRow]:
    """Return the rows of the landscapes by name, and append their images to the sheet."""
    words = ["--scenes", *arguments.scenes] if arguments.scenes else []
    words += ["--cache", arguments.cache] if arguments.cache else []
    scenes = quality.chosen_scenes(quality.parser().parse_args(words))
    return {scene.name: truth_row(scene, sheet) for scene in scenes}


def photo_row(path: Path, sheet: list[list[FloatArray]]) -> PhotoRow:
    """Return the row of a photograph, compared with the mask beside it if there is one."""
    image = read_photo(path)
    regions = find_photo_regions(image, 0.0)
    sheet.append(sheet_row(image, regions))
    wet = regions.water + regions.fall
    mask = read_mask(path.with_name(f"{path.stem}-motion-mask.png"), wet.shape)
    water = 100.0 * float((wet > 0.5).mean())
    if mask is None:
        return PhotoRow(math.nan, math.nan, water)
    return PhotoRow(overlap(wet > 0.5, mask), overlap(wet + regions.cloud > 0.5, mask), water)


def truth_row(scene: TruthScene, sheet: list[list[FloatArray]]) -> TruthRow:
    """Return the row of a landscape's first frame, using its true depth and sky."""
    first = scene.frames[0]
    focal_35mm = scene.camera.focal / scene.camera.width * 36.0
    regions = find_photo_regions(first.image, focal_35mm, first)
    sheet.append(sheet_row(first.image, regions))
    moves = regions.cloud + regions.water + regions.fall > 0.5
    still = np.isfinite(first.depth) & ~first.moving
    return TruthRow(loop.percent(moves, first.moving), loop.percent(moves, still))


def find_photo_regions(
    image: FloatArray, focal_35mm: float, truth: TruthFrame | None = None
) -> MotionRegions:
    """Find the motion regions of a photo with the pipeline's stages.

    Args:
        image: The photo (H, W, 3).
        focal_35mm: Its focal length in mm, 35 mm equivalent; 0 if unknown.
        truth: The frame with its true depth, if known.
    """
    settings, context = JobSettings("photo.png", size=max(image.shape[:2])), runs.quiet_context()
    inputs: runs.Arrays = {"image": image, "focal_35mm": np.array([focal_35mm], np.float32)}
    inputs |= outpaint.run(inputs, settings, context)
    inputs |= depth.run(inputs, settings, context)
    if truth is not None:
        inputs |= runs.with_true_depth(inputs, truth)
    observed = SceneDepth(inputs["disparity"], inputs["sky"], float(inputs["horizon"][0]))
    outpainted = find_regions(inputs["outpainted"], observed, settings, context)
    top, _, _, left = (int(m) for m in inputs["margins"])
    inside = (slice(top, top + image.shape[0]), slice(left, left + image.shape[1]))
    return MotionRegions(
        outpainted.cloud[inside], outpainted.water[inside], outpainted.fall[inside]
    )


def overlap(a: Mask, b: Mask) -> float:
    """Return the intersection over union of two masks (H, W), 1 if both are empty."""
    union = int((a | b).sum())
    return float((a & b).sum()) / union if union else 1.0


def read_photo(path: Path) -> FloatArray:
    """Read a photograph (H, W, 3), sRGB 0..1, scaled to SIZE pixels on its longer side."""
    photo = cv2.imread(str(path))
    if photo is None:
        raise SystemExit(f"{path} is not a readable photograph.")
    scale = SIZE / max(photo.shape[:2])
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small[..., ::-1].astype(np.float32) / np.float32(255.0)


def read_mask(path: Path, shape: tuple[int, ...]) -> Mask | None:
    """Read a mask and scale it to (H, W); None if there is no such file."""
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.exists() else None
    if mask is None:
        return None
    moves: Mask = cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_AREA) > 128
    return moves


def sheet_row(image: FloatArray, regions: MotionRegions) -> list[FloatArray]:
    """Return a row of the sheet: the image without and with its regions, both SIZE wide."""
    height = round(SIZE * image.shape[0] / image.shape[1])
    images = (image, tinted(image, regions))
    return [cv2.resize(p, (SIZE, height), interpolation=cv2.INTER_AREA) for p in images]


def tinted(image: FloatArray, regions: MotionRegions) -> FloatArray:
    """Return an image (H, W, 3) with clouds in yellow, water in blue and falls in pink."""
    result = image
    for mask, tint in ((regions.cloud, CLOUD), (regions.water, WATER), (regions.fall, FALL)):
        opacity = 0.45 * mask[..., None]
        result = result * (1 - opacity) + opacity * np.array(tint, np.float32)
    return result.astype(np.float32)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
