"""Small pieces that all GPU passes share: textures, targets, shaders, and what can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import gpu
import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray

ROW_BITS = 12
ROW_LENGTH = 1 << ROW_BITS
"""Texels in a row of the textures that hold points."""
_FORMATS = {4: "RGBA32F", 2: "RG32F", 1: "R32F"}
_SHADERS = Path(__file__).parent / "shaders"


Textures = list[gpu.types.GPUTexture]


_caches: list[Callable[[], None]] = []


def kept_on_gpu[**Given, Made](make: Callable[Given, Made]) -> Callable[Given, Made]:
    """Decorator: what the function makes is kept, by its arguments, until `free_kept`."""
    cached = cache(make)
    _caches.append(cached.cache_clear)
    return cached  # type: ignore[return-value]


def free_kept() -> None:
    """Free shaders and batches; those that outlive Blender's GPU crash the process as it ends."""
    for clear in _caches:
        clear()


class GpuUnavailableError(RuntimeError):
    """There is no GPU, or it can't hold the picture or the points."""


@contextmanager
def gpu_errors() -> Iterator[None]:
    """Tell all the ways in which Blender says that the GPU can't as GpuUnavailableError."""
    try:
        yield
    except GpuUnavailableError:
        raise
    except (SystemError, RuntimeError, ValueError, MemoryError) as error:
        raise GpuUnavailableError(str(error)) from error
    except Exception as error:
        if type(error) is not Exception:  # that is what a shader that doesn't compile raises
            raise
        raise GpuUnavailableError(str(error)) from error


def rows_for(count: int) -> int:
    """Rows of a texture that holds `count` points; ValueError where none is that large."""
    rows = max(1, -(-count // ROW_LENGTH))
    if rows > gpu.capabilities.max_texture_size_get():
        raise ValueError(f"{count:,} points are too many for this GPU")
    return rows


def values_texture(*columns: NDArray) -> gpu.types.GPUTexture:
    """Values of points, columns (n,) or (n, c) that make 1, 2 or 4 together, as a texture."""
    outpainted = [column[:, None] if column.ndim == 1 else column for column in columns]
    count, channels = len(outpainted[0]), sum(column.shape[1] for column in outpainted)
    rows = rows_for(count)
    data = np.empty((rows * ROW_LENGTH, channels), np.float32)
    at = 0
    for column in outpainted:
        data[:count, at : at + column.shape[1]] = column
        at += column.shape[1]
    data[count:] = 0.0
    buffer = gpu.types.Buffer("FLOAT", data.size, data.ravel())
    return gpu.types.GPUTexture((ROW_LENGTH, rows), format=_FORMATS[channels], data=buffer)


def picture_texture(picture: FloatArray) -> gpu.types.GPUTexture:
    """A picture (h, w, 4) as a texture, row by row."""
    data = np.ascontiguousarray(picture, np.float32)
    buffer = gpu.types.Buffer("FLOAT", data.size, data.ravel())
    return gpu.types.GPUTexture((data.shape[1], data.shape[0]), format="RGBA32F", data=buffer)


def targets(size: tuple[int, int], count: int) -> list[gpu.types.GPUTexture]:
    """RGBA32F pictures of size (h, w) to draw into."""
    return [gpu.types.GPUTexture((size[1], size[0]), format="RGBA32F") for _ in range(count)]


@contextmanager
def plain_drawing(size: tuple[int, int]) -> Iterator[None]:
    """Draw into a picture of size (h, w) without blending, where the scissor lets it."""
    gpu.state.viewport_set(0, 0, size[1], size[0])
    gpu.state.blend_set("NONE")
    gpu.state.scissor_test_set(True)
    try:
        yield
    finally:
        gpu.state.scissor_test_set(False)


def picture_of(frame: gpu.types.GPUFrameBuffer, slot: int, size: tuple[int, int]) -> FloatArray:
    """A bound frame buffer's picture (h, w, 4), its first row in memory first; not copied."""
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
    """Declare samplers (type, name), push constants by type, and the preprocessor's names."""
    for slot, (kind, name) in enumerate(samplers):
        info.sampler(slot, kind, name)
    for kind, names in constants.items():
        for name in names:
            info.push_constant(kind, name)
    for name, value in {**defines, "ROW_BITS": ROW_BITS}.items():
        info.define(name, str(value))


def add_screen(info: gpu.types.GPUShaderCreateInfo, outputs: Sequence[str]) -> None:
    """Declare a pass over the whole picture that draws into targets of these names."""
    info.vertex_in(0, "VEC2", "corner")
    info.vertex_source(source("screen_vert.glsl"))
    for slot, name in enumerate(outputs):
        info.fragment_out(slot, "VEC4", f"out_{name}")


@kept_on_gpu
def screen_triangle() -> gpu.types.GPUBatch:
    """A triangle that covers the picture, for `screen_vert.glsl`."""
    layout = gpu.types.GPUVertFormat()
    layout.attr_add(id="corner", comp_type="F32", len=2, fetch_mode="FLOAT")
    corners = gpu.types.GPUVertBuf(layout, 3)
    corners.attr_fill("corner", np.array([(-1, -1), (3, -1), (-1, 3)], np.float32))
    return gpu.types.GPUBatch(type="TRIS", buf=corners)


def set_constants(shader: gpu.types.GPUShader, values: Mapping[str, object]) -> None:
    """Set push constants: ints, floats, tuples of either, and matrices.

    What a shader's variant doesn't use its compiler drops; such names are passed over.
    """
    for name, value in values.items():
        with suppress(ValueError):
            if isinstance(value, int) or (isinstance(value, tuple) and isinstance(value[0], int)):
                shader.uniform_int(name, value)
            else:
                shader.uniform_float(name, value)


def set_samplers(
    shader: gpu.types.GPUShader, textures: Mapping[str, gpu.types.GPUTexture | None]
) -> None:
    """Bind textures by name; names that the shader's variant doesn't use are passed over."""
    for name, texture in textures.items():
        with suppress(ValueError):
            shader.uniform_sampler(name, texture)


OUTPUTS = ("color", "extra", "position", "vector")
"""What is drawn of the points; the last two only where asked for."""


def output_names(position: bool, vector: bool) -> list[str]:
    """The chosen ones of OUTPUTS."""
    return [n for n, used in zip(OUTPUTS, (True, True, position, vector), strict=True) if used]


def feature_defines(outputs: Sequence[str]) -> dict[str, object]:
    """The preprocessor's names of the outputs that may be absent."""
    return {name.upper(): 1 for name in OUTPUTS[2:] if name in outputs}
