"""What the benchmark `render` measures: frames as Blender renders them, splats, bandwidth."""

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

ENGINES = {"make4d": "MAKE_4D", "eevee": "BLENDER_EEVEE", "cycles": "CYCLES"}
COPIED_BYTES, COPIES = 1 << 28, 5
PARTS = ("evaluate", "read", "sort", "upload", "draw", "read back", "write")

Frame = dict[str, float]
"""Seconds of one frame by part; "total" is the whole frame's."""


class MeasureError(Exception):
    """What was to be measured can't be; the text is one sentence."""


class FrameClock:
    """Handlers of Blender's that take the time of every frame of an animation.

    A frame lasts from the end of the one before to the end of its own file. "evaluate" is what lies
    between the handlers frame_change_pre and frame_change_post: the evaluation, with modifiers, of
    the depsgraph that is rendered; an animation evaluates nothing else. The engine's parts are
    those of `render.timing`.
    """

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._timing = import_module("make_4d.render.timing")
        self._begun = self._evaluated = self._evaluation = 0.0

    def _begin(self, *_: object) -> None:
        self._timing.taken()
        self._begun, self._evaluated = time.perf_counter(), 0.0

    def _evaluate(self, *_: object) -> None:
        self._evaluation = time.perf_counter()

    def _evaluate_end(self, *_: object) -> None:
        self._evaluated += time.perf_counter() - self._evaluation

    def _end(self, *_: object) -> None:
        total = time.perf_counter() - self._begun
        parts = self._timing.taken()
        self.frames.append({"total": total, "evaluate": self._evaluated} | parts)
        self._begin()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Take the time of what is rendered inside."""
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
            yield
        finally:
            for name, handler in handlers.items():
                getattr(blender, name).remove(handler)


@contextmanager
def quiet(translate: list[str]) -> Iterator[None]:
    """What Blender prints inside, be it from C, is added to `said` line by line instead."""
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
            translate += file.read().decode(errors="replace").splitlines()


def rendered_frames(scene: Any, engine: str, frames: int) -> tuple[list[Frame], list[str]]:
    """Seconds of `frames` frames after a first one that warms up, and what the engine warned of.

    The frames are rendered as Blender's own animation is, into files; raises MeasureError where
    one of them is missing or the same as that before.

    How long writing takes no handler tells. "write" is the median time of saving the last frame
    again, `frames` times: the same bytes come out, by the same function.
    """
    bpy = import_module("bpy")
    scene.frame_start, scene.frame_end = 1, frames + 1
    clock: FrameClock = FrameClock()
    translate: list[str] = []
    try:
        scene.render.engine = ENGINES[engine]
        with quiet(translate), clock.running():
            bpy.ops.render.render(animation=True, scene=scene.name)
    except (TypeError, RuntimeError) as error:  # there is no such engine; it could not render
        raise MeasureError(" ".join(str(error).split())) from error
    files = [Path(scene.render.frame_path(frame=number)) for number in range(1, frames + 2)]
    check_written(files)
    write = float(np.median([saving_time(scene, files[-1]) for _ in range(frames)]))
    for path in files:
        path.unlink()
    warnings = [line for line in translate if "Make 4D draws" in line]
    return [frame | {"write": write} for frame in clock.frames[1:]], warnings


def check_written(files: list[Path]) -> None:
    """Raise MeasureError unless all files are there and none is the same as that before."""
    if not all(path.is_file() for path in files):
        raise MeasureError("Not every frame was written: is the disk full?")
    contents = [path.read_bytes() for path in files]
    if any(one == other for one, other in pairwise(contents)):
        raise MeasureError("Two frames are the same though the camera moves: nothing was drawn.")


def saving_time(scene: Any, path: Path) -> float:
    """Seconds to write the last frame to `path` once more."""
    result = import_module("bpy").data.images["Render Result"]
    start = time.perf_counter()
    result.save_render(str(path), scene=scene)
    return time.perf_counter() - start


def splatted_frames(scene: Any, points: Any, frames: int) -> list[Frame]:
    """Seconds of `frames` numpy splats of the still `points` (a `PointArrays`), after a first one.

    `geometry.core.splat.composite` alone, with the paper's limit of points a pixel: projecting the
    points before, and whatever is done with the picture after, isn't counted.
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
    """The points (a `PointArrays`) as `Splats`, seen by the scene's camera at a frame."""
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
    """Bytes a second that all cores together copy from memory to memory, read and written.

    The best of a few copies of a large array with numpy, a piece a core.
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
