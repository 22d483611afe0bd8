"""The GPU pass: sorted discs, soft and premultiplied, as quads by instance."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import gpu
import numpy as np

from ..geometry.core.camera import FloatArray
from .compose import Layers
from .frame import DrawList

ROW_LENGTH = 2048
CHUNK_ROWS = 512
"""Rows of 2048 splats that are uploaded and drawn at once: a bound on GPU memory (about 36 MB)."""
_SHADERS = Path(__file__).parent / "shaders"


class SplatPass:
    """Draws lists of splats into RGBA32F targets of one size; `free` gives the memory back."""

    def __init__(self, size: tuple[int, int], check: Callable[[], None] | None = None) -> None:
        """size: (h, w) of the picture; check: called between pieces, may raise to stop."""
        self._size = size
        self._check = check
        height, width = size
        self._targets = [gpu.types.GPUTexture((width, height), format="RGBA32F") for _ in range(2)]
        self._frame = gpu.types.GPUFrameBuffer(color_slots=tuple(self._targets))
        self._quad = _quad()

    def __call__(self, points: DrawList, size: tuple[int, int]) -> Layers:
        """Draw `points`, sorted far to near; `size` must be that of the pass."""
        if size != self._size:
            raise ValueError(f"the pass draws {self._size}, not {size}")
        with self._frame.bind():
            self._frame.clear(color=(0.0, 0.0, 0.0, 0.0))
            gpu.state.viewport_set(0, 0, size[1], size[0])
            gpu.state.blend_set("ALPHA_PREMULT")
            try:
                self._draw_pieces(points)
            finally:
                gpu.state.blend_set("NONE")
            color, aux = self._read(0), self._read(1)
        return Layers(color[..., :3], color[..., 3], aux[..., 0], aux[..., 1])

    def free(self) -> None:
        """Release the targets."""
        del self._frame, self._targets, self._quad

    def _draw_pieces(self, points: DrawList) -> None:
        step = ROW_LENGTH * CHUNK_ROWS
        for start in range(0, len(points.disparity), step):
            if self._check:
                self._check()
            self._draw_piece(points, slice(start, start + step))

    def _draw_piece(self, points: DrawList, piece: slice) -> None:
        s = points.splats
        columns = [a[piece] for a in (s.u, s.v, s.radius, s.z)]
        shader = _shader()
        textures = {
            "splats": _texture(np.stack(columns, axis=1)),
            "colors": _texture(points.color[piece]),
            "disparities": _texture(points.disparity[piece][:, None]),
        }
        for name, texture in textures.items():
            shader.uniform_sampler(name, texture)
        shader.uniform_float("picture_size", (float(self._size[1]), float(self._size[0])))
        shader.uniform_int("row_length", ROW_LENGTH)
        self._quad.draw_instanced(shader, instance_start=0, instance_count=len(columns[0]))

    def _read(self, slot: int) -> FloatArray:
        height, width = self._size
        buffer = self._frame.read_color(0, 0, width, height, 4, slot, "FLOAT")
        buffer.dimensions = width * height * 4
        return np.array(buffer, np.float32).reshape(height, width, 4)


def _texture(values: FloatArray) -> gpu.types.GPUTexture:
    """Values (n, 1 or 4) as a texture with ROW_LENGTH texels a row."""
    count, channels = values.shape
    rows = -(-count // ROW_LENGTH)
    data = np.zeros((rows * ROW_LENGTH, channels), np.float32)
    data[:count] = values
    buffer = gpu.types.Buffer("FLOAT", data.size, data.ravel())
    texture_format = "RGBA32F" if channels == 4 else "R32F"
    return gpu.types.GPUTexture((ROW_LENGTH, rows), format=texture_format, data=buffer)


def _quad() -> gpu.types.GPUBatch:
    layout = gpu.types.GPUVertFormat()
    layout.attr_add(id="corner", comp_type="F32", len=2, fetch_mode="FLOAT")
    corners = gpu.types.GPUVertBuf(layout, 4)
    corners.attr_fill("corner", np.array([(-1, -1), (1, -1), (-1, 1), (1, 1)], np.float32))
    return gpu.types.GPUBatch(type="TRI_STRIP", buf=corners)


@cache
def _shader() -> gpu.types.GPUShader:
    info = gpu.types.GPUShaderCreateInfo()
    info.vertex_in(0, "VEC2", "corner")
    for slot, name in enumerate(("splats", "colors", "disparities")):
        info.sampler(slot, "FLOAT_2D", name)
    info.push_constant("VEC2", "picture_size")
    info.push_constant("INT", "row_length")
    info.vertex_out(_interface())
    info.fragment_out(0, "VEC4", "out_color")
    info.fragment_out(1, "VEC4", "out_aux")
    info.vertex_source((_SHADERS / "splat_vert.glsl").read_text(encoding="utf-8"))
    info.fragment_source((_SHADERS / "splat_frag.glsl").read_text(encoding="utf-8"))
    return gpu.shader.create_from_info(info)


def _interface() -> gpu.types.GPUStageInterfaceInfo:
    interface = gpu.types.GPUStageInterfaceInfo("make_4d_splat")
    interface.flat("VEC2", "centre")
    interface.flat("FLOAT", "radius")
    interface.flat("VEC4", "color")
    interface.flat("VEC2", "aux")
    return interface
