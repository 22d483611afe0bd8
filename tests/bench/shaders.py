"""The render engine's shaders without Blender: `./make4d bench shaders`.

The engine's own passes draw through a stand-in for Blender's module `gpu` over moderngl, so numpy
and moderngl are all that is needed, and no display. First small clouds are drawn and compared with
the numpy renderer; then a large scene with the points on the GPU and the camera in motion is timed.
Parts are timed by the GPU's own clock; where there is no GPU by the processor's, and then no goal
is judged.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import moderngl
import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(Path(__file__).parent))

import _gl_context  # noqa: E402 - this Python does not look beside its script
import _gpu_moderngl  # noqa: E402
import golden  # noqa: E402
from _golden_clouds import Golden, InputError, golden_files, load  # noqa: E402
from _wavy_layers import DEPTHS, wavy_clouds  # noqa: E402

GOLDEN = ROOT / "tests" / "data" / "splat"
SHADERS = ROOT / "render" / "shaders"
GOAL_FPS, GOAL_POINTS, GOAL_SIZE = 60.0, 4_000_000, (1080, 1920)
NEAREST = 8
TOLERANCE = 1e-4
"""Largest error of a small cloud's image and alpha, as of the paper's renderer."""
PASSES = ("Combined", "Depth", "Position", "Vector", "Disocclusion", "Layer")
ENGINE_SIZE, ENGINE_POINTS = (60, 96), 9000
ENGINE_SHARE = 2e-3
"""Share of a frame's pixels that may be farther off than TOLERANCE (of the values' largest): where
rounding decides whether a disc touches the pixel, another disc is the K-th."""
LAYER_SHARE = 1e-2
"""The same for the layer: here the heaviest disc's index, in the twin the mean index, rounded."""
PARTS = {
    "clear": "bin",
    "bin_comp": "bin",
    "scan_comp": "bin",
    "scatter_comp": "bin",
    "gather_frag": "gather",
    "finish_frag": "finish",
    "splat_frag": "sorted draw",
}
"""Part of a frame, by the text that has the shader's `main`."""
TRAVEL = 0.3
"""How far the camera moves to each side, in nearest depths."""

Record = dict[str, Any]


def compared(golden: Golden, method: str) -> Record:
    """How far the engine's drawing of a cloud is from the numpy renderer's.

    NEAREST and the numpy renderer keep the K nearest discs of a pixel, SORTED all of them.
    """
    draw = import_module("make_4d.render.draw_points").draw
    cloud = (golden.position, golden.radius, golden.features)
    drawn = draw(*cloud, golden.lens, golden.size, golden.nearest, method)
    truth = reference(golden if method == "NEAREST" else replace(golden, nearest=None))
    pairs = zip(drawn, (truth.image, truth.alpha), strict=True)
    image, alpha = (float(np.abs(one - other).max()) for one, other in pairs)
    passed = max(image, alpha) <= TOLERANCE
    return {"file": golden.name, "method": method, "error": max(image, alpha), "passed": passed}


def reference(golden_cloud: Golden) -> Any:
    """The numpy renderer's drawing."""
    unknown = replace(golden_cloud.truth, index=None)
    return golden.draw_reference(replace(golden_cloud, truth=unknown))


def compared_engine() -> list[Record]:
    """How far a whole frame's passes, mixed from two moving copies, are from their numpy twins'."""
    frame = import_module("make_4d.render.frame")
    finish = import_module("make_4d.render.finish_pass")
    clouds, film = (
        scene(ENGINE_POINTS, ENGINE_SIZE, moving=True),
        film_of(ENGINE_SIZE, 0.15, PASSES),
    )
    count = sum(len(cloud.position) for cloud in clouds)
    motion = np.random.default_rng(5).normal(0, 3, (count, 4)).astype(np.float32)
    session = import_module("make_4d.render.session").Session()
    session.update(clouds, motion)
    drawn = finish.read_passes(session.draw(film), film)
    truth = frame.render_clouds(clouds, film, frame.cpu_drawing, motion)
    records = []
    for name in PASSES:
        error = np.abs(drawn[name] - truth[name]) / max(1.0, np.abs(truth[name]).max())
        share = float((error.reshape(*ENGINE_SIZE, -1) > TOLERANCE).any(axis=-1).mean())
        limit = LAYER_SHARE if name == "Layer" else ENGINE_SHARE
        record = {"file": f"frame: {name}", "method": "NEAREST", "error": share}
        records.append(record | {"passed": share <= limit})
    return records


