"""A replacement of Blender's modules `gpu` and `mathutils` over moderngl, for `render`'s passes.

It implements only what those passes call, so that the same passes and .glsl files run in a process
without Blender. `install` puts it in the place of Blender's modules. As in Blender, textures stay
bound to their units until others are bound.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, ClassVar

import moderngl
import numpy as np
from _gl_context import Meter
from _gpu_shaders import GPUShader, GPUShaderCreateInfo, GPUStageInterfaceInfo
from numpy.typing import NDArray

_FORMATS = {
    "R32F": (1, "f4"),
    "RG32F": (2, "f4"),
    "RGBA32F": (4, "f4"),
    "R32UI": (1, "u4"),
    "RG32UI": (2, "u4"),
    "RGBA32UI": (4, "u4"),
}
_KINDS = {"f4": "FLOAT", "u4": "UINT"}
_CLEAR = """#version 450
layout(local_size_x = 8, local_size_y = 8) in;
layout(r32ui, binding = 0) uniform writeonly uimage2D target;
uniform uint value;
void main() { imageStore(target, ivec2(gl_GlobalInvocationID.xy), uvec4(value)); }
"""


class Matrix:
    """A matrix, by rows."""

    def __init__(self, rows: Sequence[Sequence[float]]) -> None:
        self._rows = np.array(rows, np.float32)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        return self._rows.astype(dtype or np.float32, copy=bool(copy))


class Buffer:
    """Numbers read from the GPU or to be uploaded."""

    def __init__(self, kind: str, dimensions: object, data: Any) -> None:
        """As Blender's: type of the numbers, their count or counts, and the numbers."""
        self.dimensions = dimensions
        self._data = np.ascontiguousarray(data, np.float32 if kind == "FLOAT" else np.uint32)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        data = self._data.reshape(self.dimensions)  # type: ignore[call-overload]
        return data if dtype is None else data.astype(dtype, copy=bool(copy))


