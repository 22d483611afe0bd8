"""The GPU pass: sorted discs, soft and premultiplied, as batches of quads by instance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import gpu
import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray
from ..geometry.core.splat import UNDERPAINT_GAIN
from .compose import Layers
from .frame import Draw
from .scene_points import Order, Seen

ROW_LENGTH = 4096
"""Texels in a row of the textures that hold the points."""
DRAWS_AT_ONCE = 256 * ROW_LENGTH
"""Discs drawn at once, so that a stop is seen in between."""
QUADS = 64
"""Quads an instance: instances of a single quad leave most of a GPU's lanes idle."""
MAX_POINTS = (1 << 24) - 1
"""Textures take floats only, and these count exactly to here."""
_FORMATS = {4: "RGBA32F", 2: "RG32F", 1: "R32F"}
_SHADERS = Path(__file__).parent / "shaders"


class GpuUnavailableError(RuntimeError):
    """There is no GPU, or it can't hold the picture or the points."""


@contextmanager
def gpu_drawing(
    seen: Seen, size: tuple[int, int], check: Callable[[], None] = lambda: None
) -> Iterator[Draw]:
    """The GPU as an `OpenDrawing`; all that it holds is freed at the end.

    check: called between pieces of the work, may raise to stop. Raises GpuUnavailableError.
    """
    try:
        drawing = SplatPass(seen, size)
    except (SystemError, RuntimeError, ValueError, MemoryError) as error:
        raise GpuUnavailableError(str(error)) from error
    try:
        yield lambda order: drawing.draw(order, check)
    finally:
        drawing.free()


class SplatPass:
    """The points of one view on the GPU, and RGBA32F targets to draw them into."""

    def __init__(self, seen: Seen, size: tuple[int, int]) -> None:
        """Upload the points; size: (h, w) of the pictures. ValueError for too many points."""
        if len(seen.under) > MAX_POINTS:
            raise ValueError(f"more than {MAX_POINTS:,} points in view")
        self._size = size
        height, width = size
        self._targets = [gpu.types.GPUTexture((width, height), format="RGBA32F") for _ in range(2)]
        self._frame = gpu.types.GPUFrameBuffer(color_slots=tuple(self._targets))
        self._quads = _quads()
        s = seen.splats
        self._textures = {
            "splats": _texture(np.stack([s.u, s.v, s.radius, s.z], axis=1)),
            "colors": _texture(seen.color),
            "extras": _texture(np.stack([seen.disparity, seen.under], axis=1)),
        }
        self._shader = _shader()

    def draw(self, order: Order, check: Callable[[], None]) -> Layers:
        """Draw the points in the order given, into emptied targets."""
        height, width = self._size
        with self._frame.bind():
            self._frame.clear(color=(0.0, 0.0, 0.0, 0.0))
            gpu.state.viewport_set(0, 0, width, height)
            gpu.state.depth_test_set("NONE")
            gpu.state.blend_set("ALPHA_PREMULT")
            try:
                for start in range(0, len(order), DRAWS_AT_ONCE):
                    check()
                    self._draw_piece(order[start : start + DRAWS_AT_ONCE])
            finally:
                gpu.state.blend_set("NONE")
            color, aux = self._read(0), self._read(1)
        return Layers(color[..., :3], color[..., 3], aux[..., 0], aux[..., 1])

    def free(self) -> None:
        """Release everything on the GPU."""
        del self._frame, self._targets, self._quads, self._textures

    def _draw_piece(self, order: Order) -> None:
        # Counted from 1 up and from -1 down: 0, in the padding, draws nothing.
        shader, orders = self._shader, _texture(np.where(order < 0, order, order + 1)[:, None])
        for name, texture in (self._textures | {"orders": orders}).items():
            shader.uniform_sampler(name, texture)
        shader.uniform_float("picture_size", (float(self._size[1]), float(self._size[0])))
        shader.uniform_float("underpaint_gain", UNDERPAINT_GAIN)
        shader.uniform_int("row_length", ROW_LENGTH)
        shader.uniform_int("quads", QUADS)
        count = -(-len(order) // QUADS)
        self._quads.draw_instanced(shader, instance_start=0, instance_count=count)

    def _read(self, slot: int) -> FloatArray:
        height, width = self._size
        buffer = self._frame.read_color(0, 0, width, height, 4, slot, "FLOAT")
        buffer.dimensions = width * height * 4
        return np.array(buffer, np.float32).reshape(height, width, 4)


def _texture(values: NDArray) -> gpu.types.GPUTexture:
    """Values (n, 1, 2 or 4) as a texture with ROW_LENGTH texels a row."""
    count, channels = values.shape
    rows = max(1, -(-count // ROW_LENGTH))
    data = np.zeros((rows * ROW_LENGTH, channels), np.float32)
    data[:count] = values
    buffer = gpu.types.Buffer("FLOAT", data.size, data.ravel())
    return gpu.types.GPUTexture((ROW_LENGTH, rows), format=_FORMATS[channels], data=buffer)


def _quads() -> gpu.types.GPUBatch:
    """QUADS quads; a vertex is the corner's x and y and the number of its quad."""
    layout = gpu.types.GPUVertFormat()
    layout.attr_add(id="corner", comp_type="F32", len=3, fetch_mode="FLOAT")
    vertices = np.empty((QUADS, 4, 3), np.float32)
    vertices[..., :2] = [(-1, -1), (1, -1), (-1, 1), (1, 1)]
    vertices[..., 2] = np.arange(QUADS)[:, None]
    corners = gpu.types.GPUVertBuf(layout, QUADS * 4)
    corners.attr_fill("corner", vertices.reshape(-1, 3))
    triangles = [[0, 1, 2], [2, 1, 3]] + 4 * np.arange(QUADS)[:, None, None]
    index = gpu.types.GPUIndexBuf(type="TRIS", seq=triangles.reshape(-1, 3).astype(np.int32))
    return gpu.types.GPUBatch(type="TRIS", buf=corners, elem=index)


@cache
def _shader() -> gpu.types.GPUShader:
    info = gpu.types.GPUShaderCreateInfo()
    info.vertex_in(0, "VEC3", "corner")
    for slot, name in enumerate(("splats", "colors", "extras", "orders")):
        info.sampler(slot, "FLOAT_2D", name)
    info.push_constant("VEC2", "picture_size")
    info.push_constant("FLOAT", "underpaint_gain")
    for name in ("row_length", "quads"):
        info.push_constant("INT", name)
    info.vertex_out(_interface())
    info.fragment_out(0, "VEC4", "out_color")
    info.fragment_out(1, "VEC4", "out_aux")
    info.vertex_source((_SHADERS / "splat_vert.glsl").read_text(encoding="utf-8"))
    info.fragment_source((_SHADERS / "splat_frag.glsl").read_text(encoding="utf-8"))
    return gpu.shader.create_from_info(info)


def _interface() -> gpu.types.GPUStageInterfaceInfo:
    """What the vertex shader hands to the fragments."""
    interface = gpu.types.GPUStageInterfaceInfo("make_4d_splat")
    for kind, name in (("VEC2", "centre"), ("FLOAT", "radius"), ("FLOAT", "gain")):
        interface.flat(kind, name)
    interface.flat("VEC4", "color")
    interface.flat("VEC2", "aux")
    return interface
