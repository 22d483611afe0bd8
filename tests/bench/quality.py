"""Image quality on scenes with ground truth: `./make4d bench quality`.

Seven landscapes are made by code and rendered by Cycles along a camera path (they are stored in a
cache folder). Every method sees the first frame alone, and its images from the later cameras are
compared with the true ones. The rows are the paper's ablation (table 2), what one would use
instead, and the depth backends. Clouds and water are frozen; a separate table measures how they
loop. Scenes from real photographs have tables of their own, if the photographs are on this machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import _quality_loop as loop
import _quality_measures as measures
import _quality_real as real
import _quality_runs as runs
from _quality_sheet import write_sheet
from _quality_table import Row, mean_row, measure, record, sampled_scene, table, truth_of
from _quality_views import views_folder
from _render_measure import quiet
from make_4d.geometry.core.camera import FloatArray
from make_4d.geometry.landscapes.make import (
    FRAMES,
    NAMES,
    SIZE,
    SMALL_FRAMES,
    SMALL_NAMES,
    SMALL_SIZE,
    make_landscape,
)
from make_4d.geometry.landscapes.truth import TruthScene, load_scene

COUNT, SMALL_COUNT = 5, 3
"""Number of frames after the first that are compared."""

NO_VIEWS = "\nThe real views are not on this machine: left out."

Record = dict[str, Any]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the benchmark's arguments."""
    p = argparse.ArgumentParser(prog="make4d bench quality", description=__doc__)
    p.add_argument("--json", metavar="FILE", help="write all figures to a file")
    p.add_argument("--sheets", metavar="DIR", help="write a contact sheet per scene to a folder")
    p.add_argument("--methods", nargs="+", help="only rows whose names start with one of these")
    p.add_argument("--cache", metavar="DIR", help="folder for rendered landscapes")
    p.add_argument("--small", action="store_true", help="two small scenes, as in the tests")
    which = p.add_mutually_exclusive_group()
    which.add_argument(
        "--scenes", nargs="+", choices=NAMES, help="only these landscapes, and no real views"
    )
    which.add_argument("--real", action="store_true", help="only the real views")
    return p


def main(argv: list[str]) -> int:
    """Run the benchmark; returns the exit status."""
    arguments = parser().parse_args(argv)
    starts = tuple(arguments.methods or [""])
    methods = [method for method in runs.METHODS if method.name.startswith(starts)]
    figures: Record = {}
    if not arguments.real:
        figures |= measure_landscapes(arguments, methods)
    if not (arguments.scenes or arguments.small):
        figures["real"] = measure_real_views(arguments, methods)
    if arguments.json:
        text = json.dumps(figures, indent=1)
        Path(arguments.json).write_text(text + "\n", encoding="utf-8")
    return 0


def measure_landscapes(arguments: argparse.Namespace, methods: Sequence[runs.Method]) -> Record:
    """Print the tables of the landscapes and return their figures."""
    scenes = chosen_scenes(arguments)
    rows: dict[str, list[Row]] = {method.name: [] for method in methods}
    loops: dict[str, loop.LoopRow] = {}
    for scene in scenes:
        started = time.perf_counter()
        images = {m.name: render_frames(scene, m, rows[m.name]) for m in methods}
        own = {name: of_scenes[-1] for name, of_scenes in rows.items()}
        print(table(f"\n{scene.name} ({time.perf_counter() - started:.0f} s)", own), flush=True)
        if loop.METHOD in methods:
            loops[scene.name] = loop.loop_row(scene)
        if arguments.sheets:
            write_sheet(Path(arguments.sheets) / f"{scene.name}.png", sheet_rows(scene, images))
    means = {name: mean_row(of_scenes) for name, of_scenes in rows.items()}
    print(table(f"\nmean of {len(scenes)} scenes", means))
    if loops:
        print(table("\nloop (camera still)", loops, loop.FORMAT, marked=False))
    depths = depth_table(scenes)
    print(depth_text(depths), flush=True)
    per_scene = {
        scene.name: {name: record(of_scenes[i]) for name, of_scenes in rows.items()}
        for i, scene in enumerate(scenes)
    }
    return {
        "mean": {name: record(row) for name, row in means.items()},
        "scenes": per_scene,
        "loop": {name: record(row) for name, row in loops.items()},
        "depth": depths,
    }


