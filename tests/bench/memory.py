"""The benchmark `memory`: does a long render lose memory? Prints the process's memory by frame.

usage: make4d bench memory [--frames 500] [--json FILE]

A made landscape, part of which moves, is rendered frame after frame into a file, first by one
method, then by the other. The first fifth of a method's frames warms up; after that the memory may
grow by a hundredth. Linux only.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent
ALLOWED_GROWTH = 0.01
SIZE = (320, 240)
STEPS = 10
"""Lines of the table a method."""


def resident_megabytes() -> float:
    """Memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


def make_scene() -> Any:
    """A flight of about 150,000 points through a made photo; returns its scene."""
    bpy, synthetic = importlib.import_module("bpy"), importlib.import_module("synthetic")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene_data = synthetic.make_scene_data(*SIZE, margin=40, motion=True)
    build = importlib.import_module("make_4d.geometry.build")
    scene = bpy.data.scenes[build.build_scene(scene_data, "memory", bpy.context.scene).scene]
    scene.render.engine = "MAKE_4D"
    scene.render.resolution_percentage = 100
    return scene


def measure(scene: Any, method: str, frames: int, folder: Path) -> list[dict[str, Any]]:
    """Render `frames` frames; the memory after every tenth part of them."""
    bpy = importlib.import_module("bpy")
    scene.make_4d_engine.method = method
    scene.render.filepath = str(folder / "frame.png")
    records = []
    for number in range(1, frames + 1):
        scene.frame_set(1 + number % scene.frame_end)
        bpy.ops.render.render(write_still=True, scene=scene.name)
        if number % max(1, frames // STEPS) == 0:
            held = resident_megabytes()
            records.append({"method": method, "frame": number, "megabytes": round(held, 1)})
            print(f"{method:<8} frame {number:>5}  {held:8.1f} MB", flush=True)
    return records


def growth(records: list[dict[str, Any]]) -> float:
    """How much of its memory a method's process gained after the first fifth of the frames."""
    held = [record["megabytes"] for record in records]
    return held[-1] / held[len(held) // 5] - 1.0


def main(argv: list[str]) -> int:
    """Run the benchmark; 1 where memory grows by more than is allowed."""
    parser = argparse.ArgumentParser(prog="make4d bench memory", description=__doc__)
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(argv)
    if chosen.frames < STEPS or not sys.platform.startswith("linux"):
        print("make4d bench memory: needs Linux and at least 10 frames.", file=sys.stderr)
        return 2
    sys.path.insert(0, str(TESTS))
    package = importlib.import_module("conftest").PACKAGE
    package.register()
    records, worst = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        scene = make_scene()
        for method in ("EXACT", "SORTED"):
            of_method = measure(scene, method, chosen.frames, Path(folder))
            worst = max(worst, growth(of_method))
            records += of_method
    print(f"largest growth after the first fifth: {worst:.2%} (allowed: {ALLOWED_GROWTH:.0%})")
    if chosen.json:
        chosen.json.write_text(json.dumps({"growth": worst, "records": records}, indent=1))
    return int(worst > ALLOWED_GROWTH)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
