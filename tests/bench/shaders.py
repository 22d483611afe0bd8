"""The render engine's shaders without Blender: `./make4d bench shaders`.

The engine's passes draw through a replacement of Blender's module `gpu` over moderngl, so only
numpy and moderngl are needed, and no display. Small clouds are drawn and compared with the numpy
renderer; then a large scene is timed, with the points on the GPU and a moving camera. Parts are
timed by the GPU's clock. Without a GPU they are timed by the CPU's, and the goal is not judged.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
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
"""Largest error of a small cloud's image and alpha, compared with the paper's renderer."""
ENGINE_SIZE, ENGINE_POINTS = (60, 96), 9000
ENGINE_FRACTION = 2e-3
"""Fraction of a frame's pixels whose error may exceed TOLERANCE (relative to the largest value):
where rounding decides whether a disc touches the pixel, another disc is the K-th."""
LAYER_FRACTION = 1e-2
"""The same for the layer: the GPU has the heaviest disc's index, numpy the rounded mean."""
PARTS = {
    "clear": "bin",
    "bin_comp": "bin",
    "scan_comp": "bin",
    "scatter_comp": "bin",
    "gather_frag": "gather",
    "finish_frag": "finish",
    "splat_frag": "sorted draw",
}
"""Part of a frame, by the file with the shader's `main`."""
TRAVEL = 0.3
"""Camera motion to each side, in nearest depths."""

Record = dict[str, Any]


def compared(golden: Golden, method: str) -> Record:
    """How far the engine's drawing of a cloud is from the numpy renderer's.

    NEAREST and the numpy renderer composite the K nearest discs of a pixel, SORTED all.
    """
    draw = import_module("_draw_points").draw
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
    """How far a frame's passes, mixed from two moving copies, are from the numpy renderer's."""
    frame = import_module("make_4d.render.frame")
    finish = import_module("make_4d.render.finish_pass")
    clouds = scene(ENGINE_POINTS, ENGINE_SIZE, moving=True)
    passes = import_module("make_4d.geometry.core.render_passes").PASSES
    names = [each.name for each in passes]
    request = request_of(ENGINE_SIZE, 0.15, names)
    count = sum(len(cloud.position) for cloud in clouds)
    motion = np.random.default_rng(5).normal(0, 3, (count, 4)).astype(np.float32)
    drawn = finish.read_passes(new_session().draw(clouds, request, motion), request)
    truth = frame.render_clouds(clouds, request, frame.cpu_drawing, motion)
    records = []
    for name in names:
        error = np.abs(drawn[name] - truth[name]) / max(1.0, np.abs(truth[name]).max())
        fraction = float((error.reshape(*ENGINE_SIZE, -1) > TOLERANCE).any(axis=-1).mean())
        limit = LAYER_FRACTION if name == "Layer" else ENGINE_FRACTION
        record = {"file": f"frame: {name}", "method": "NEAREST", "error": fraction}
        records.append(record | {"passed": fraction <= limit})
    return records


def scene(count: int, size: tuple[int, int], moving: bool = False) -> list[Any]:
    """The clouds of the wavy scene."""
    cloud = import_module("make_4d.render.extract").Cloud
    return wavy_clouds(cloud, count, size, moving)


def new_session() -> Any:
    """A session of the render engine with shaders of its own."""
    cache = import_module("make_4d.render.gpu_tools").GpuCache()
    return import_module("make_4d.render.session").Session(cache)


def request_of(size: tuple[int, int], travel: float, passes: Sequence[str] = ("Combined",)) -> Any:
    """A frame of a camera at x = `travel`, in nearest depths."""
    pose = np.eye(4)
    pose[0, 3] = -travel * DEPTHS[0]
    height, width = size
    lens = (float(width), float(width)), (width / 2, height / 2)
    view = import_module("make_4d.render.view").View(pose, *lens, width, height, (0.01, 1000.0))
    return import_module("make_4d.render.frame_request").FrameRequest(
        view, frozenset(passes), (0, 0, 0), NEAREST
    )


def requests_of(size: tuple[int, int], frames: int) -> Iterator[Any]:
    """Frames of a camera that moves from side to side."""
    for travel in np.linspace(-TRAVEL, TRAVEL, frames):
        yield request_of(size, float(travel))


def timed(options: argparse.Namespace, context: moderngl.Context, meter: Any) -> Record:
    """Times of frames of the wavy scene: a frame in all, then its parts."""
    session = new_session()
    clouds = scene(options.points, options.size)
    start = time.perf_counter()
    session.store.update(clouds)
    context.finish()
    uploaded = time.perf_counter() - start
    frames = []
    targets: list[Any] = []  # kept until the next frame is drawn, as on the screen
    for request in (request_of(options.size, 0.0), *requests_of(options.size, options.frames)):
        start = time.perf_counter()
        targets = session.draw(clouds, request)
        context.finish()
        frames.append(time.perf_counter() - start)
    if options.picture:
        write_image(options.picture, targets[0], options.size)
    del targets
    parts = []
    for request in requests_of(options.size, min(options.frames, options.measured)):
        meter.start()
        session.draw(clouds, request)
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
    cache = import_module("make_4d.render.gpu_tools").GpuCache()
    drawing = partial(import_module("make_4d.render.splat_pass").gpu_drawing, cache=cache)
    clouds = scene(options.points, options.size)
    start = time.perf_counter()
    meter.start()
    frame.render_clouds(clouds, request_of(options.size, TRAVEL), drawing)
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
    """Names of the .glsl files that a shader is made of, the one with its `main` last."""
    names = [path.stem for path in SHADERS.glob("*.glsl") if path.read_text("utf-8") in shader.text]
    return sorted(names, key=lambda name: name in PARTS)


def write_image(path: Path, texture: Any, size: tuple[int, int]) -> None:
    """Write a finished image as a PPM file."""
    linear = np.asarray(texture.read()).reshape(*size, 4)[::-1, :, :3]
    pixels = np.round(255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    path.write_bytes(b"P6 %d %d 255\n" % (size[1], size[0]) + pixels.tobytes())


def print_agreement(records: list[Record]) -> None:
    """Print how close the engine's images are to the numpy renderer's."""
    for record in records:
        kind = "of pixels differ" if record["file"].startswith("frame") else "largest error"
        verdict = "passed" if record["passed"] else "MISSED"
        name, method = record["file"], record["method"]
        print(f"{name:<24} {method:<7} {record['error']:.2e} {kind}, {verdict}")


def print_times(record: Record) -> None:
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
        why = "drawn by the CPU" if software else "fewer points or another size than the goal's"
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
    """Run the benchmark. Returns 1 if images differ or the goal is missed, 2 if nothing can run."""
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
    print_agreement(agreement)
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
    print_times(nearest)
    goal = goal_of(nearest, software)
    print(f"{nearest['fps']:.1f} frames a second; goal {GOAL_FPS:.0f}: {goal}")
    if options.no_sorted:
        return {"nearest": nearest, "goal": goal}
    by_sorting = timed_sorted(options, meter)
    print(f"sorted method: a frame with sorting and upload {1e3 * by_sorting['seconds']:.0f} ms:")
    print_times(by_sorting)
    return {"nearest": nearest, "sorted": by_sorting, "goal": goal}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
