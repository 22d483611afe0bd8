"""The GPU pass that draws what the paper's renderer draws: the K nearest discs of every pixel.

Points are projected by a compute shader, which puts each disc into the list of the cell that its
centre lies in (an image atomic swaps the list's head); then every pixel looks through the cells
round it and keeps the nearest. Nothing is sorted, nothing is sent again while only the camera
moves, and the picture doesn't depend on the order in which points are handled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import gpu
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..geometry.core import splat
from ..geometry.core.camera import FloatArray
from . import gpu_tools, timing
from .point_store import HeldCloud, PointStore
from .view import View

GROUP_SIZE = 64
PIXELS_AT_ONCE = 1 << 18
"""Pixels drawn at once, so that a stop is seen in between."""
_INFINITY_BITS = 0x7F800000
_NEAREST_DEPTH = 1e-36  # as near as float32 lets a perspective come
_DEFINES = {
    "UNDERPAINT_GAIN": splat.UNDERPAINT_GAIN,
    "UNDERPAINT_DEPTH": splat.UNDERPAINT_DEPTH,
    "UNDERPAINT_GROWTH": splat.UNDERPAINT_GROWTH,
    "MAX_GROWTH": splat.MAX_GROWTH,
    "MAX_REACH": 8,  # pixels looked at in each direction for whether they are closed
}


@dataclass(frozen=True)
class Method:
    """How discs are drawn: the number K of nearest ones that count in a pixel, the smallest radius
    in pixels, and whether the camera positions and motion vectors of points are drawn too."""

    nearest: int = splat.PAPER_NEAREST
    min_radius: float = splat.MIN_RADIUS_PX
    position: bool = False
    vector: bool = False


class ExactPass:
    """Buffers for pictures of one size (h, w) of up to `capacity` points."""

    def __init__(self, size: tuple[int, int], capacity: int) -> None:
        """Allocate the buffers; ValueError where picture or points are too large for the GPU."""
        self.size, self.capacity = size, capacity
        grids = grid_table(size)
        columns, rows = int(grids[0, 1]), int(grids[-1, 2:].sum())
        if rows > gpu.capabilities.max_texture_size_get():
            raise ValueError(f"a picture of {size[0]} rows is too high for this GPU")
        self._grids = gpu_tools.picture_texture(grids[None])
        entries = (gpu_tools.ROW_LENGTH, gpu_tools.rows_for(2 * capacity))
        texture = gpu.types.GPUTexture
        self._images = {
            "closed": texture((size[1], size[0]), format="R32UI"),
            "heads": texture((columns, rows), format="R32UI"),
            "used": texture((1, 1), format="R32UI"),
            "links": texture(entries, format="R32UI"),
            "entries": texture(entries, format="RGBA32F"),
        }

    def fits(self, size: tuple[int, int], count: int) -> bool:
        """Whether `count` points can be drawn into pictures of this size."""
        return self.size == size and count <= self.capacity

    def draw(
        self,
        store: PointStore,
        view: View,
        groups: int,
        method: Method,
        check: Callable[[], None] = lambda: None,
    ) -> list[gpu.types.GPUTexture]:
        """Draw the points of `groups` (bits) into new targets, the picture's top row first.

        The targets: premultiplied colour and alpha; disparity, depth, known and layer; then what
        `method` asks for. check: called between pieces of the work, may raise to stop.
        """
        with timing.part("sort"):
            self._bin(store, view, groups, method)
            self._images["used"].read()  # waits for the GPU
        check()
        pictures = gpu_tools.targets(self.size, 2 + method.position + method.vector)
        frame = gpu.types.GPUFrameBuffer(color_slots=tuple(pictures))
        with timing.part("draw"), frame.bind():
            self._gather(frame, store, view, method, check)
        return pictures

    def _bin(self, store: PointStore, view: View, groups: int, method: Method) -> None:
        """Make the lists of all cells anew."""
        for name in ("closed", "heads", "used"):
            start = _INFINITY_BITS if name == "closed" else 0
            self._images[name].clear(format="UINT", value=(start,))
        for step in (0, 1):
            shader = _bin_shader(step)
            for name, image in self._images.items():
                shader.image(name, image)
            samplers = {"grids": self._grids, "extras": store.extras, "colors": store.colors}
            gpu_tools.set_samplers(shader, samplers)
            for held in store.held:
                gpu_tools.set_samplers(shader, {"points": held.places})
                gpu_tools.set_constants(shader, _bin_constants(held, view, groups, method))
                count = len(held.cloud.position)
                gpu.compute.dispatch(shader, max(1, -(-count // GROUP_SIZE)), 1, 1)

    def _gather(
        self,
        frame: gpu.types.GPUFrameBuffer,
        store: PointStore,
        view: View,
        method: Method,
        check: Callable[[], None],
    ) -> None:
        """Draw all pixels, in bands of rows."""
        height, width = self.size
        shader = _gather_shader(method)
        samplers = {name: self._images[name] for name in ("entries", "links", "heads", "used")}
        samplers |= {"grids": self._grids, "colors": store.colors, "extras": store.extras}
        if method.vector:
            samplers["motion"] = store.motion
        gpu_tools.set_samplers(shader, samplers)
        gpu_tools.set_constants(shader, _gather_constants(view))
        gpu.state.viewport_set(0, 0, width, height)
        gpu.state.blend_set("NONE")
        rows = max(1, PIXELS_AT_ONCE // width)
        gpu.state.scissor_test_set(True)
        try:
            for row in range(0, height, rows):
                gpu.state.scissor_set(0, row, width, min(rows, height - row))
                gpu_tools.screen_triangle().draw(shader)
                frame.read_color(0, row, 1, 1, 4, 0, "FLOAT")  # waits for the GPU
                check()
        finally:
            gpu.state.scissor_test_set(False)


def grid_table(size: tuple[int, int]) -> FloatArray:
    """The grids over a picture (h, w): rows of cell width, columns, rows and first row of lists.

    Cells grow by the square root of two from a pixel to the whole picture. The first are a little
    wider than a pixel: radii of one pixel are exact only up to rounding.
    """
    levels = 2 * math.ceil(math.log2(max(*size, 2))) + 1
    width = 1.001 * 2 ** (np.arange(levels) / 2)
    rows, columns = (np.ceil(length / width) + 2 for length in size)
    first = np.cumsum(rows) - rows
    return np.stack([width, columns, rows, first], axis=1).astype(np.float32)


def _near(view: View) -> float:
    return view.clip[0] if view.orthographic else max(view.clip[0], _NEAREST_DEPTH)


def _bin_constants(held: HeldCloud, view: View, groups: int, method: Method) -> dict[str, object]:
    """What bin_comp.glsl explains; as few as fit the smallest space that GPUs have for them."""
    matrix: NDArray[np.float64] = view.world_to_camera @ held.cloud.matrix
    scale = abs(np.linalg.det(matrix[:3, :3])) ** (1 / 3)
    focal = math.sqrt(view.focal[0] * view.focal[1])
    painted = held.cloud.from_photo and not view.orthographic
    travel = float(np.linalg.norm(matrix[:3, 3])) if painted else -1.0
    return {
        "to_camera": Matrix(matrix.tolist()),
        "lens": (*view.focal, *view.centre),
        "frame": (float(view.width), float(view.height), _near(view), view.clip[1]),
        "rule": (float(scale * focal), method.min_radius, travel, float(view.orthographic)),
        "points_at": (held.first, len(held.cloud.position), groups, 0),
    }


def _gather_constants(view: View) -> dict[str, object]:
    return {
        "lens": (*view.focal, *view.centre),
        "orthographic": float(view.orthographic),
        # Also behind an orthographic viewport's eye, depths are counted from in front of it.
        "depth_origin": min(_near(view), 0.0),
    }


@cache
def _bin_shader(step: int) -> gpu.types.GPUShader:
    """The compute shader's first (0) or second (1) step."""
    info = gpu.types.GPUShaderCreateInfo()
    info.local_group_size(GROUP_SIZE, 1, 1)
    samplers = [("FLOAT_2D", name) for name in ("points", "grids", "extras", "colors")]
    constants = {
        "MAT4": ("to_camera",),
        "VEC4": ("lens", "frame", "rule"),
        "IVEC4": ("points_at",),
    }
    gpu_tools.add_resources(info, samplers, constants, _DEFINES | {"STEP": step})
    for slot, name in enumerate(("closed", "heads", "used", "links")):
        info.image(slot, "R32UI", "UINT_2D", name, qualifiers={"READ", "WRITE"})
    info.image(4, "RGBA32F", "FLOAT_2D", "entries", qualifiers={"WRITE"})
    info.compute_source(gpu_tools.source("texel.glsl", "grid.glsl", "bin_comp.glsl"))
    return gpu.shader.create_from_info(info)


@cache
def _gather_shader(method: Method) -> gpu.types.GPUShader:
    info = gpu.types.GPUShaderCreateInfo()
    samplers = [("UINT_2D", name) for name in ("links", "heads", "used")]
    floats = ("entries", "grids", "colors", "extras", *(("motion",) if method.vector else ()))
    samplers += [("FLOAT_2D", name) for name in floats]
    constants = {"VEC4": ("lens",), "FLOAT": ("depth_origin", "orthographic")}
    outputs = gpu_tools.output_names(method.position, method.vector)
    defines = _DEFINES | {"NEAREST": method.nearest} | gpu_tools.feature_defines(outputs)
    gpu_tools.add_resources(info, samplers, constants, defines)
    gpu_tools.add_screen(info, outputs)
    info.fragment_source(gpu_tools.source("texel.glsl", "grid.glsl", "gather_frag.glsl"))
    return gpu.shader.create_from_info(info)