def scene(count: int, size: tuple[int, int], moving: bool = False) -> list[Any]:
    """The clouds of the wavy scene."""
    cloud = import_module("make_4d.render.extract").Cloud
    return wavy_clouds(cloud, count, size, moving)


def film_of(size: tuple[int, int], travel: float, passes: tuple[str, ...] = PASSES[:1]) -> Any:
    """A film through a camera that stands at x = `travel`, in nearest depths."""
    place = np.eye(4)
    place[0, 3] = -travel * DEPTHS[0]
    height, width = size
    lens = (float(width), float(width)), (width / 2, height / 2)
    view = import_module("make_4d.render.view").View(place, *lens, width, height, (0.01, 1000.0))
    return import_module("make_4d.render.frame_request").FrameRequest(
        view, frozenset(passes), (0, 0, 0), NEAREST
    )


def films(size: tuple[int, int], frames: int) -> Iterator[Any]:
    """Films of a camera that goes from side to side."""
    for travel in np.linspace(-TRAVEL, TRAVEL, frames):
        yield film_of(size, float(travel))


def timed(options: argparse.Namespace, context: moderngl.Context, meter: Any) -> Record:
    """Times of frames of the wavy scene: a frame in all, then its parts."""
    session = import_module("make_4d.render.session").Session()
    clouds = scene(options.points, options.size)
    start = time.perf_counter()
    session.update(clouds)
    context.finish()
    uploaded = time.perf_counter() - start
    frames = []
    pictures: list[Any] = []  # a frame's are kept until the next are drawn, as on the screen
    for film in (film_of(options.size, 0.0), *films(options.size, options.frames)):
        start = time.perf_counter()
        pictures = session.draw(film)
        context.finish()
        frames.append(time.perf_counter() - start)
    if options.picture:
        write_picture(options.picture, pictures[0], options.size)
    del pictures
    parts = []
    for film in films(options.size, min(options.frames, options.measured)):
        meter.start()
        session.draw(film)
        parts.append(by_shader(meter.taken()))
    median = statistics.median(frames[1:])
    return {
        "points": session.store.count,
        "size": options.size,
        "uploaded": uploaded,
        "seconds": median,
        "slowest": max(frames[1:]),
        "fps": 1 / median,
        "shaders": {name: statistics.median(p[name] for p in parts) for name in parts[0]},
    }


def timed_sorted(options: argparse.Namespace, meter: Any) -> Record:
    """Times of a frame of the sorted method: in all (sorted by the processor), and the GPU's."""
    frame = import_module("make_4d.render.frame")
    drawing = import_module("make_4d.render.splat_pass").gpu_drawing
    clouds = scene(options.points, options.size)
    start = time.perf_counter()
    meter.start()
    frame.render_clouds(clouds, film_of(options.size, TRAVEL), drawing)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "shaders": by_shader(meter.taken())}


def by_shader(taken: list[tuple[object, float]]) -> dict[str, float]:
    """Seconds by shader text, summed up."""
    seconds: dict[str, float] = {}
    for worker, spent in taken:
        name = worker if isinstance(worker, str) else texts_of(worker)[-1]
        seconds[name] = seconds.get(name, 0.0) + spent
    return seconds


@cache
def texts_of(shader: Any) -> list[str]:
    """Names of the .glsl files that a shader is made of, the one that tells it apart last."""
    names = [path.stem for path in SHADERS.glob("*.glsl") if path.read_text("utf-8") in shader.text]
    return sorted(names, key=lambda name: name in PARTS)


