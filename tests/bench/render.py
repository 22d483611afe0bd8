"""Time frames of our engine by part, EEVEE, Cycles and a numpy splat: `./make4d bench render`.

A synthetic landscape of three layers becomes a scene, as the add-on makes one of a photo, and is
rendered as an animation with a camera that flies into it: from the evaluation of a frame to its PNG
file. The first frame is a warm-up; the table shows medians over the others. In one more row the
farthest layer, 40 % of the points, is moved by the add-on's node group. EEVEE and Cycles take one
sample and draw the add-on's material; for numpy only the compositing is timed. The goals (20 times
faster than EEVEE, 10 than Cycles, 5 than numpy) apply to 0.5 million points at 512 x 512 on two
cores with software OpenGL.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import _render_figures as figures  # noqa: E402 - this Python does not look beside its script
import _render_flight as scenes  # noqa: E402
import _render_measure as measure  # noqa: E402

ENGINES = ("make4d", "eevee", "cycles", "numpy")
DEFAULTS = {
    "points": "0.25,0.5,1,2,4",
    "sizes": "512x512,1920x1080",
    "frames": 5,
}
SMALL = {"points": "0.02", "sizes": "128x128", "frames": 2}
MOST_MILLIONS, MOST_PIXELS = 100.0, 16384
COLUMNS = ("total", *measure.PARTS, "other")
ROW = "{:<7} {:>8} {:>10} {:>6}" + " {:>9}" * len(COLUMNS)

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """Points in millions, image size (w, h), whether some move, and the engines that draw it."""

    millions: float
    size: tuple[int, int]
    moving: bool
    engines: tuple[str, ...]


class Parser(argparse.ArgumentParser):
    """Reports invalid arguments in one sentence."""

    def error(self, message: str) -> Never:
        """Print the sentence and exit with status 2."""
        self.exit(2, f"{self.prog}: {message.rstrip('.')}.\n")


def points_of(text: str) -> tuple[float, ...]:
    """Millions of points, ascending, from a list such as "0.25,4"."""
    try:
        millions = tuple(sorted({float(word) for word in text.split(",")}))
    except ValueError:
        millions = ()
    if not millions or not all(1e-3 <= m <= MOST_MILLIONS for m in millions):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of millions such as 0.25,0.5,4")
    return millions


def sizes_of(text: str) -> tuple[tuple[int, int], ...]:
    """Image sizes (w, h) from a list such as "512x512,1920x1080"."""
    sizes = []
    for word in text.split(","):
        match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", word.strip())
        size = (int(match[1]), int(match[2])) if match else (0, 0)
        if not all(4 <= length <= MOST_PIXELS for length in size):
            raise argparse.ArgumentTypeError(f"{text!r} is not a list of sizes such as 512x512")
        sizes.append(size)
    return tuple(dict.fromkeys(sizes))


def engines_of(text: str) -> tuple[str, ...]:
    """Engines from a list of their names, ours first."""
    words = {word.strip() for word in text.split(",")}
    if not words <= set(ENGINES):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of {', '.join(ENGINES)}")
    return tuple(name for name in ENGINES if name in words)


def frames_of(text: str) -> int:
    """A number of frames."""
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of frames from 1 to 1000")
    return int(text)


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command's arguments."""
    parser = Parser(prog="make4d bench render", description=__doc__)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures")
    parser.add_argument("--points", type=points_of, help=f"millions ({DEFAULTS['points']})")
    parser.add_argument("--sizes", type=sizes_of, help=f"image sizes ({DEFAULTS['sizes']})")
    parser.add_argument("--frames", type=frames_of, help=f"frames to time ({DEFAULTS['frames']})")
    parser.add_argument(
        "--engines", type=engines_of, default=ENGINES, help=f"({','.join(ENGINES)})"
    )
    parser.add_argument(
        "--compare",
        choices=("one", "all"),
        default="one",
        help="other engines at about 0.5 million points in one size, or everywhere (one)",
    )
    parser.add_argument("--small", action="store_true", help="a quick check that all parts work")
    given = parser.parse_args(argv)
    kinds = {"points": points_of, "sizes": sizes_of, "frames": frames_of}
    for name, kind in kinds.items():
        if getattr(given, name) is None:
            setattr(given, name, kind(str((SMALL if given.small else DEFAULTS)[name])))
    return given


def cases_of(options: argparse.Namespace) -> Iterator[Case]:
    """The cases to measure: every count at every size, and the usual count also with motion.

    The other engines draw the usual count at the usual size, or everything with --compare all.
    """
    usual = min(options.points, key=lambda millions: abs(millions - figures.GOAL_POINTS))
    usual_size = min(options.sizes, key=lambda size: (size != figures.GOAL_SIZE, size))
    for size in options.sizes:
        for millions in options.points:
            for moving in (False, True) if millions == usual else (False,):
                compared = options.compare == "all" or (millions, size) == (usual, usual_size)
                engines = options.engines if compared else ("make4d",)
                engines = tuple(e for e in engines if e in options.engines)
                yield Case(millions, size, moving, engines)


