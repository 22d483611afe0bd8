"""The GPU pass that draws what the paper's renderer draws: the K nearest discs of every pixel.

Compute shaders project the points and sort their discs by the cell that the center lies in (a
counting sort: count with image atomics, prefix sum, scatter). Each pixel then searches the cells
around it and keeps the nearest discs. If only the camera moves nothing is uploaded again, and the
image doesn't depend on the order in which a GPU processes the points. `frame.cpu_drawing` with the
same K is its numpy reference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress

import gpu
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..geometry.core import splat
from ..geometry.core.camera import FloatArray
from . import gpu_tools
from .channel_shaders import attribute_textures, channel_targets, gather_text
from .channels import Channel
from .frame_request import FrameRequest
from .gpu_tools import TOO_HIGH, GpuCache, GpuUnavailableError, Textures
from .point_store import CloudBuffer, PointStore
from .view import View

GROUP_SIZE, GROUPS_IN_ROW = 64, 1 << 15
PIXELS_AT_ONCE = 1 << 18
"""Pixels per draw call; between calls the engine checks whether the render was stopped."""
LARGEST_OCTAVE = 24
"""The largest cells are two to this many pixels wide; larger discs are clamped to that."""
BLOCK = 8
"""Width in pixels of the square blocks that are marked where something moves."""
_INFINITY_BITS = 0x7F800000
_NEAREST_DEPTH = 1e-36  # the nearest depth that float32 perspective allows
_IMAGES = {
    "closed": "R32UI",
    "cells": "R32UI",
    "used": "R32UI",
    "touched": "R32UI",
    "slots": "RG32UI",
    "entries": "RGBA32F",
    "discs": "RGBA32UI",
}
_DEFINES = {
    "UNDERPAINT_GAIN": splat.UNDERPAINT_GAIN,
    "UNDERPAINT_DEPTH": splat.UNDERPAINT_DEPTH,
    "UNDERPAINT_GROWTH": splat.UNDERPAINT_GROWTH,
    "MAX_GROWTH": splat.MAX_GROWTH,
    "BLOCK": BLOCK,
    "MAX_REACH": 8,  # pixels in each direction that are tested for being closed
}


class NearestPass:
    """Buffers for images of one size (h, w) of up to `capacity` points."""

    def __init__(self, size: tuple[int, int], capacity: int, cache: GpuCache) -> None:
        """Allocate the buffers. Raises GpuUnavailableError if the image or points don't fit."""
        self.size, self.capacity = size, capacity
        self._cache = cache
        grids = grid_table(size)
        columns, rows = int(grids[0, 1]), int(grids[-1, 2:].sum())
        if rows > gpu.capabilities.max_texture_size_get():
            raise GpuUnavailableError(TOO_HIGH.format(rows=size[0]))
        self._grids = gpu_tools.image_texture(grids[None])
        entries = (gpu_tools.ROW_LENGTH, gpu_tools.rows_for(2 * capacity))
        sizes = {"closed": (2 * size[1], size[0]), "cells": (columns + 1, rows), "used": (2, 1)}
        sizes["touched"] = (-(-size[1] // BLOCK), -(-size[0] // BLOCK))
        self._images = {
            name: gpu.types.GPUTexture(sizes.get(name, entries), format=pixel)
            for name, pixel in _IMAGES.items()
        }
        self._rows = rows

    def fits(self, size: tuple[int, int], count: int) -> bool:
        """Whether `count` points can be drawn into images of this size."""
        return self.size == size and count <= self.capacity

    def draw(
        self,
        store: PointStore,
        request: FrameRequest,
        moving: bool = False,
        check: Callable[[], None] = lambda: None,
    ) -> list[Textures]:
        """Draw the points into new targets.

        Args:
            store: the points, with all attributes that the request's channels need.
            request: the frame.
            moving: whether to draw two images, forward and backward in time.
            check: called between draw calls; may raise to stop.

        Returns:
            The targets of each image, top row first: premultiplied color and alpha, then the
            channels, four scalars per target. The backward image is empty where no moving disc
            touches a pixel; the forward one is right there.
        """
        self._bin(store, request, 3 if moving else 1)
        self._images["used"].read()  # waits for the GPU
        check()
        shader = self._gather_shader(store, request)
        return [
            self._draw_image(shader, request, backward, check)
            for backward in ((False, True) if moving else (False,))
        ]

    def _bin(self, store: PointStore, request: FrameRequest, images: int) -> None:
        """Sort the discs of all images (as bits) by their cells."""
        for name in ("closed", "cells", "used", "touched"):
            start = _INFINITY_BITS if name == "closed" else 0
            self._images[name].clear(format="UINT", value=(start,))
        samplers = store.samplers() | {"grids": self._grids}
        for step in (0, 1):
            shader = self._compute_shader("bin_comp.glsl", step)
            gpu_tools.set_samplers(shader, samplers)
            for buffer in store.buffers:
                gpu_tools.set_samplers(shader, {"points": buffer.points})
                gpu_tools.set_constants(shader, _bin_constants(buffer, request, images))
                _dispatch(shader, len(buffer.cloud.position))
        _dispatch(self._compute_shader("scan_comp.glsl"), self._rows)
        scatter = self._compute_shader("scatter_comp.glsl")
        gpu_tools.set_constants(scatter, {"count": 2 * store.count})
        _dispatch(scatter, 2 * store.count)

    def _compute_shader(self, name: str, step: int = 0) -> gpu.types.GPUShader:
        """A compute shader with this pass's images and grids bound."""
        shader = self._cache.get(_compute_shader, name, step)
        for image in self._images.items():
            with suppress(ValueError):  # the only way to learn whether the compiler dropped it
                shader.image(*image)
        gpu_tools.set_samplers(shader, {"grids": self._grids})
        return shader

    def _gather_shader(self, store: PointStore, request: FrameRequest) -> gpu.types.GPUShader:
        """The shader that draws pixels, with all its textures bound."""
        widths = tuple(store.attribute_widths.items())
        key = (request.channels, widths, request.nearest, request.rule.least_falloff)
        shader = self._cache.get(_gather_shader, *key)
        names = ("entries", "discs", "cells", "used", "touched", "closed")
        samplers = {name: self._images[name] for name in names} | {"grids": self._grids}
        gpu_tools.set_samplers(shader, samplers | store.samplers())
        return shader

    def _draw_image(
        self,
        shader: gpu.types.GPUShader,
        request: FrameRequest,
        backward: bool,
        check: Callable[[], None],
    ) -> Textures:
        """Draw all pixels of an image, in bands of rows."""
        targets = gpu_tools.new_targets(self.size, 1 + len(channel_targets(request.channels)))
        frame = gpu.types.GPUFrameBuffer(color_slots=tuple(targets))
        constants = _gather_constants(request.view) | {"backward": float(backward)}
        gpu_tools.set_constants(shader, constants)
        height, width = self.size
        rows = max(1, PIXELS_AT_ONCE // width)
        with frame.bind(), gpu_tools.unblended(self.size):
            for row in range(0, height, rows):
                gpu.state.scissor_set(0, row, width, min(rows, height - row))
                self._cache.get(gpu_tools.screen_triangle).draw(shader)
                frame.read_color(0, row, 1, 1, 4, 0, "FLOAT")  # waits for the GPU
                check()
        return targets


def grid_table(size: tuple[int, int]) -> FloatArray:
    """The grids over an image (h, w): a row per level.

    Cells grow by the square root of two, from a pixel to far beyond any image. The first are a
    little wider than a pixel: radii of one pixel are exact only up to rounding.

    Returns:
        (levels, 4) float32: cell width in pixels, columns, rows, and first row of the lists.
    """
    width = 1.001 * 2 ** (np.arange(2 * LARGEST_OCTAVE + 1) / 2)
    rows, columns = (np.ceil(length / width) + 2 for length in size)
    first = np.cumsum(rows) - rows
    return np.stack([width, columns, rows, first], axis=1).astype(np.float32)


def _near(view: View) -> float:
    return view.clip[0] if view.orthographic else max(view.clip[0], _NEAREST_DEPTH)


def _bin_constants(buffer: CloudBuffer, request: FrameRequest, images: int) -> dict[str, object]:
    """Push constants of bin_comp.glsl; as few as fit the smallest space that GPUs have for them."""
    view, cloud = request.view, buffer.cloud
    matrix: NDArray[np.float64] = view.world_to_camera @ cloud.matrix
    scale = abs(np.linalg.det(matrix[:3, :3])) ** (1 / 3)
    focal = math.sqrt(view.focal[0] * view.focal[1])
    has_underpaint = cloud.from_photo and not view.orthographic
    travel = float(np.linalg.norm(matrix[:3, 3])) if has_underpaint else -1.0
    least_radius = request.rule.min_radius
    return {
        "to_camera": Matrix(matrix.tolist()),
        "lens": (*view.focal, *view.center),
        "frame": (float(view.width), float(view.height), _near(view), view.clip[1]),
        "rule": (float(scale * focal), least_radius, travel, float(view.orthographic)),
        "batch": (buffer.first, len(cloud.position), images, images.bit_count()),
    }


def _gather_constants(view: View) -> dict[str, object]:
    return {
        "lens": (*view.focal, *view.center),
        "orthographic": float(view.orthographic),
        # Depths are also counted from the near plane behind an orthographic viewport's eye.
        "depth_origin": min(_near(view), 0.0),
    }


def _dispatch(shader: gpu.types.GPUShader, count: int) -> None:
    """Run a compute shader with at least `count` invocations."""
    groups = max(1, -(-count // GROUP_SIZE))
    columns = min(groups, GROUPS_IN_ROW)
    gpu.compute.dispatch(shader, columns, -(-groups // columns), 1)


def _compute_shader(name: str, step: int) -> gpu.types.GPUShader:
    info = gpu.types.GPUShaderCreateInfo()
    info.local_group_size(GROUP_SIZE, 1, 1)
    constants: dict[str, tuple[str, ...]] = {"INT": ("count",)}
    samplers = [("FLOAT_2D", "grids")]
    if name == "bin_comp.glsl":
        constants = {
            "MAT4": ("to_camera",),
            "VEC4": ("lens", "frame", "rule"),
            "IVEC4": ("batch",),
        }
        samplers += [("FLOAT_2D", name) for name in ("points", "attributes_0", "colors")]
    gpu_tools.add_resources(info, samplers, constants, _DEFINES | {"STEP": step})
    for slot, (image, pixel) in enumerate(_IMAGES.items()):
        kind = "FLOAT_2D" if pixel.endswith("F") else "UINT_2D"
        info.image(slot, pixel, kind, image, qualifiers={"READ", "WRITE"})
    info.compute_source(gpu_tools.source("texel.glsl", "invocation.glsl", "grid.glsl", name))
    return gpu.shader.create_from_info(info)


def _gather_shader(
    channels: tuple[Channel, ...],
    attribute_widths: Sequence[tuple[str, int]],
    nearest: int,
    least_falloff: float,
) -> gpu.types.GPUShader:
    info = gpu.types.GPUShaderCreateInfo()
    attributes = dict(attribute_widths)
    floats = ("entries", "grids", "colors", "motion", *attribute_textures(attributes))
    samplers = [("UINT_2D", name) for name in ("discs", "cells", "used", "touched", "closed")]
    samplers += [("FLOAT_2D", name) for name in floats]
    constants = {"VEC4": ("lens",), "FLOAT": ("depth_origin", "orthographic", "backward")}
    defines = _DEFINES | {"NEAREST": nearest, "LEAST_FALLOFF": least_falloff}
    gpu_tools.add_resources(info, samplers, constants, defines)
    gpu_tools.add_screen(info, ["color", *channel_targets(channels)])
    texts = [gpu_tools.source("texel.glsl", "grid.glsl", "camera_position.glsl")]
    texts += [gather_text(channels, attributes), gpu_tools.source("gather_frag.glsl")]
    info.fragment_source("\n".join(texts))
    return gpu.shader.create_from_info(info)
