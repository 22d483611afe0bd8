"""How well the built-in methods see a picture's scene: `./make4d bench scene`.

Pictures that people labelled (`--labels`: a folder and its subfolders, see `_scene_labels.py`) and
real views with known depth (`--views`: subfolders with cameras.npz, and stereo pairs) are read one
by one, and sky, water, what moves, what lies flat, the horizon and disparity are compared with
them. Nothing is ever trained on these pictures.

Labelled pictures are sorted by name and split into two halves: the first, third... (a) are looked
at during development, the others (b) only at its end.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import _quality_shot  # noqa: F401 - loads the add-on as make_4d
from _quality_sheet import write_sheet
from _quality_views import ViewsError, views_folder
from _scene_labels import LabelsError, chosen, labelled_folders, load_labelled
from _scene_measures import Figures, figures, mean, measure
from _scene_reading import Reading, read
from _scene_sheet import picture_line, view_line
from _scene_views import judged, measure_view, view_figures, view_folders
from make_4d.geometry.core.camera import FloatArray

NO_PICTURES = "There are no labelled pictures and no views: name a folder of them."
SHEET_ROWS = 12
"""Number of pictures on a contact sheet."""

Read = Callable[[FloatArray], Reading]
RowsOf = dict[str, dict[str, Any]]


class Sheets:
    """Contact sheets in a folder, each written as soon as it is full."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name, self.page = folder, "", 1
        self.lines: list[list[FloatArray]] = []

    def add(self, name: str, line: list[FloatArray]) -> None:
        """Add a row to the sheets of a folder of pictures."""
        if name != self.name or len(self.lines) == SHEET_ROWS:
            self.write()
            self.page = self.page + 1 if name == self.name else 1
            self.name = name
        self.lines.append(line)

    def write(self) -> None:
        """Write the rows since the last sheet, if there are any."""
        if self.lines:
            write_sheet(self.folder / f"{self.name}-{self.page}.png", self.lines)
        self.lines = []


def parser() -> argparse.ArgumentParser:
    """Return the parser of the benchmark's arguments."""
    p = argparse.ArgumentParser(prog="make4d bench scene", description=__doc__)
    p.add_argument("--labels", metavar="DIR", help="folder of labelled pictures")
    p.add_argument("--views", metavar="DIR", help="folder of real views")
    p.add_argument("--json", metavar="FILE", help="write all figures to a file")
    p.add_argument("--picture", metavar="DIR", help="write contact sheets to a folder")
    p.add_argument("--half", choices=("a", "b", "all"), default="all", help="labelled pictures")
    p.add_argument("--limit", metavar="N", type=int, help="only N pictures of each folder")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the benchmark; returns the exit status."""
    arguments = parser().parse_args(argv)
    sheets = Sheets(Path(arguments.picture)) if arguments.picture else None
    labels, views = folders_of(arguments)
    try:
        pictures = label_rows(labels, arguments.half, arguments.limit, read, sheets)
        seen = view_rows(views, arguments.limit, read, sheets)
    except (LabelsError, ViewsError) as error:
        raise SystemExit(str(error)) from error
    if not pictures and not seen:
        raise SystemExit(NO_PICTURES)
    found = all_figures(pictures, seen)
    print("\n".join(f"{key:<28}{_shown(value)}" for key, value in found.items()))
    if arguments.json:
        parts = (pictures | seen).items()
        rows = {f"{folder}/{name}": asdict(row) for folder, of in parts for name, row in of.items()}
        text = json.dumps({key: _stored(value) for key, value in found.items()} | {"rows": rows})
        Path(arguments.json).write_text(text + "\n", encoding="utf-8")
    return 0


def folders_of(arguments: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """Return the folders of labels and of views that are named, or by default the trial ones."""
    labels, views = (Path(p) if p else None for p in (arguments.labels, arguments.views))
    trial = views_folder()
    if labels or views or trial is None:
        return labels, views
    return trial.parent / "labels", trial


def label_rows(
    folder: Path | None, half: str, limit: int | None, read: Read, sheets: Sheets | None = None
) -> RowsOf:
    """Return a `Row` for each labelled picture, by the name of its folder and its own name.

    Args:
        folder: Of the labels; None for no pictures.
        half: `a`, `b` or `all`.
        limit: Largest number of pictures of a folder.
        read: Reads a picture (H, W, 3).
        sheets: To which contact sheets are added.
    """
    rows: RowsOf = {}
    for name, paths in (labelled_folders(folder) if folder else {}).items():
        rows[name] = {}
        for path in chosen(paths, half, limit):
            picture = load_labelled(path)
            reading, seconds = timed(read, picture.image)
            rows[name][picture.name] = measure(picture, reading, seconds)
            if sheets:
                sheets.add(name, picture_line(picture, reading))
    if sheets:
        sheets.write()
    return rows


def view_rows(
    folder: Path | None, limit: int | None, read: Read, sheets: Sheets | None = None
) -> RowsOf:
    """Return a `ViewRow` for each view, by the name of its folder and its own; see `label_rows`."""
    rows: RowsOf = {}
    for name, views in (view_folders(folder) if folder else {}).items():
        rows[name] = {}
        for view in judged(views, limit):
            reading, seconds = timed(read, view.image)
            rows[name][view.name] = measure_view(view, reading.disparity, seconds)
            if sheets:
                sheets.add(name, view_line(view, reading))
    if sheets:
        sheets.write()
    return rows


def timed(read: Read, image: FloatArray) -> tuple[Reading, float]:
    """Read a picture and return the reading and the seconds that it took."""
    started = time.perf_counter()
    reading = read(image)
    return reading, time.perf_counter() - started


def all_figures(pictures: RowsOf, views: RowsOf) -> Figures:
    """Return the figures of all rows: those of labelled pictures, of views, and the time."""
    seconds = [row.seconds for of in (pictures | views).values() for row in of.values()]
    found: Figures = {}
    if pictures:
        found |= figures({name: list(of.values()) for name, of in pictures.items()})
    if views:
        found |= view_figures({name: list(of.values()) for name, of in views.items()})
    return found | {"seconds": mean(seconds)}


def _shown(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return f"{value:.3f}" if math.isfinite(value) else "-"


def _stored(value: float) -> float | None:
    return value if math.isfinite(value) else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
