"""How well photos are continued past their borders: `./make4d bench border DIR...`.

The middle of each picture is cropped and outpainted back, as the add-on would do it. Measured are

- the seam: the mean color step across the crop's border, over that of the parallel lines 4 to 8
  pixels to both sides of it; 1 if nothing shows;
- where labels lie beside the pictures (see `_scene_labels.py`), whether the invented part reads as
  what was there: sky, water, what lies flat;
- how near the invented part's coarse colors come to the truth.

Pictures are sorted by name and split into two halves: the first, third... (a) are looked at during
development, the others (b) only at its end.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import cv2
import numpy as np
from _quality_runs import quiet_context
from _quality_sheet import write_sheet
from _scene_labels import PICTURES, SUFFIXES, Labelled, LabelsError, Marks, chosen, load_labelled
from _scene_measures import HALF, Agreement, Share, agreement, share
from _scene_reading import read
from make_4d.geometry.core.camera import FloatArray
from make_4d.geometry.landscapes.truth import Mask
from make_4d.ml.common.job_settings import JobSettings
from make_4d.ml.models.backends import outpaint_photo

KEPT = 0.7
"""Part of a picture's height and width that is kept."""
BESIDE = range(4, 9)
"""Distances in pixels of the lines that the border is compared with."""
LEAST_STEP = 0.25 / 255
"""Added to both mean color steps: in an even sky there is nothing to compare."""
COARSE = 32
"""Fraction of the longer side up to which colors are averaged for the comparison of coarse ones."""
SHEET_ROWS = 8
NO_PICTURES = "There are no pictures in {folders}."

Box = tuple[int, int, int, int]
"""Rows and columns of the crop: top, right, bottom, left; `right` and `bottom` are outside."""


@dataclass(frozen=True)
class Row:
    """The measures of a picture; None where its labels don't tell.

    Attributes:
        seconds: Time that outpainting took.
        seam: Ratio of color steps at the border.
        coarse_psnr: Of the invented part's coarse colors, in decibels.
        sky, water: Agreement of the masks in the invented part.
        flat: Pixels of the invented part that rightly read as flat or upright.
    """

    seconds: float
    seam: float
    coarse_psnr: float
    sky: Agreement | None
    water: Agreement | None
    flat: Share


def parser() -> argparse.ArgumentParser:
    """Return the parser of the benchmark's arguments."""
    p = argparse.ArgumentParser(prog="make4d bench border", description=__doc__)
    add_picture_options(p)
    return p


def add_picture_options(p: argparse.ArgumentParser) -> None:
    """Add the arguments of benchmarks of folders of pictures."""
    p.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="folders of pictures")
    p.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    p.add_argument("--picture", type=Path, metavar="DIR", help="write contact sheets to a folder")
    p.add_argument("--half", choices=("a", "b", "all"), default="all", help="of the pictures")
    p.add_argument("--limit", metavar="N", type=int, help="only N pictures of each folder")


def main(argv: Sequence[str]) -> int:
    """Run the benchmark; returns the exit status."""
    arguments = parser().parse_args(argv)
    rows: dict[str, Row] = {}
    lines: list[list[FloatArray]] = []
    for folder in arguments.folders:
        for path in chosen(pictures_of(folder), arguments.half, arguments.limit):
            try:
                picture = load_labelled(path)
            except LabelsError as error:
                raise SystemExit(str(error)) from error
            made, seconds = outpainted(picture.image)
            rows[f"{folder.name}/{picture.name}"] = measure(picture, made, seconds)
            if arguments.picture:
                lines.append(sheet_line(picture.image, made))
    if not rows:
        raise SystemExit(NO_PICTURES.format(folders=", ".join(map(str, arguments.folders))))
    for k in range(0, len(lines), SHEET_ROWS):
        name = f"border-{k // SHEET_ROWS + 1}.png"
        write_sheet(arguments.picture / name, lines[k : k + SHEET_ROWS])
    found = figures(list(rows.values()))
    print("\n".join(f"{key:<28}{value:.3f}" for key, value in found.items()))
    if arguments.json:
        text = json.dumps(found | {"rows": {name: asdict(row) for name, row in rows.items()}})
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 0


def pictures_of(folder: Path) -> list[Path]:
    """Return the pictures in a folder, sorted by name, without the labels beside them."""
    if not folder.is_dir():
        raise SystemExit(f"There is no folder {folder}.")
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURES
        and not path.stem.endswith(tuple(f"-{suffix}" for suffix in SUFFIXES))
    )