def measure_real_views(arguments: argparse.Namespace, methods: Sequence[runs.Method]) -> Record:
    """Print the tables of the real views and return their figures; {} without the views."""
    folder, chosen = views_folder(), [m for m in methods if m.name in real.METHODS]
    if folder is None:
        print(NO_VIEWS)
        return {}
    figures: Record = {}
    sheets: dict[str, list[list[FloatArray]]] = {}
    for case in real.real_cases(folder) if chosen else []:
        started = time.perf_counter()
        shots = {method.name: real.render_later_views(case, method) for method in chosen}
        rows = {name: real.measure(case, views) for name, views in shots.items()}
        elapsed = time.perf_counter() - started
        print(table(f"\nreal views: {case.name} ({elapsed:.0f} s)", rows), flush=True)
        figures[case.name] = {name: record(row) for name, row in rows.items()}
        images = {name: [shot.image for shot in views] for name, views in shots.items()}
        sheets.setdefault(case.sheet, []).extend(real.sheet_rows(case, images))
    for name, lines in sheets.items() if arguments.sheets else ():
        write_sheet(Path(arguments.sheets) / f"{name}.png", lines)
    return figures


def chosen_scenes(arguments: argparse.Namespace) -> list[TruthScene]:
    """Return the chosen landscapes, rendering those that the cache folder lacks."""
    small = arguments.small
    names = arguments.scenes or (SMALL_NAMES if small else NAMES)
    size, frames, count = (
        (SMALL_SIZE, SMALL_FRAMES, SMALL_COUNT) if small else (SIZE, FRAMES, COUNT)
    )
    folder = Path(arguments.cache) if arguments.cache else cache_folder()
    with quiet([]):  # Cycles prints a line per frame
        folders = [make_landscape(name, folder, size, frames) for name in names]
    return [sampled_scene(load_scene(path), count) for path in folders]


def cache_folder() -> Path:
    """Return the folder that stores landscapes between runs, in this user's cache folder."""
    folders = import_module("make_4d.geometry.folders")  # imported late, since it loads Blender
    return Path(folders.system_cache_folder()) / "make4d" / "scenes"


def render_frames(scene: TruthScene, method: runs.Method, rows: list[Row]) -> list[FloatArray]:
    """Render all frames of a scene with a method, and append their measures to `rows`."""
    render = runs.renderer(scene, method)
    shots = [render(frame, number) for number, frame in enumerate(scene.frames)]
    images = [shot.image for shot in shots]
    rows.append(measure(scene, images, [shot.alpha for shot in shots]))
    return images


def sheet_rows(scene: TruthScene, images: dict[str, list[FloatArray]]) -> list[list[FloatArray]]:
    """Return a row of first, middle and last frame for the truth and for each method."""
    last = len(scene.frames) - 1
    chosen = (0, (last + 1) // 2, last)
    return [[row[k] for k in chosen] for row in (truth_of(scene), *images.values())]


def depth_table(scenes: list[TruthScene]) -> dict[str, dict[str, float]]:
    """Return each depth backend's mean Spearman and delta-1 (after scale and shift) over scenes."""
    rows: dict[str, dict[str, float]] = {}
    for key in runs.depth_backends():
        ranks, close = [], []
        for scene in scenes:
            disparity = runs.estimate_disparity(scene, key)
            depth = 1.0 / np.maximum(disparity, 1.0 / runs.FARTHEST)
            truth = scene.frames[0].depth
            ranks.append(measures.spearman(depth, truth))
            close.append(measures.delta1(depth, truth))
        rows[key] = {"spearman": float(np.mean(ranks)), "delta1": float(np.mean(close))}
    return rows


def depth_text(depths: dict[str, dict[str, float]]) -> str:
    """Return the depth table as text."""
    lines = ["", f"{'depth':<28}{'spearman':>10}{'delta-1':>10}"]
    for key, row in depths.items():
        lines.append(f"{key:<28}{row['spearman']:>10.3f}{row['delta1']:>10.3f}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
