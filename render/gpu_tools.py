"""Small tools that all GPU passes use: textures, render targets, shaders, and errors of the GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import gpu
import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray

ROW_BITS = 12
ROW_LENGTH = 1 << ROW_BITS
"""Texels in a row of the textures that hold points."""
TOO_MANY_POINTS = "{count:,} points are too many for this GPU"
TOO_HIGH = "an image of {rows:,} rows is too high for this GPU"
_FORMATS = {1: "R32F", 2: "RG32F", 4: "RGBA32F"}
_SHADERS = Path(__file__).parent / "shaders"
_BLENDER_GPU_ERRORS = (SystemError, RuntimeError, MemoryError, Exception)
"""Exact types that Blender's module `gpu` raises: without a GPU, for resources that can't be made,
without memory, and for shaders that don't compile."""

Textures = list[gpu.types.GPUTexture]


class GpuUnavailableError(RuntimeError):
    """There is no GPU, or it has no room for the image or the points."""


class GpuCache:
    """Shaders and batches that are made once and used by many frames.

    Keep a cache as long as its engine: outside of a render, Blender can mistake a new shader for
    the bound one that was freed at the same address. Call `clear` before Blender's GPU context
    ends: what outlives it crashes the process.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], object] = {}

    def get[**Arguments, Made](
        self, make: Callable[Arguments, Made], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Made:
        """The result of `make` for hashable arguments, made on the first call."""
        key = (make, args, *sorted(kwargs.items()))
        if key not in self._made:
            self._made[key] = make(*args, **kwargs)
        return cast("Made", self._made[key])

    def clear(self) -> None:
        """Free everything."""
        self._made.clear()


@contextmanager
def gpu_errors() -> Iterator[None]:
    """Raise the errors by which Blender reports an unusable GPU as GpuUnavailableError.

    Any other error, such as a ValueError, is a bug and passes through.
    """
    try:
        yield
    except Exception as error:
        if type(error) not in _BLENDER_GPU_ERRORS:
            raise
        raise GpuUnavailableError(str(error)) from error


def rows_for(count: int) -> int:
    """Rows of a texture that holds `count` points; raises GpuUnavailableError above the limit."""
    rows = max(1, -(-count // ROW_LENGTH))
    if rows > gpu.capabilities.max_texture_size_get():
        raise GpuUnavailableError(TOO_MANY_POINTS.format(count=count))
    return rows


def values_texture(*columns: NDArray) -> gpu.types.GPUTexture:
    """Values of points as a texture.

    Args:
        columns: (n,) or (n, c) each, one to four scalars per point in all.
    """
    matrices = [column[:, None] if column.ndim == 1 else column for column in columns]
    count, width = len(matrices[0]), sum(matrix.shape[1] for matrix in matrices)
    rows, channels = rows_for(count), 4 if width == 3 else width
    data = np.empty((rows * ROW_LENGTH, channels), np.float32)
    end = 0
    for matrix in matrices:
        data[:count, end : end + matrix.shape[1]] = matrix
        end += matrix.shape[1]
    data[:count, width:] = 0.0
    data[count:] = 0.0
    buffer = gpu.types.Buffer("FLOAT", data.size, data.ravel())
    return gpu.types.GPUTexture((ROW_LENGTH, rows), format=_FORMATS[channels], data=buffer)


def packed_textures(columns: Sequence[NDArray], texel: int = 4) -> Textures:
    """Columns (n,) or (n, c) of points, one after the other, `texel` scalars per texture."""
    parts: list[list[NDArray]] = [[]]
    room = texel
    for column in columns:
        rest = column[:, None] if column.ndim == 1 else column
        while rest.shape[1]:
            if not room:
                parts.append([])
                room = texel
            parts[-1].append(rest[:, :room])
            rest, room = rest[:, room:], room - parts[-1][-1].shape[1]
    return [values_texture(*part) for part in parts]


def image_texture(image: FloatArray) -> gpu.types.GPUTexture:
    """An image (h, w, 4) as a texture, row by row."""
    data = np.ascontiguousarray(image, np.float32)
    buffer = gpu.types.Buffer("FLOAT", data.size, data.ravel())
    return gpu.types.GPUTexture((data.shape[1], data.shape[0]), format="RGBA32F", data=buffer)


def new_targets(size: tuple[int, int], count: int) -> Textures:
    """RGBA32F render targets of size (h, w)."""
    return [gpu.types.GPUTexture((size[1], size[0]), format="RGBA32F") for _ in range(count)]


@contextmanager
def unblended(size: tuple[int, int]) -> Iterator[None]:
    """Draw into targets of size (h, w) without blending and with the scissor test."""
    gpu.state.viewport_set(0, 0, size[1], size[0])
    gpu.state.blend_set("NONE")
    gpu.state.scissor_test_set(True)
    try:
        yield
    finally:
        gpu.state.scissor_test_set(False)


def read_target(frame: gpu.types.GPUFrameBuffer, slot: int, size: tuple[int, int]) -> FloatArray:
    """A target (h, w, 4) of a bound frame buffer, in the order of its memory; not copied."""
    height, width = size
    buffer = frame.read_color(0, 0, width, height, 4, slot, "FLOAT")
    buffer.dimensions = width * height * 4
    return np.asarray(buffer, np.float32).reshape(height, width, 4)


def source(*names: str) -> str:
    """Text of shader files, joined."""
    return "\n".join((_SHADERS / name).read_text(encoding="utf-8") for name in names)


def add_resources(
    info: gpu.types.GPUShaderCreateInfo,
    samplers: Sequence[tuple[str, str]],
    constants: Mapping[str, Sequence[str]],
    defines: Mapping[str, object],
) -> None:
    """Declare samplers (type, name), push constants by type, and preprocessor definitions."""
    for slot, (kind, name) in enumerate(samplers):
        info.sampler(slot, kind, name)
    for kind, names in constants.items():
        for name in names:
            info.push_constant(kind, name)
    for name, value in {**defines, "ROW_BITS": ROW_BITS}.items():
        info.define(name, str(value))


def add_outputs(info: gpu.types.GPUShaderCreateInfo, outputs: Sequence[str]) -> None:
    """Declare the fragment outputs `out_NAME` for targets in this order."""
    for slot, name in enumerate(outputs):
        info.fragment_out(slot, "VEC4", f"out_{name}")


def add_screen(info: gpu.types.GPUShaderCreateInfo, outputs: Sequence[str]) -> None:
    """Declare a pass over the whole image with fragment outputs of these names."""
    info.vertex_in(0, "VEC2", "corner")
    info.vertex_source(source("screen_vert.glsl"))
    add_outputs(info, outputs)


def screen_triangle() -> gpu.types.GPUBatch:
    """A triangle that covers the image, for `screen_vert.glsl`."""
    layout = gpu.types.GPUVertFormat()
    layout.attr_add(id="corner", comp_type="F32", len=2, fetch_mode="FLOAT")
    corners = gpu.types.GPUVertBuf(layout, 3)
    corners.attr_fill("corner", np.array([(-1, -1), (3, -1), (-1, 3)], np.float32))
    return gpu.types.GPUBatch(type="TRIS", buf=corners)


def set_constants(shader: gpu.types.GPUShader, values: Mapping[str, object]) -> None:
    """Set push constants: ints, floats, tuples of either, and matrices.

    Names that the compiler dropped, because this variant of the shader doesn't use them, are
    skipped.
    """
    for name, value in values.items():
        if not _uses(shader, name):
            continue
        if isinstance(value, int) or (isinstance(value, tuple) and isinstance(value[0], int)):
            shader.uniform_int(name, value)
        else:
            shader.uniform_float(name, value)


def set_samplers(shader: gpu.types.GPUShader, textures: Mapping[str, gpu.types.GPUTexture]) -> None:
    """Bind textures by name; names that this variant of the shader doesn't use are skipped."""
    for name, texture in textures.items():
        with suppress(ValueError):  # the only way to learn whether the compiler dropped the name
            shader.uniform_sampler(name, texture)


def _uses(shader: gpu.types.GPUShader, constant: str) -> bool:
    """Whether the compiled shader has a push constant."""
    try:
        shader.uniform_from_name(constant)
    except ValueError:
        return False
    return True
