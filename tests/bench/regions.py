"""How well the built-in way finds what moves: `./make4d bench regions`.

Photographs beside which somebody has drawn what moves (`NAME-motion-mask.png`, 255 = moves) are
measured by intersection over union, those of the trial photographs without one by the share that is
taken for water; scenes with truth by what is found of what moves, and what moves wrongly. All go
through the pipeline as far as it matters: outpainting, depth, regions of the wide photo.
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
    """iou: of water and falls with the mask, NaN without one; with_sky: of clouds, too; water: the
    percentage of the photo that is taken for water or falls."""

    iou: float
    with_sky: float
    water: float


@dataclass(frozen=True)
class TruthRow:
    """Percentages: found of what moves, wrong of what neither moves nor is sky."""

    found: float
    wrong: float


def parser() -> argparse.ArgumentParser:
    """The benchmark's arguments."""
    p = argparse.ArgumentParser(prog="make4d bench regions", description=__doc__)
    p.add_argument("--photos", metavar="DIR", help="JPEG photographs and the masks beside them")
    p.add_argument("--scenes", nargs="*", choices=NAMES, help="only these, or none")
    p.add_argument("--cache", metavar="DIR", help="where made scenes are kept")
    p.add_argument("--json", metavar="FILE", help="write all figures")
    p.add_argument("--picture", metavar="FILE.png", help="write a sheet of what was found")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the benchmark; returns the exit status."""
    arguments = parser().parse_args(argv)
    sheet: list[list[FloatArray]] = []
    photos = {path.stem: photo_row(path, sheet) for path in photos_in(arguments.photos)}
    if photos:
        print(table("photographs", photos, {"iou": "{:.3f}", "with_sky": "{:.3f}"}, marked=False))
    made = {} if arguments.scenes == [] else made_rows(arguments, sheet)
    if made:
        print(table("\nmade scenes", made, marked=False))
    if arguments.json:
        tables = {"photos": photos, "made": made}
        rows = {key: {n: asdict(row) for n, row in found.items()} for key, found in tables.items()}
        Path(arguments.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if arguments.picture:
        write_sheet(Path(arguments.picture), sheet)
    return 0


def photos_in(folder: str | None) -> list[Path]:
    """The photographs of a folder, or of the trial photographs where these are on this machine."""
    if folder is not None:
        return sorted(Path(folder).glob("*.jpg"))
    views = views_folder()
    if views is None:
        print("The trial photographs are not on this machine: left out.")
        return []
    return sorted((views.parent / "photos").glob("*.jpg"))


def made_rows(arguments: argparse.Namespace, sheet: list[list[FloatArray]]) -> dict[str, TruthRow]:
    """The rows of the scenes with truth, by name; pictures go to the sheet."""
    given = ["--scenes", *arguments.scenes] if arguments.scenes else []
    given += ["--cache", arguments.cache] if arguments.cache else []
    scenes = quality.chosen_scenes(quality.parser().parse_args(given))
    return {scene.name: truth_row(scene, sheet) for scene in scenes}


def photo_row(path: Path, sheet: list[list[FloatArray]]) -> PhotoRow:
    """The row of a photograph with the mask beside it, if any."""
    image = read_photo(path)
    found = regions_of(image, 0.0)
    sheet.append(line_of(image, found))
    wet = found.water + found.fall
    drawn = read_mask(path.with_name(f"{path.stem}-motion-mask.png"), wet.shape)
    water = 100.0 * float((wet > 0.5).mean())
    if drawn is None:
        return PhotoRow(math.nan, math.nan, water)
    return PhotoRow(overlap(wet > 0.5, drawn), overlap(wet + found.cloud > 0.5, drawn), water)


def truth_row(scene: TruthScene, sheet: list[list[FloatArray]]) -> TruthRow:
    """The row of a scene's first frame, whose depth and sky are known."""
    first = scene.frames[0]
    found = regions_of(first.image, scene.camera.focal / scene.camera.width * 36.0, first)
    sheet.append(line_of(first.image, found))
    moves = found.cloud + found.water + found.fall > 0.5
    still = np.isfinite(first.depth) & ~first.moving
    return TruthRow(loop.percent(moves, first.moving), loop.percent(moves, still))


def regions_of(
    image: FloatArray, focal_35mm: float, truth: TruthFrame | None = None
) -> MotionRegions:
    """What moves in a photo (H, W, 3) by the stages; truth: where its depth is known."""
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


def overlap(found: Mask, drawn: Mask) -> float:
    """Intersection over union of two masks (H, W), 1 where both are empty."""
    union = int((found | drawn).sum())
    return float((found & drawn).sum()) / union if union else 1.0


def read_photo(path: Path) -> FloatArray:
    """A photograph (H, W, 3), sRGB 0..1, its longer side brought to SIZE."""
    picture = cv2.imread(str(path))
    if picture is None:
        raise SystemExit(f"{path} is no readable photograph.")
    scale = SIZE / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small[..., ::-1].astype(np.float32) / np.float32(255.0)


def read_mask(path: Path, shape: tuple[int, ...]) -> Mask | None:
    """A drawn mask at the size (H, W), None where there is none."""
    drawn = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.exists() else None
    if drawn is None:
        return None
    moves: Mask = cv2.resize(drawn, shape[::-1], interpolation=cv2.INTER_AREA) > 128
    return moves


def line_of(image: FloatArray, found: MotionRegions) -> list[FloatArray]:
    """A line of the sheet: the picture without and with what was found, all equally wide."""
    height = round(SIZE * image.shape[0] / image.shape[1])
    pictures = (image, tinted(image, found))
    return [cv2.resize(p, (SIZE, height), interpolation=cv2.INTER_AREA) for p in pictures]


def tinted(image: FloatArray, found: MotionRegions) -> FloatArray:
    """A picture (H, W, 3) with clouds in yellow, water in blue and falls in pink."""
    result = image
    for mask, tint in ((found.cloud, CLOUD), (found.water, WATER), (found.fall, FALL)):
        share = 0.45 * mask[..., None]
        result = result * (1 - share) + share * np.array(tint, np.float32)
    return result.astype(np.float32)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
