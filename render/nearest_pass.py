"""The GPU pass that draws what the paper's renderer draws: the K nearest discs of every pixel.

Compute shaders project the points and sort their discs by the cell that the center lies in (a
counting sort: count with image atomics, sum up, scatter); then every pixel looks through the cells
round it and keeps the nearest. Nothing is sent again while only the camera moves, and the picture
doesn't depend on the order in which a GPU handles the points.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import gpu
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..geometry.core import splat
from ..geometry.core.camera import FloatArray
from . import gpu_tools, timing
from .frame_request import OUR_RULE, DiscRule
from .gpu_tools import Textures
from .point_store import HeldCloud, PointStore
from .view import View

GROUP_SIZE, GROUPS_IN_ROW = 64, 1 << 15
PIXELS_AT_ONCE = 1 << 18
"""Pixels drawn at once, so that a stop is seen in between."""
LARGEST_OCTAVE = 24
"""The largest cells are two to this many pixels wide; larger discs are cut to that."""
BLOCK = 8
"""Pixels a side of the blocks that are marked where something moves."""
_INFINITY_BITS = 0x7F800000
_NEAREST_DEPTH = 1e-36  # as near as float32 lets a perspective come
_IMAGES = {
    "closed": "R32UI",
    "cells": "R32UI",
    "used": "R32UI",
    "touched": "R32UI",
    "places": "RG32UI",
    "entries": "RGBA32F",
    "discs": "RGBA32UI",
}
_DEFINES = {
    "UNDERPAINT_GAIN": splat.UNDERPAINT_GAIN,
    "UNDERPAINT_DEPTH": splat.UNDERPAINT_DEPTH,
    "UNDERPAINT_GROWTH": splat.UNDERPAINT_GROWTH,
    "MAX_GROWTH": splat.MAX_GROWTH,
    "BLOCK": BLOCK,
    "MAX_REACH": 8,  # pixels looked at in each direction for whether they are closed
}


@dataclass(frozen=True)
class Method:
    """How discs are drawn: the number K of nearest ones that count in a pixel, their rule, and
    whether the camera positions and motion vectors of points are drawn too."""

    nearest: int = splat.PAPER_NEAREST
    rule: DiscRule = OUR_RULE
    position: bool = False
    vector: bool = False


class NearestPass:
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
        sizes = {"closed": (2 * size[1], size[0]), "cells": (columns + 1, rows), "used": (2, 1)}
        sizes["touched"] = (-(-size[1] // BLOCK), -(-size[0] // BLOCK))
        self._images = {
            name: gpu.types.GPUTexture(sizes.get(name, entries), format=pixel)
            for name, pixel in _IMAGES.items()
        }
        self._rows = rows

    def fits(self, size: tuple[int, int], count: int) -> bool:
        """Whether `count` points can be drawn into pictures of this size."""
        return self.size == size and count <= self.capacity

    def draw(
        self,
        store: PointStore,
        view: View,
        method: Method,
        moving: bool = False,
        check: Callable[[], None] = lambda: None,
    ) -> list[Textures]:
        """Draw the points into new targets; with `moving` twice, forward and backward in time.

        A picture's targets, top row first: premultiplied color and alpha; disparity, depth, known
        and layer; then what `method` asks for. The backward picture is empty where no moving disc
        touches a pixel: there the forward one is right. check: called between pieces of the work,
        may raise to stop.
        """
        with timing.part("sort"):
            self._bin(store, view, 3 if moving else 1, method)
            self._images["used"].read()  # waits for the GPU
        check()
        shader = self._gather_shader(store, method)
        return [
            self._picture(shader, _gather_constants(view) | {"past": past}, method, check)
            for past in ((0.0, 1.0) if moving else (0.0,))
        ]

    def _bin(self, store: PointStore, view: View, pictures: int, method: Method) -> None:
        """Sort the discs of all pictures (bits) by their cells."""
        for name in ("closed", "cells", "used", "touched"):
            start = _INFINITY_BITS if name == "closed" else 0
            self._images[name].clear(format="UINT", value=(start,))
        samplers = {"grids": self._grids, "extras": store.extras, "colors": store.colors}
        for step in (0, 1):
            shader = self._compute_shader("bin_comp.glsl", step)
            gpu_tools.set_samplers(shader, samplers)
            for held in store.held:
                gpu_tools.set_samplers(shader, {"points": held.places})
                gpu_tools.set_constants(shader, _bin_constants(held, view, pictures, method))
                _dispatch(shader, len(held.cloud.position))
        _dispatch(self._compute_shader("scan_comp.glsl"), self._rows)
        scatter = self._compute_shader("scatter_comp.glsl")
        gpu_tools.set_constants(scatter, {"count": 2 * store.count})
        _dispatch(scatter, 2 * store.count)

    def _compute_shader(self, name: str, step: int = 0) -> gpu.types.GPUShader:
        """A compute shader with this pass's images and grids bound."""
        shader = _compute_shader(name, step)
        for image in self._images.items():
            with suppress(ValueError):  # dropped by the compiler where it isn't used
                shader.image(*image)
        gpu_tools.set_samplers(shader, {"grids": self._grids})
        return shader

    def _gather_shader(self, store: PointStore, method: Method) -> gpu.types.GPUShader:
        """The shader that draws pixels, with all that it reads bound."""
        shader = _gather_shader(method)
        names = ("entries", "discs", "cells", "used", "touched", "closed")
        samplers = {name: self._images[name] for name in names} | {"grids": self._grids}
        gpu_tools.set_samplers(shader, samplers)
        points = {"colors": store.colors, "extras": store.extras, "motion": store.motion}
        gpu_tools.set_samplers(shader, {n: t for n, t in points.items() if t is not None})
        return shader

    def _picture(
        self,
        shader: gpu.types.GPUShader,
        constants: dict[str, object],
        method: Method,
        check: Callable[[], None],
    ) -> Textures:
        """Draw all pixels of a picture, in bands of rows."""
        pictures = gpu_tools.targets(self.size, 2 + method.position + method.vector)
        frame = gpu.types.GPUFrameBuffer(color_slots=tuple(pictures))
        gpu_tools.set_constants(shader, constants)
        height, width = self.size
        rows = max(1, PIXELS_AT_ONCE // width)
        with timing.part("draw"), frame.bind(), gpu_tools.plain_drawing(self.size):
            for row in range(0, height, rows):
                gpu.state.scissor_set(0, row, width, min(rows, height - row))
                gpu_tools.screen_triangle().draw(shader)
                frame.read_color(0, row, 1, 1, 4, 0, "FLOAT")  # waits for the GPU
                check()
        return pictures


def grid_table(size: tuple[int, int]) -> FloatArray:
    """The grids over a picture (h, w): rows of cell width, columns, rows and first row of lists.

    Cells grow by the square root of two, from a pixel to far beyond any picture. The first are a
    little wider than a pixel: radii of one pixel are exact only up to rounding.
    """
    width = 1.001 * 2 ** (np.arange(2 * LARGEST_OCTAVE + 1) / 2)
    rows, columns = (np.ceil(length / width) + 2 for length in size)
    first = np.cumsum(rows) - rows
    return np.stack([width, columns, rows, first], axis=1).astype(np.float32)


def _near(view: View) -> float:
    return view.clip[0] if view.orthographic else max(view.clip[0], _NEAREST_DEPTH)


def _bin_constants(held: HeldCloud, view: View, pictures: int, method: Method) -> dict[str, object]:
    """What bin_comp.glsl explains; as few as fit the smallest space that GPUs have for them."""
    matrix: NDArray[np.float64] = view.world_to_camera @ held.cloud.matrix
    scale = abs(np.linalg.det(matrix[:3, :3])) ** (1 / 3)
    focal = math.sqrt(view.focal[0] * view.focal[1])
    painted = held.cloud.from_photo and not view.orthographic
    travel = float(np.linalg.norm(matrix[:3, 3])) if painted else -1.0
    return {
        "to_camera": Matrix(matrix.tolist()),
        "lens": (*view.focal, *view.center),
        "frame": (float(view.width), float(view.height), _near(view), view.clip[1]),
        "rule": (float(scale * focal), method.rule.min_radius, travel, float(view.orthographic)),
        "points_at": (held.first, len(held.cloud.position), pictures, pictures.bit_count()),
    }


def _gather_constants(view: View) -> dict[str, object]:
    return {
        "lens": (*view.focal, *view.center),
        "orthographic": float(view.orthographic),
        # Also behind an orthographic viewport's eye, depths are counted from in front of it.
        "depth_origin": min(_near(view), 0.0),
    }


def _dispatch(shader: gpu.types.GPUShader, count: int) -> None:
    """Run a compute shader with at least `count` invocations."""
    groups = max(1, -(-count // GROUP_SIZE))
    columns = min(groups, GROUPS_IN_ROW)
    gpu.compute.dispatch(shader, columns, -(-groups // columns), 1)


@gpu_tools.kept_on_gpu
def _compute_shader(name: str, step: int) -> gpu.types.GPUShader:
    info = gpu.types.GPUShaderCreateInfo()
    info.local_group_size(GROUP_SIZE, 1, 1)
    constants: dict[str, tuple[str, ...]] = {"INT": ("count",)}
    samplers = [("FLOAT_2D", "grids")]
    if name == "bin_comp.glsl":
        constants = {
            "MAT4": ("to_camera",),
            "VEC4": ("lens", "frame", "rule"),
            "IVEC4": ("points_at",),
        }
        samplers += [("FLOAT_2D", name) for name in ("points", "extras", "colors")]
    gpu_tools.add_resources(info, samplers, constants, _DEFINES | {"STEP": step})
    for slot, (image, pixel) in enumerate(_IMAGES.items()):
        kind = "FLOAT_2D" if pixel.endswith("F") else "UINT_2D"
        info.image(slot, pixel, kind, image, qualifiers={"READ", "WRITE"})
    info.compute_source(gpu_tools.source("texel.glsl", "invocation.glsl", "grid.glsl", name))
    return gpu.shader.create_from_info(info)


@gpu_tools.kept_on_gpu
def _gather_shader(method: Method) -> gpu.types.GPUShader:
    info = gpu.types.GPUShaderCreateInfo()
    samplers = [("UINT_2D", name) for name in ("discs", "cells", "used", "touched", "closed")]
    floats = ("entries", "grids", "colors", "extras", *(("motion",) if method.vector else ()))
    samplers += [("FLOAT_2D", name) for name in floats]
    constants = {"VEC4": ("lens",), "FLOAT": ("depth_origin", "orthographic", "past")}
    outputs = gpu_tools.output_names(method.position, method.vector)
    defines = (
        _DEFINES
        | {"NEAREST": method.nearest, "LEAST_FALLOFF": method.rule.least_falloff}
        | gpu_tools.feature_defines(outputs)
    )
    gpu_tools.add_resources(info, samplers, constants, defines)
    gpu_tools.add_screen(info, outputs)
    info.fragment_source(gpu_tools.source("texel.glsl", "grid.glsl", "gather_frag.glsl"))
    return gpu.shader.create_from_info(info)