def inner_box(height: int, width: int) -> Box:
    """Return the middle of a picture that is kept."""
    top, left = round(height * (1 - KEPT) / 2), round(width * (1 - KEPT) / 2)
    return top, width - left, height - top, left


def outpainted(image: FloatArray) -> tuple[FloatArray, float]:
    """Return a picture whose border was cut off and outpainted again, and the seconds it took."""
    top, right, bottom, left = inner_box(*image.shape[:2])
    crop = np.ascontiguousarray(image[top:bottom, left:right])
    margins = (top, image.shape[1] - right, image.shape[0] - bottom, left)
    settings = JobSettings("photo.png", size=max(image.shape[:2]))
    started = time.perf_counter()
    made = outpaint_photo(crop, margins, settings, quiet_context())
    return made, time.perf_counter() - started


def measure(picture: Labelled, made: FloatArray, seconds: float) -> Row:
    """Compare an outpainted picture with what it was made from."""
    box = inner_box(*made.shape[:2])
    top, right, bottom, left = box
    invented = np.ones(made.shape[:2], bool)
    invented[top:bottom, left:right] = False
    seen, labels = read(made), picture.labels
    flat = Share()
    if labels.flat is not None and seen.flat is not None:
        flat = share((seen.flat >= HALF) == labels.flat.inside, labels.flat.known & invented)
    return Row(
        seconds,
        seam_ratio(made, box),
        coarse_psnr(made, picture.image, invented),
        agreement(seen.sky, within(labels.sky, invented)),
        agreement(seen.water + seen.falls, within(labels.water, invented)),
        flat,
    )


def within(marks: Marks | None, part: Mask) -> Marks | None:
    """Return marks that are known in a part of the picture only."""
    return None if marks is None else Marks(marks.inside, marks.known & part)


def seam_ratio(image: FloatArray, box: Box) -> float:
    """Return the mean color step across the border of a box over that of lines beside it.

    Args:
        image: (H, W, 3).
        box: The border, at least 9 pixels from that of the image.
    """
    top, right, bottom, left = box
    inner = image[top:bottom], image[:, left:right].transpose(1, 0, 2)
    borders = ((inner[0], (left, right)), (inner[1], (top, bottom)))
    at_border, beside = [], []
    for lines, places in borders:
        steps = np.abs(np.diff(lines, axis=1)).mean(axis=(0, 2))
        for place in places:
            at_border.append(steps[place - 1] * len(lines))
            near = [steps[place - 1 + side * k] for k in BESIDE for side in (-1, 1)]
            beside.append(np.mean(near) * len(lines))
    length = 2 * (len(inner[0]) + len(inner[1]))
    return float((np.sum(at_border) / length + LEAST_STEP) / (np.sum(beside) / length + LEAST_STEP))


def coarse_psnr(image: FloatArray, truth: FloatArray, part: Mask) -> float:
    """Return the peak signal-to-noise ratio of averaged colors in a part, in decibels."""
    sigma = max(image.shape) / COARSE
    error = cv2.GaussianBlur(image - truth, (0, 0), sigma)[part]
    return float(-10 * np.log10(np.mean(error**2) + 1e-12))


def figures(rows: Sequence[Row]) -> dict[str, float]:
    """Return the figures of all pictures; those without labels are left out."""
    seams = [row.seam for row in rows]
    found = {
        "pictures": float(len(rows)),
        "seam_ratio_median": float(np.median(seams)),
        "seam_ratio_p95": float(np.percentile(seams, 95)),
        "coarse_psnr": float(np.mean([row.coarse_psnr for row in rows])),
    }
    for name in ("sky", "water"):
        counted = [mask for row in rows if (mask := getattr(row, name)) is not None]
        either = sum(mask.either for mask in counted)
        if either:
            found[f"{name}_iou_invented"] = sum(mask.both for mask in counted) / either
    known = sum(row.flat.total for row in rows)
    if known:
        found["flat_upright_invented"] = sum(row.flat.hits for row in rows) / known
    return found | {"seconds": float(np.mean([row.seconds for row in rows]))}


def sheet_line(image: FloatArray, made: FloatArray) -> list[FloatArray]:
    """Return a row of a sheet: the picture, and what was made of its middle."""
    size = (360, 270)
    return [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (image, made)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
