"""Check that a long render leaks no memory: `./make4d bench memory`.

A synthetic landscape with moving parts is rendered frame after frame into a file, first by Nearest
Points, then by Sorted. The first fifth of a method's frames is a warm-up; after it the memory of
the process may grow by one percent. Linux only.
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
"""Lines of the table per method."""


def resident_megabytes() -> float:
    """Resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


def make_scene() -> Any:
    """A scene of about 150,000 points of a synthetic photo."""
    bpy, synthetic = importlib.import_module("bpy"), importlib.import_module("synthetic")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene_data = synthetic.make_scene_data(*SIZE, margin=40, motion=True)
    build = importlib.import_module("make_4d.geometry.build")
    scene = bpy.data.scenes[build.build_scene(scene_data, "memory", bpy.context.scene).scene]
    scene.render.engine = "MAKE_4D"
    scene.render.resolution_percentage = 100
    return scene


def measure(scene: Any, method: str, frames: int, folder: Path) -> list[dict[str, Any]]:
    """Render frames with a method; returns the memory after each tenth of them."""
    bpy = importlib.import_module("bpy")
    scene.make_4d_engine.method = method
    scene.render.filepath = str(folder / "frame.png")
    records = []
    for number in range(1, frames + 1):
        scene.frame_set(1 + number % scene.frame_end)
        bpy.ops.render.render(write_still=True, scene=scene.name)
        if number % max(1, frames // STEPS) == 0:
            megabytes = resident_megabytes()
            records.append({"method": method, "frame": number, "megabytes": round(megabytes, 1)})
            print(f"{method:<8} frame {number:>5}  {megabytes:8.1f} MB", flush=True)
    return records


def growth(records: list[dict[str, Any]]) -> float:
    """Relative growth of memory after the first fifth of a method's frames."""
    megabytes = [record["megabytes"] for record in records]
    return megabytes[-1] / megabytes[len(megabytes) // 5] - 1.0


def main(argv: list[str]) -> int:
    """Run the benchmark. Returns 1 if memory grows more than allowed, 2 if it can't run."""
    parser = argparse.ArgumentParser(prog="make4d bench memory", description=__doc__)
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    if options.frames < STEPS or not sys.platform.startswith("linux"):
        print(f"make4d bench memory: needs Linux and at least {STEPS} frames.", file=sys.stderr)
        return 2
    sys.path.insert(0, str(TESTS))
    package = importlib.import_module("conftest").PACKAGE
    package.register()
    records, worst = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        scene = make_scene()
        for method in ("NEAREST", "SORTED"):
            of_method = measure(scene, method, options.frames, Path(folder))
            worst = max(worst, growth(of_method))
            records += of_method
    print(f"largest growth after the first fifth: {worst:.2%} (allowed: {ALLOWED_GROWTH:.0%})")
    if options.json:
        options.json.write_text(json.dumps({"growth": worst, "records": records}, indent=1))
    return int(worst > ALLOWED_GROWTH)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