class GPUTexture:
    """A texture (width, height) that shaders read by texel."""

    def __init__(self, size: tuple[int, int], format: str, data: Buffer | None = None) -> None:
        self.channels, kind = _FORMATS[format]
        content = None if data is None else np.asarray(data).tobytes()
        self.texture = _installed.context.texture(size, self.channels, content, dtype=kind)
        self.texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self.kind = _KINDS[kind]

    def clear(self, format: str, value: tuple[int]) -> None:
        """Set all texels of an R32UI texture."""
        assert (format, self.channels) == (self.kind, 1) == ("UINT", 1)
        program = _installed.clearing
        program["value"].value = value[0]
        self.texture.bind_to_image(0, read=False, write=True)
        width, height = self.texture.size
        with _installed.meter.measuring("clear"):
            program.run(-(-width // 8), -(-height // 8), 1)
            _installed.context.memory_barrier()

    def read(self) -> Buffer:
        """All texels; waits for the GPU."""
        numbers = np.frombuffer(self.texture.read(), np.float32 if self.kind == "FLOAT" else "u4")
        width, height = self.texture.size
        return Buffer(self.kind, (height, width, self.channels), numbers)


class GPUFrameBuffer:
    """Textures to draw into."""

    _bound: ClassVar[list[GPUFrameBuffer]] = []

    def __init__(self, color_slots: Sequence[GPUTexture]) -> None:
        self._frame = _installed.context.framebuffer([slot.texture for slot in color_slots])

    @contextmanager
    def bind(self) -> Iterator[None]:
        """Draw into this frame buffer inside."""
        self._bound.append(self)
        self._frame.use()
        try:
            yield
        finally:
            self._bound.pop()
            if self._bound:
                self._bound[-1]._frame.use()

    def clear(self, color: tuple[float, float, float, float]) -> None:
        """Set all pixels of all textures."""
        self._frame.clear(*color)

    def read_color(
        self, x: int, y: int, width: int, height: int, channels: int, slot: int, format: str
    ) -> Buffer:
        """Pixels of a rectangle of one texture; waits for the GPU."""
        content = self._frame.read((x, y, width, height), channels, attachment=slot, dtype="f4")
        return Buffer(format, (height, width, channels), np.frombuffer(content, np.float32))


class GPUVertFormat:
    """One vertex attribute: its name and number of floats."""

    def attr_add(self, id: str, comp_type: str, len: int, fetch_mode: str) -> None:
        """Name the attribute."""
        assert (comp_type, fetch_mode) == ("F32", "FLOAT")
        self.name, self.layout = id, f"{len}f"


class GPUVertBuf:
    """The attribute of `len` vertices."""

    def __init__(self, format: GPUVertFormat, len: int) -> None:
        self.format, self._length = format, len

    def attr_fill(self, id: str, data: NDArray) -> None:
        """Upload the attribute."""
        assert (id, data.dtype, len(data)) == (self.format.name, np.float32, self._length)
        self.buffer = _installed.context.buffer(np.ascontiguousarray(data))


class GPUIndexBuf:
    """Vertex numbers (T, 3) of triangles."""

    def __init__(self, type: str, seq: NDArray) -> None:
        assert (type, seq.dtype) == ("TRIS", np.int32)
        self.buffer = _installed.context.buffer(np.ascontiguousarray(seq))


class GPUBatch:
    """Triangles to draw."""

    def __init__(self, type: str, buf: GPUVertBuf, elem: GPUIndexBuf | None = None) -> None:
        assert type == "TRIS"
        self._vertices, self._index = buf, elem and elem.buffer
        self._arrays: dict[GPUShader, moderngl.VertexArray] = {}

    def draw(self, shader: GPUShader) -> None:
        """Draw all triangles."""
        self.draw_instanced(shader, instance_start=0, instance_count=1)

    def draw_instanced(self, shader: GPUShader, instance_start: int, instance_count: int) -> None:
        """Draw all triangles `instance_count` times."""
        assert instance_start == 0
        if shader not in self._arrays:
            content = [(self._vertices.buffer, self._vertices.format.layout, "corner")]
            array = _installed.context.vertex_array(shader.program, content, self._index)
            self._arrays[shader] = array
        with _installed.meter.measuring(shader):
            self._arrays[shader].render(moderngl.TRIANGLES, instances=instance_count)


class _State:
    """Blender's module `gpu.state`."""

    def viewport_set(self, x: int, y: int, width: int, height: int) -> None:
        """Set the rectangle that coordinates -1 to 1 cover."""
        _installed.context.viewport = (x, y, width, height)

    def scissor_test_set(self, enable: bool) -> None:
        """Enable the rectangle of `scissor_set`, or disable it."""
        if not enable:
            _installed.context.scissor = None

    def scissor_set(self, x: int, y: int, width: int, height: int) -> None:
        """Draw into this rectangle only."""
        _installed.context.scissor = (x, y, width, height)

    def depth_test_set(self, mode: str) -> None:
        """Accept only the mode without a depth test."""
        assert mode == "NONE"

    def blend_set(self, mode: str) -> None:
        """Enable or disable premultiplied alpha blending."""
        if mode == "NONE":
            _installed.context.disable(moderngl.BLEND)
            return
        assert mode == "ALPHA_PREMULT"
        _installed.context.enable(moderngl.BLEND)
        _installed.context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA


def _dispatch(shader: GPUShader, x: int, y: int, z: int) -> None:
    """Run a compute shader and make its writes visible to what follows."""
    with _installed.meter.measuring(shader):
        shader.program.run(x, y, z)
        _installed.context.memory_barrier()


TYPES = (
    Buffer,
    GPUBatch,
    GPUFrameBuffer,
    GPUIndexBuf,
    GPUShader,
    GPUShaderCreateInfo,
    GPUStageInterfaceInfo,
    GPUTexture,
    GPUVertBuf,
    GPUVertFormat,
)


class Installed:
    """The context that the replacement draws with, and its meter."""

    def __init__(self, context: moderngl.Context) -> None:
        self.context, self.meter = context, Meter(context)
        self.clearing = context.compute_shader(_CLEAR)


_installed: Installed


def install(context: moderngl.Context) -> Meter:
    """Replace Blender's modules in this process."""
    global _installed
    if "bpy" in sys.modules or "gpu" in sys.modules:
        raise RuntimeError("Blender's own modules are in use in this process")
    _installed = Installed(context)
    largest = context.info["GL_MAX_TEXTURE_SIZE"]
    parts: dict[str, dict[str, Any]] = {
        "gpu.types": {each.__name__: each for each in TYPES},
        "gpu.shader": {"create_from_info": lambda info: GPUShader(context, info)},
        "gpu.compute": {"dispatch": _dispatch},
        "gpu.state": {n: getattr(_State(), n) for n in vars(_State) if n.endswith("_set")},
        "gpu.capabilities": {"max_texture_size_get": lambda: largest},
        "mathutils": {"Matrix": Matrix},
    }
    gpu = sys.modules["gpu"] = ModuleType("gpu")
    for name, content in parts.items():
        sys.modules[name] = module = ModuleType(name)
        vars(module).update(content)
        if name.startswith("gpu."):
            setattr(gpu, name.removeprefix("gpu."), module)
    return _installed.meter