def measured(case: Case, frames: int, folder: str, left_out: list[str]) -> Iterator[Row]:
    """The rows of a case; engines that can't draw it are noted in `left_out`."""
    count = round(case.millions * 1e6)
    scene_data = scenes.layered_scene_data(count, case.size, frames + 1, case.moving)
    scene = scenes.open_scene(scene_data, case.size, f"{folder}/frame_")
    still, moving = scene_data.still, scene_data.moving.count
    about = {"millions": case.millions, "size": case.size, "moving": case.moving}
    for engine in case.engines:
        if engine == "numpy" and case.moving:
            continue  # the numpy splat mixes no copies
        try:
            if engine == "numpy":
                times, warnings = measure.splatted_frames(scene, still, frames), []
            else:
                times, warnings = measure.rendered_frames(scene, engine, frames)
        except measure.MeasureError as error:
            left_out.append(f"{engine} at {named(about)}: {error}")
            continue
        row = {"engine": engine, **about, "points": still.count + moving, "frames": len(times)}
        row |= {"seconds": figures.statistics_of(times), "warnings": warnings}
        if engine == "make4d":
            row["bytes"] = figures.touched_bytes(still.count, 2 * moving, case.size)
        yield row | {"load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None}


def named(about: Row) -> str:
    """A case as text."""
    moving = ", 40 % moving" if about["moving"] else ""
    return f"{about['millions']:g} M points, {about['size'][0]}x{about['size'][1]}{moving}"


def line_of(row: Row) -> str:
    """A row of the table, in milliseconds."""
    seconds = row["seconds"]
    times = [f"{seconds[n]['median'] * 1e3:.1f}" if n in seconds else "-" for n in COLUMNS]
    size = "x".join(str(length) for length in row["size"])
    moving = f"{scenes.MOVING_FRACTION:.0%}" if row["moving"] else "-"
    return ROW.format(row["engine"], f"{row['points'] / 1e6:.3f} M", size, moving, *times)


def machine() -> Row:
    """Facts about the computer. Starts Blender's GPU and measures the memory's bandwidth."""
    bpy, gpu = importlib.import_module("bpy"), importlib.import_module("gpu")
    printed: list[str] = []
    try:
        with measure.quiet(printed):
            gpu.init()
        renderer = f"{gpu.platform.renderer_get()} ({gpu.platform.backend_type_get()})"
    except SystemError as error:
        renderer = f"none: {error}"
    return {
        "cores": os.cpu_count(),
        "GPU": renderer,
        "Blender": bpy.app.version_string,
        "Python": platform.python_version(),
        "system": platform.platform(),
        "bandwidth": measure.bandwidth(),
        "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
    }


def summary(report: Row) -> Iterator[str]:
    """The lines below the table: ratios, fits, bytes, and what is left out."""
    for ratio in report["ratios"]:
        verdict = {True: "reached", False: "MISSED", None: "no goal here"}[ratio["reached"]]
        goal = f" (goal {ratio['goal']:g}: {verdict})" if ratio["goal"] else f" ({verdict})"
        yield f"{ratio['ratio']:.1f} times faster than {ratio['engine']} at {named(ratio)}{goal}"
    for fit in report["fits"]:
        verdict = {True: "linear", False: "NOT LINEAR", None: "too few counts"}[fit["linear"]]
        size, slope, constant = "x".join(map(str, fit["size"])), fit["slope"], fit["constant"]
        yield (
            f"{size}: {slope * 1e3:.0f} ms per million points and {constant * 1e3:.0f} ms; "
            f"at most {fit['off']:.1%} from this line ({verdict})"
        )
    for row in report["rows"]:
        if "bytes" in row:
            parts = ", ".join(f"{n} {size / 2**20:.0f}" for n, size in row["bytes"].items())
            yield f"{named(row)}: {parts} MB, {row['bandwidth_share']:.1%} of the memory bandwidth"
    yield from report["left_out"]


def with_figures(report: Row) -> Row:
    """The report with figures derived from its rows; ours get their fraction of the bandwidth."""
    for row in report["rows"]:
        if "bytes" in row:
            speed = sum(row["bytes"].values()) / row["seconds"]["total"]["median"]
            row["bandwidth_share"] = speed / report["machine"]["bandwidth"]
    rows = report["rows"]
    return report | {"ratios": figures.ratios_of(rows), "fits": figures.fits_of(rows)}


def run(options: argparse.Namespace, folder: str) -> Row:
    """Measure all cases and print a line for each row; returns the report."""
    facts, rows, left_out = machine(), [], []
    for name, fact in facts.items():
        print(f"{name}: {f'{fact / 1e9:.1f} GB/s' if name == 'bandwidth' else fact}")
    print("\n" + ROW.format("engine", "points", "size", "moving", *COLUMNS) + "  ms", flush=True)
    for case in cases_of(options):
        for row in measured(case, options.frames, folder, left_out):
            rows.append(row)
            print(line_of(row), *row["warnings"], sep="\n  ", flush=True)
    print()
    if options.compare == "one":
        left_out.append("Other engines at other counts and sizes are left out: --compare all.")
    return with_figures({"machine": facts, "rows": rows, "left_out": left_out})


def main(argv: list[str]) -> int:
    """Run the benchmark. Returns 1 if a goal is missed or our engine could not draw."""
    options = arguments(argv)
    if options.json:
        try:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.touch()
        except OSError as error:
            print(f"make4d bench render: {options.json} can't be written ({error.strerror}).")
            return 2
    package = importlib.import_module("conftest").PACKAGE
    package.register()
    with tempfile.TemporaryDirectory() as folder:
        report = run(options, folder)
    print(*summary(report), sep="\n")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    drawn = {row["engine"] for row in report["rows"]}
    missed = any(ratio["reached"] is False for ratio in report["ratios"])
    return int(missed or ("make4d" in options.engines and "make4d" not in drawn))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
