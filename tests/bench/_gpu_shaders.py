"""Shaders of the replacement: declarations of a create info, compiled with moderngl."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import moderngl
import numpy as np
from _gl_context import GL_VERSION

if TYPE_CHECKING:
    from _gpu_moderngl import GPUTexture

_SAMPLERS = {"FLOAT_2D": "sampler2D", "UINT_2D": "usampler2D"}
_IMAGES = {"FLOAT_2D": "image2D", "UINT_2D": "uimage2D"}


class GPUStageInterfaceInfo:
    """What a vertex shader passes to the fragments, constant over a triangle."""

    def __init__(self, name: str) -> None:
        self.members: list[str] = []

    def flat(self, kind: str, name: str) -> None:
        """Add a value."""
        self.members.append(f"{kind.lower()} {name};")


class GPUShaderCreateInfo:
    """Collects a shader's declarations and texts."""

    def __init__(self) -> None:
        self.units: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self._defines, self._group = "", ""
        self._shared: list[str] = []
        self._stage: dict[str, list[str]] = {"vertex": [], "fragment": [], "compute": []}

    def define(self, name: str, value: str) -> None:
        """A name of the preprocessor."""
        self._defines += f"#define {name} {value}\n"

    def sampler(self, slot: int, kind: str, name: str) -> None:
        """A texture that is read."""
        self.units[name] = slot
        self._shared.append(f"layout(binding = {slot}) uniform {_SAMPLERS[kind]} {name};")

    def image(self, slot: int, format: str, kind: str, name: str, qualifiers: set[str]) -> None:
        """A texture that is read and written."""
        assert qualifiers == {"READ", "WRITE"}
        self.units[name] = slot
        layout = f"layout({format.lower()}, binding = {slot})"
        self._shared.append(f"{layout} uniform {_IMAGES[kind]} {name};")

    def push_constant(self, kind: str, name: str) -> None:
        """A number, vector or matrix that is set before drawing."""
        self._shared.append(f"uniform {kind.lower()} {name};")

    def local_group_size(self, x: int, y: int, z: int) -> None:
        """Invocations in a group of a compute shader."""
        size = f"local_size_x = {x}, local_size_y = {y}, local_size_z = {z}"
        self._stage["compute"].append(f"layout({size}) in;")

    def vertex_in(self, slot: int, kind: str, name: str) -> None:
        """An attribute of vertices."""
        self._stage["vertex"].append(f"layout(location = {slot}) in {kind.lower()} {name};")

    def vertex_out(self, interface: GPUStageInterfaceInfo) -> None:
        """What the vertex shader passes to the fragment shader."""
        self._stage["vertex"] += [f"flat out {member}" for member in interface.members]
        self._stage["fragment"] += [f"flat in {member}" for member in interface.members]

    def fragment_out(self, slot: int, kind: str, name: str) -> None:
        """A render target."""
        self._stage["fragment"].append(f"layout(location = {slot}) out {kind.lower()} {name};")

    def vertex_source(self, text: str) -> None:
        """The text of the vertex shader."""
        self.texts["vertex"] = text

    def fragment_source(self, text: str) -> None:
        """The text of the fragment shader."""
        self.texts["fragment"] = text

    def compute_source(self, text: str) -> None:
        """The text of the compute shader."""
        self.texts["compute"] = text

    def whole(self, stage: str) -> str:
        """A stage's declarations and text."""
        declared = "\n".join(self._shared + self._stage[stage])
        return f"#version {GL_VERSION}\n{self._defines}{declared}\n#line 1\n{self.texts[stage]}"


class GPUShader:
    """A compiled shader; `text` is its source. Raises ValueError for unused names."""

    made: ClassVar[list[GPUShader]] = []
    """All shaders compiled in this process."""

    def __init__(self, context: moderngl.Context, info: GPUShaderCreateInfo) -> None:
        stages = {
            f"{stage}_shader": info.whole(stage) for stage in info.texts if stage != "compute"
        }
        if stages:
            self.program = context.program(**stages)
        else:
            self.program = context.compute_shader(info.whole("compute"))
        self.text = "\n".join(info.texts.values())
        self._units = info.units
        self.made.append(self)

    def uniform_from_name(self, name: str) -> int:
        """Location of a push constant; ValueError if the compiler dropped it."""
        return int(self._member(name).location)

    def uniform_float(self, name: str, value: Any) -> None:
        """Set a push constant of floats."""
        numbers = np.asarray(value, np.float32)
        self._member(name).write(np.ascontiguousarray(numbers.T))  # matrices go by columns

    def uniform_int(self, name: str, value: Any) -> None:
        """Set a push constant of ints."""
        self._member(name).write(np.asarray(value, np.int32))

    def uniform_sampler(self, name: str, texture: GPUTexture) -> None:
        """Bind a texture to be read."""
        self._member(name)
        texture.texture.use(self._units[name])

    def image(self, name: str, texture: GPUTexture) -> None:
        """Bind a texture to be read and written."""
        self._member(name)
        texture.texture.bind_to_image(self._units[name])

    def _member(self, name: str) -> Any:
        member = self.program.get(name, None)
        if member is None:
            raise ValueError(f"the shader does not use {name}")
        return member
