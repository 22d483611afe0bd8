"""Time the node groups: `./make4d bench nodes`.

A million points, of which 40 % move, are evaluated frame by frame with and without the modifier;
the difference is the cost of the nodes. Other load on the machine can only add to it, so the
smallest time is printed beside the median.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

import conftest  # noqa: F401 - the add-on as make_4d

POINTS, MOVING_FRACTION, FRAMES, LOOP = 1_000_000, 0.4, 24, 60
CASES: dict[str, dict[str, Any]] = {
    "animate": {},
    "animate, turbulence": {"Turbulence": 0.3},
    "animate, fading": {"Fade at Border": True},
}


def parser() -> argparse.ArgumentParser:
    """The parser of the benchmark's arguments."""
    p = argparse.ArgumentParser(prog="make4d bench nodes", description=__doc__)
    p.add_argument(
        "--points", type=int, default=POINTS, help="points of the still and moving cloud"
    )
    p.add_argument("--frames", type=int, default=FRAMES, help="number of frames to evaluate")
    p.add_argument("--json", metavar="FILE", help="write all figures")
    return p


def main(argv: list[str]) -> int:
    """Run the benchmark; returns the exit status."""
    arguments = parser().parse_args(argv)
    still, moving = scene_of(arguments.points)
    base = times(moving, arguments.frames, None, {})
    print(f"{len(still.data.points)} points still, {len(moving.data.points)} moving")
    figures = {}
    for name, inputs in CASES.items():
        taken = times(moving, arguments.frames, name, inputs)
        cost = [t - min(base) for t in taken]
        figures[name] = {"least_ms": min(cost), "median_ms": statistics.median(cost)}
        print(f"{name:<24} least {min(cost):6.1f} ms, median {figures[name]['median_ms']:6.1f} ms")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


def scene_of(count: int) -> tuple[Any, Any]:
    """A still and a moving cloud in the open scene, with `count` points in all."""
    import bpy
    from make_4d.geometry.clouds import make_cloud

    bpy.ops.wm.read_factory_settings(use_empty=True)
    moving = round(MOVING_FRACTION * count)
    made = [
        make_cloud(name, points_of(size, keys))
        for name, size, keys in (("still", count - moving, 0), ("moving", moving, 8))
    ]
    for cloud in made:
        bpy.context.collection.objects.link(cloud)
    return made[0], made[1]


def points_of(count: int, keys: int) -> Any:
    """Random points with random displacements at `keys` key times."""
    from make_4d.geometry.core.scene_data import PointArrays

    rng = np.random.default_rng(3)
    ones, number = np.ones(count, np.float32), np.arange(count, dtype=np.int32)
    positions, colors = (rng.random((count, 3), np.float32) for _ in range(2))
    displacements = [rng.normal(0, 0.01, (keys, count, 3)).astype(np.float32) for _ in range(2)]
    lifetime = np.repeat(np.array([[0.9], [0.1]], np.float32), count, 1)[: 2 if keys else 0]
    return PointArrays(
        positions, colors, ones, ones, ones, 0 * number, number, ones, *displacements, lifetime
    )


def times(cloud: Any, frames: int, case: str | None, inputs: dict[str, Any]) -> list[float]:
    """Milliseconds to set each frame; case None: without the modifier."""
    import bpy
    from make_4d.geometry.nodes.animate import add_animation
    from make_4d.geometry.nodes.tree import set_input

    cloud.modifiers.clear()
    if case is not None:
        modifier = add_animation(cloud, LOOP)
        for name, value in ({"Fade at Border": False} | inputs).items():
            set_input(cloud, modifier, name, value)
    taken = []
    for frame in range(2, frames + 3):
        started = time.perf_counter()
        bpy.context.scene.frame_set(frame)
        taken.append(1000 * (time.perf_counter() - started))
    return taken[1:]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
