"""Measurements of the benchmark `render`: frames rendered by Blender, numpy splats, bandwidth."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from _render_timing import Stopwatch

ENGINES = {"make4d": "MAKE_4D", "eevee": "BLENDER_EEVEE", "cycles": "CYCLES"}
COPIED_BYTES, COPIES = 1 << 28, 5
PARTS = ("evaluate", "read", "sort", "upload", "draw", "read back", "write")

Frame = dict[str, float]
"""Seconds of one frame by part; "total" is the whole frame's."""


class MeasureError(Exception):
    """Something can't be measured; the text is one sentence."""


class FrameClock:
    """Times every frame of an animation with Blender's handlers.

    A frame lasts from the end of the one before to the end of its own file. "evaluate" is the time
    between the handlers frame_change_pre and frame_change_post: the evaluation, with modifiers, of
    the depsgraph that is rendered; an animation evaluates nothing else. The other parts are those
    of `_render_timing.TIMED`.
    """

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._parts = Stopwatch()
        self._begun = self._evaluated = self._evaluation = 0.0

    def _begin(self, *_: object) -> None:
        self._parts.taken()
        self._begun, self._evaluated = time.perf_counter(), 0.0

    def _evaluate(self, *_: object) -> None:
        self._evaluation = time.perf_counter()

    def _evaluate_end(self, *_: object) -> None:
        self._evaluated += time.perf_counter() - self._evaluation

    def _end(self, *_: object) -> None:
        total = time.perf_counter() - self._begun
        parts = self._parts.taken()
        self.frames.append({"total": total, "evaluate": self._evaluated} | parts)
        self._begin()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the frames that are rendered inside."""
        handlers = {
            "render_init": self._begin,
            "frame_change_pre": self._evaluate,
            "frame_change_post": self._evaluate_end,
            "render_write": self._end,
        }
        blender = import_module("bpy").app.handlers
        for name, handler in handlers.items():
            getattr(blender, name).append(handler)
        try:
            with self._parts.running():
                yield
        finally:
            for name, handler in handlers.items():
                getattr(blender, name).remove(handler)


@contextmanager
def quiet(lines: list[str]) -> Iterator[None]:
    """Add what is printed inside, also by Blender's C code, to `lines` instead."""
    with tempfile.TemporaryFile() as file:
        kept = [os.dup(stream) for stream in (1, 2)]
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
        try:
            yield
        finally:
            for stream, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, stream)
                os.close(copy)
            file.seek(0)
            lines += file.read().decode(errors="replace").splitlines()


def rendered_frames(scene: Any, engine: str, frames: int) -> tuple[list[Frame], list[str]]:
    """Seconds of `frames` frames after a warm-up frame, and the engine's warnings.

    The frames are rendered into files as an animation. No handler times the writing: "write" is
    the median time of saving the last frame again, `frames` times, by the same function.

    Raises MeasureError if a file is missing or equals the one before.
    """
    bpy = import_module("bpy")
    scene.frame_start, scene.frame_end = 1, frames + 1
    clock: FrameClock = FrameClock()
    printed: list[str] = []
    try:
        scene.render.engine = ENGINES[engine]
        with quiet(printed), clock.running():
            bpy.ops.render.render(animation=True, scene=scene.name)
    except (TypeError, RuntimeError) as error:  # there is no such engine; it could not render
        raise MeasureError(" ".join(str(error).split())) from error
    files = [Path(scene.render.frame_path(frame=number)) for number in range(1, frames + 2)]
    check_written(files)
    write = float(np.median([saving_time(scene, files[-1]) for _ in range(frames)]))
    for path in files:
        path.unlink()
    draw = import_module("make_4d.render.draw")
    notices = [m.partition("{")[0] for m in (draw.SORTED_INSTEAD, draw.CPU_INSTEAD)]
    warnings = [line for line in printed if any(notice in line for notice in notices)]
    return [frame | {"write": write} for frame in clock.frames[1:]], warnings


def check_written(files: list[Path]) -> None:
    """Raise MeasureError unless all files exist and none equals the one before."""
    if not all(path.is_file() for path in files):
        raise MeasureError("Not every frame was written: is the disk full?")
    contents = [path.read_bytes() for path in files]
    if any(one == other for one, other in pairwise(contents)):
        raise MeasureError("Two frames are equal though the camera moves: nothing was drawn.")


def saving_time(scene: Any, path: Path) -> float:
    """Seconds to write the last frame to `path` once more."""
    result = import_module("bpy").data.images["Render Result"]
    start = time.perf_counter()
    result.save_render(str(path), scene=scene)
    return time.perf_counter() - start


def splatted_frames(scene: Any, points: Any, frames: int) -> list[Frame]:
    """Seconds of `frames` numpy splats of the still `points` (a `PointArrays`), after a warm-up.

    Times `geometry.core.splat.composite` with the paper's limit of points per pixel, without
    projecting the points and without what is done with the image.
    """
    splat = import_module("make_4d.geometry.core.splat")
    size = (scene.render.resolution_y, scene.render.resolution_x)
    features = np.ones((points.count, 4), np.float32)
    features[:, :3] = points.color
    seconds = []
    for number in range(1, frames + 2):
        splats = projected(scene, points, number)
        start = time.perf_counter()
        splat.composite(splats, features, size, splat.PAPER_NEAREST)
        seconds.append(time.perf_counter() - start)
    return [{"total": each} for each in seconds[1:]]


def projected(scene: Any, points: Any, frame: int) -> Any:
    """The points (a `PointArrays`) as `Splats` of the scene's camera at a frame."""
    bpy = import_module("bpy")
    core = "make_4d.geometry.core"
    splat, camera = (import_module(f"{core}.{name}") for name in ("splat", "camera"))
    scene.frame_set(frame)
    graph = bpy.context.evaluated_depsgraph_get()
    eye = scene.camera.evaluated_get(graph)
    size = (scene.render.resolution_x, scene.render.resolution_y)
    view = import_module("make_4d.render.view").view_from_camera(
        eye, graph, np.array(eye.matrix_world), size
    )
    matrix = view.world_to_camera.astype(np.float32)
    local = camera.blender_from_camera(points.position) @ matrix[:3, :3].T + matrix[:3, 3]
    x, y, z = local.T
    u, v = (view.focal[i] * p / z + view.center[i] for i, p in enumerate((x, y)))
    return splat.Splats(u, v, z, splat.screen_radius(points.radius, z, view.focal[0]))


def bandwidth() -> float:
    """Bytes per second that all cores together copy in memory, read and written.

    The best of a few copies of a large array with numpy, one piece per core.
    """
    cores = os.cpu_count() or 1
    source = np.ones(COPIED_BYTES // 8)
    target = np.empty_like(source)
    pieces = list(zip(np.array_split(target, cores), np.array_split(source, cores), strict=True))
    seconds = []
    with ThreadPoolExecutor(cores) as pool:
        for _ in range(COPIES + 1):  # the first one gets the target's memory from the system
            start = time.perf_counter()
            list(pool.map(lambda piece: np.copyto(*piece), pieces))
            seconds.append(time.perf_counter() - start)
    return 2 * source.nbytes / min(seconds)