def write_picture(path: Path, texture: Any, size: tuple[int, int]) -> None:
    """Write a finished picture as a PPM file."""
    linear = np.asarray(texture.read()).reshape(*size, 4)[::-1, :, :3]
    pixels = np.round(255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    path.write_bytes(b"P6 %d %d 255\n" % (size[1], size[0]) + pixels.tobytes())


def say_agreement(records: list[Record]) -> None:
    """Print how near the engine's pictures are to the numpy renderer's."""
    for record in records:
        kind = "of pixels differ" if record["file"].startswith("frame") else "largest error"
        verdict = "passed" if record["passed"] else "MISSED"
        name, method = record["file"], record["method"]
        print(f"{name:<24} {method:<7} {record['error']:.2e} {kind}, {verdict}")


def say_times(record: Record) -> None:
    """Print a record of times."""
    sums: dict[str, float] = {}
    for name, seconds in record["shaders"].items():
        sums[PARTS[name]] = sums.get(PARTS[name], 0.0) + seconds
        print(f"  {name:<14} {1e3 * seconds:9.2f} ms")
    print("  " + ", ".join(f"{part} {1e3 * seconds:.2f} ms" for part, seconds in sums.items()))


def goal_of(record: Record, software: bool) -> str:
    """Whether the goal is reached, in a sentence."""
    enough = record["points"] >= 0.99 * GOAL_POINTS and tuple(record["size"]) == GOAL_SIZE
    if software or not enough:
        why = (
            "drawn by the processor" if software else "fewer points or another size than the goal's"
        )
        return f"not judged: {why}"
    return "reached" if record["fps"] > GOAL_FPS else "MISSED"


def size_of(text: str) -> tuple[int, int]:
    """Rows and columns of a size given as WIDTHxHEIGHT."""
    width, height = (int(part) for part in text.split("x"))
    return height, width


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser(prog="make4d bench shaders", description=__doc__)
    add = parser.add_argument
    add("--points", type=lambda t: int(float(t)), default=GOAL_POINTS, help="0 for no timing")
    add("--size", type=size_of, default=GOAL_SIZE, metavar="WIDTHxHEIGHT")
    add("--frames", type=int, default=30, help="frames to time in all")
    add("--measured", type=int, default=5, help="frames to time by part")
    add("--no-sorted", action="store_true", help="leave out the sorted method")
    add("--golden", type=Path, default=GOLDEN, metavar="DIR", help="the golden files")
    add("--device", type=int, help="number of the EGL device")
    add("--json", type=Path, metavar="FILE", help="write all figures")
    add("--picture", type=Path, metavar="FILE.ppm", help="write the last frame")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run the benchmark; 1 where pictures differ or the goal is missed, 2 where nothing can run."""
    options = arguments(argv)
    try:
        clouds = [load(path) for path in golden_files(options.golden)]
        context = _gl_context.open_context(options.device)
    except (InputError, _gl_context.NoContextError) as error:
        print(f"make4d bench shaders: {error}", file=sys.stderr)
        return 2
    meter, software = _gpu_moderngl.install(context), _gl_context.is_software(context)
    golden.load_package()
    facts = {name: context.info[f"GL_{name.upper()}"] for name in ("vendor", "renderer", "version")}
    facts |= {"moderngl": moderngl.__version__, "python": platform.python_version()}
    print(*(f"{name}: {fact}" for name, fact in facts.items()), sep="\n")
    agreement = [compared(cloud, m) for cloud in clouds for m in ("NEAREST", "SORTED")]
    agreement += compared_engine()
    say_agreement(agreement)
    print(flush=True)
    result: Record = {"machine": facts | {"software": software}, "agreement": agreement}
    if options.points:
        result |= measured(options, context, meter, software)
    used = {name for shader in _gpu_moderngl.GPUShader.made for name in texts_of(shader)}
    result["compiled"] = sorted(used)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    passed = all(record["passed"] for record in agreement) and result.get("goal") != "MISSED"
    return 0 if passed else 1


def measured(
    options: argparse.Namespace, context: moderngl.Context, meter: Any, software: bool
) -> Record:
    """Print and return the times."""
    nearest = timed(options, context, meter)
    height, width = options.size
    print(
        f"{nearest['points']:,} points at {width}x{height}, by the {'CPU' if software else 'GPU'}:"
    )
    print(f"a frame {1e3 * nearest['seconds']:.2f} ms (slowest {1e3 * nearest['slowest']:.2f} ms):")
    say_times(nearest)
    goal = goal_of(nearest, software)
    print(f"{nearest['fps']:.1f} frames a second; goal {GOAL_FPS:.0f}: {goal}")
    if options.no_sorted:
        return {"nearest": nearest, "goal": goal}
    by_sorting = timed_sorted(options, meter)
    print(f"sorted method: a frame with sorting and upload {1e3 * by_sorting['seconds']:.0f} ms:")
    say_times(by_sorting)
    return {"nearest": nearest, "sorted": by_sorting, "goal": goal}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
