"""How good the pictures are, on scenes whose truth is known: `./make4d bench quality`.

Seven landscapes are made by code and rendered by Cycles along a flight (they are kept in a cache
folder). Every way of making a flight from a photo sees the first frame alone; its pictures from the
later cameras are compared with the true ones. The rows are the paper's ablation (table 2), what a
user would do otherwise, and the ways of estimating depth. Things that move are held still; a table
of its own tells how they loop. Flights from real photographs have tables of their own, where they
are on this machine.
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
from _quality_table import Row, mean_row, measured, record, sampled_scene, table, truth_of
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
"""How many frames after the first are compared."""

Record = dict[str, Any]


def parser() -> argparse.ArgumentParser:
    """The benchmark's arguments."""
    p = argparse.ArgumentParser(prog="make4d bench quality", description=__doc__)
    p.add_argument("--json", metavar="FILE", help="write all figures")
    p.add_argument("--picture", metavar="DIR", help="write contact sheets, a scene a file")
    p.add_argument("--ways", nargs="+", help="only the rows that begin so")
    p.add_argument("--cache", metavar="DIR", help="where made scenes are kept")
    p.add_argument("--small", action="store_true", help="two small scenes, as in the tests")
    which = p.add_mutually_exclusive_group()
    which.add_argument("--scenes", nargs="+", choices=NAMES, help="only these, and no real views")
    which.add_argument("--real", action="store_true", help="only the real views")
    return p


def main(argv: list[str]) -> int:
    """Run the benchmark; returns the exit status."""
    arguments = parser().parse_args(argv)
    ways = [w for w in runs.WAYS if not arguments.ways or w.name.startswith(tuple(arguments.ways))]
    figures: Record = {}
    if not arguments.real:
        figures |= made_figures(arguments, ways)
    if not (arguments.scenes or arguments.small):
        figures["real"] = real_figures(arguments, ways)
    if arguments.json:
        text = json.dumps(figures, indent=1)
        Path(arguments.json).write_text(text + "\n", encoding="utf-8")
    return 0


def made_figures(arguments: argparse.Namespace, ways: Sequence[runs.Way]) -> Record:
    """The tables of the made scenes, printed, and their figures."""
    scenes = chosen_scenes(arguments)
    rows: dict[str, list[Row]] = {way.name: [] for way in ways}
    loops: dict[str, loop.LoopRow] = {}
    for scene in scenes:
        started = time.perf_counter()
        pictures = {way.name: shot_by(scene, way, rows[way.name]) for way in ways}
        own = {name: found[-1] for name, found in rows.items()}
        print(table(f"\n{scene.name} ({time.perf_counter() - started:.0f} s)", own), flush=True)
        if loop.WAY in ways:
            loops[scene.name] = loop.loop_row(scene)
        if arguments.picture:
            write_sheet(Path(arguments.picture) / f"{scene.name}.png", sheet_lines(scene, pictures))
    means = {name: mean_row(found) for name, found in rows.items()}
    print(table(f"\nmean of {len(scenes)} scenes", means))
    if loops:
        print(table("\nloop (camera still)", loops, loop.FORMAT, marked=False))
    depths = depth_table(scenes)
    print(depth_text(depths), flush=True)
    per_scene = {
        scene.name: {name: record(found[i]) for name, found in rows.items()}
        for i, scene in enumerate(scenes)
    }
    return {
        "mean": {name: record(row) for name, row in means.items()},
        "scenes": per_scene,
        "loop": {name: record(row) for name, row in loops.items()},
        "depth": depths,
    }


def real_figures(arguments: argparse.Namespace, ways: Sequence[runs.Way]) -> Record:
    """The tables of the real views, printed, and their figures; {} where there are no views."""
    folder, chosen = views_folder(), [way for way in ways if way.name in real.WAYS]
    if folder is None:
        print("\nThe real views are not on this machine: left out.")
        return {}
    figures: Record = {}
    sheets: dict[str, list[list[FloatArray]]] = {}
    for case in real.real_cases(folder) if chosen else []:
        started = time.perf_counter()
        shots = {way.name: real.shots_by(case, way) for way in chosen}
        rows = {name: real.measured(case, found) for name, found in shots.items()}
        taken = time.perf_counter() - started
        print(table(f"\nreal views: {case.name} ({taken:.0f} s)", rows), flush=True)
        figures[case.name] = {name: record(row) for name, row in rows.items()}
        pictures = {name: [shot.image for shot in found] for name, found in shots.items()}
        sheets.setdefault(case.sheet, []).extend(real.sheet_lines(case, pictures))
    for name, lines in sheets.items() if arguments.picture else ():
        write_sheet(Path(arguments.picture) / f"{name}.png", lines)
    return figures


def chosen_scenes(arguments: argparse.Namespace) -> list[TruthScene]:
    """The scenes with truth, made where the cache doesn't have them."""
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
    """Where made scenes are kept between runs: a folder for caches of this user."""
    folders = import_module("make_4d.geometry.folders")  # only now: it loads Blender
    return Path(folders.system_cache_folder()) / "make4d" / "scenes"


def shot_by(scene: TruthScene, way: runs.Way, rows: list[Row]) -> list[FloatArray]:
    """A way's pictures of all frames of a scene; what is measured of them goes to `rows`."""
    shoot = runs.shooter(scene, way)
    shots = [shoot(frame, number) for number, frame in enumerate(scene.frames)]
    pictures = [shot.image for shot in shots]
    rows.append(measured(scene, pictures, [shot.alpha for shot in shots]))
    return pictures


def sheet_lines(scene: TruthScene, pictures: dict[str, list[FloatArray]]) -> list[list[FloatArray]]:
    """The truth's and every way's first, middle and last frame, a line each."""
    last = len(scene.frames) - 1
    chosen = (0, (last + 1) // 2, last)
    return [[line[k] for k in chosen] for line in (truth_of(scene), *pictures.values())]


def depth_table(scenes: list[TruthScene]) -> dict[str, dict[str, float]]:
    """For each depth way the mean over scenes of Spearman and of delta-1 after scale and shift."""
    found: dict[str, dict[str, float]] = {}
    for key in runs.depth_ways():
        ranks, close = [], []
        for scene in scenes:
            disparity = runs.estimated(scene, key)
            depth = 1.0 / np.maximum(disparity, 1.0 / runs.FARTHEST)
            truth = scene.frames[0].depth
            ranks.append(measures.spearman(depth, truth))
            close.append(measures.delta1(depth, truth))
        found[key] = {"spearman": float(np.mean(ranks)), "delta1": float(np.mean(close))}
    return found


def depth_text(depths: dict[str, dict[str, float]]) -> str:
    """The depth table as lines of text."""
    lines = ["", f"{'depth':<28}{'spearman':>10}{'delta-1':>10}"]
    for key, found in depths.items():
        lines.append(f"{key:<28}{found['spearman']:>10.3f}{found['delta1']:>10.3f}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
