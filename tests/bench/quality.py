"""How good the pictures are, on scenes whose truth is known: `./make4d bench quality`.

Seven landscapes are made by code and rendered by Cycles along a flight (they are kept in a cache
folder). Every way of making a flight from a photo sees the first frame alone; its pictures from the
later cameras are compared with the true ones. The rows are the paper's ablation (table 2), what a
user would do otherwise, and the ways of estimating depth. Things that move are held still.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import _quality_measures as measures
import _quality_runs as runs
from _quality_data import FloatArray, TruthScene
from _quality_table import Row, mean_row, measured, record, sampled_scene, table, truth_of
from landscapes.make import (
    FRAMES,
    NAMES,
    SIZE,
    SMALL_FRAMES,
    SMALL_NAMES,
    SMALL_SIZE,
    cached_scene,
)

COUNT, SMALL_COUNT = 5, 3
"""How many frames after the first are compared."""
GAP = 4

Record = dict[str, Any]


def parser() -> argparse.ArgumentParser:
    """The benchmark's arguments."""
    p = argparse.ArgumentParser(prog="make4d bench quality", description=__doc__)
    p.add_argument("--small", action="store_true", help="two small scenes, as in the tests")
    p.add_argument("--json", metavar="FILE", help="write all figures")
    p.add_argument("--picture", metavar="DIR", help="write contact sheets, a scene a file")
    p.add_argument("--scenes", nargs="+", choices=NAMES, help="only these")
    p.add_argument("--ways", nargs="+", help="only the rows that begin so")
    p.add_argument("--cache", metavar="DIR", help="where made scenes are kept")
    return p


def main(argv: list[str]) -> int:
    """Run the benchmark; returns the exit status."""
    arguments = parser().parse_args(argv)
    scenes = list(chosen_scenes(arguments))
    ways = [w for w in runs.WAYS if not arguments.ways or w.name.startswith(tuple(arguments.ways))]
    rows: dict[str, list[Row]] = {way.name: [] for way in ways}
    for scene in scenes:
        started = time.perf_counter()
        pictures = {way.name: shot_by(scene, way, rows[way.name]) for way in ways}
        own = {name: found[-1] for name, found in rows.items()}
        print(table(f"\n{scene.name} ({time.perf_counter() - started:.0f} s)", own), flush=True)
        if arguments.picture:
            write_sheet(Path(arguments.picture), scene, pictures)
    means = {name: mean_row(found) for name, found in rows.items()}
    print(table(f"\nmean of {len(scenes)} scenes", means))
    depths = depth_table(scenes)
    print(depth_text(depths))
    if arguments.json:
        per_scene = {
            scene.name: {name: record(found[i]) for name, found in rows.items()}
            for i, scene in enumerate(scenes)
        }
        figures = {"mean": {n: record(r) for n, r in means.items()}, "scenes": per_scene}
        text = json.dumps(figures | {"depth": depths}, indent=1)
        Path(arguments.json).write_text(text + "\n", encoding="utf-8")
    return 0


def chosen_scenes(arguments: argparse.Namespace) -> list[TruthScene]:
    """The scenes with truth, made where the cache doesn't have them."""
    small = arguments.small
    names = arguments.scenes or (SMALL_NAMES if small else NAMES)
    size, frames, count = (
        (SMALL_SIZE, SMALL_FRAMES, SMALL_COUNT) if small else (SIZE, FRAMES, COUNT)
    )
    folder = Path(arguments.cache) if arguments.cache else cache_folder()
    return [sampled_scene(cached_scene(name, folder, size, frames), count) for name in names]


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


def write_sheet(folder: Path, scene: TruthScene, pictures: dict[str, list[FloatArray]]) -> None:
    """A picture of the truth and every way, first, middle and last frame side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [truth_of(scene), *pictures.values()]
    last = len(scene.frames) - 1
    chosen = (0, (last + 1) // 2, last)
    strips = [np.hstack([padded(line[k]) for k in chosen]) for line in lines]
    sheet = np.rint(np.vstack(strips)[..., ::-1] * 255).astype(np.uint8)
    cv2.imwrite(str(folder / f"{scene.name}.png"), sheet)


def padded(picture: FloatArray) -> FloatArray:
    """The picture with a white gap at its right and below."""
    return np.pad(picture, ((0, GAP), (0, GAP), (0, 0)), constant_values=1.0)


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
