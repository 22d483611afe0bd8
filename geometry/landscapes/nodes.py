"""Shorthand for building shader node trees. A value is a socket, a number or a tuple."""

from __future__ import annotations

from typing import Any

Value = Any
MIX_SOCKETS = {"FLOAT": (0, 2, 3, 0), "VECTOR": (0, 4, 5, 1), "RGBA": (0, 6, 7, 2)}
"""Socket numbers of the Mix node by data type: the inputs Factor, A and B, and the output."""


def rgb(code: str) -> tuple[float, float, float, float]:
    """Return the scene-linear color of an sRGB hex code such as "8fa34c"."""
    parts = (int(code[n : n + 2], 16) / 255 for n in (0, 2, 4))
    linear = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    red, green, blue = linear
    return red, green, blue, 1.0


class Tree:
    """A node tree under construction; every method returns the new node's output socket."""

    def __init__(self, tree: Any) -> None:
        """Take a tree and remove Blender's default nodes from it."""
        self.tree = tree
        tree.nodes.clear()

    def add(self, kind: str, inputs: dict[Any, Value], output: Any = 0, **settings: Any) -> Any:
        """Add a node `ShaderNode<kind>`.

        Args:
            kind: The rest of its type's name.
            inputs: Values by the input's name or number.
            output: Name or number of the output to return.
            **settings: The node's properties.
        """
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for name, value in settings.items():
            setattr(node, name, value)
        for key, value in inputs.items():
            self.set(node.inputs[key], value)
        return node.outputs[output] if len(node.outputs) else node

    def set(self, socket: Any, value: Value) -> None:
        """Link a value to an input socket, or set it as the socket's default."""
        if hasattr(value, "is_output"):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    def math(self, operation: str, *values: Value, clamp: bool = False) -> Any:
        """Add arithmetic on one to three values."""
        return self.add("Math", dict(enumerate(values)), operation=operation, use_clamp=clamp)

    def vector(self, operation: str, first: Value, second: Value) -> Any:
        """Add arithmetic on two vectors, or for SCALE on a vector and a number."""
        key = "Scale" if operation == "SCALE" else 1
        return self.add("VectorMath", {0: first, key: second}, operation=operation)

    def combine(self, x: Value, y: Value, z: Value) -> Any:
        """Add a vector of three numbers."""
        return self.add("CombineXYZ", {0: x, 1: y, 2: z})

    def part(self, vector: Value, axis: int) -> Any:
        """Add the selection of one of a vector's three numbers."""
        return self.add("SeparateXYZ", {0: vector}, axis)

    def mix(self, factor: Value, first: Value, second: Value, kind: str = "RGBA") -> Any:
        """Add a mix of two colors (RGBA), numbers (FLOAT) or vectors (VECTOR)."""
        number, a, b, output = MIX_SOCKETS[kind]
        return self.add("Mix", {number: factor, a: first, b: second}, output, data_type=kind)

    def multiply(self, first: Value, second: Value) -> Any:
        """Add the product of two colors."""
        inputs = {0: 1.0, 6: first, 7: second}
        return self.add("Mix", inputs, 2, data_type="RGBA", blend_type="MULTIPLY")

    def step(self, value: Value, low: Value, high: Value) -> Any:
        """Add a smooth step from 0 at `low` to 1 at `high`."""
        inputs = {"Value": value, 1: low, 2: high, 3: 0.0, 4: 1.0}
        return self.add("MapRange", inputs, interpolation_type="SMOOTHSTEP")

    def noise(
        self, at: Value, scale: float, detail: float = 4.0, rough: float = 0.55, **more: Value
    ) -> Any:
        """Add fractal noise of about 0..1.

        Args:
            at: The position.
            scale: Its frequency in 1/m.
            detail: The number of octaves.
            rough: The amplitude of an octave relative to the one before.
            **more: More inputs of the node, such as W, a fourth coordinate, or Distortion.
        """
        inputs = {"Vector": at, "Scale": scale, "Detail": detail, "Roughness": rough, **more}
        return self.add("TexNoise", inputs, noise_dimensions="4D" if "W" in more else "3D")

    def ramp(self, value: Value, *stops: tuple[float, tuple[float, ...]]) -> Any:
        """Add a color ramp of stops (position 0..1, color) with linear interpolation."""
        node = self.tree.nodes.new("ShaderNodeValToRGB")
        elements = node.color_ramp.elements
        while len(elements) < len(stops):
            elements.new(0.5)
        while len(elements) > len(stops):
            elements.remove(elements[-1])
        for element, (position, color) in zip(elements, stops, strict=True):
            element.position, element.color = position, color
        self.set(node.inputs[0], value)
        return node.outputs[0]

    def bump(self, height: Value, distance: float, strength: Value = 1.0) -> Any:
        """Add a bump map; a height of 1 is `distance` meters."""
        return self.add("Bump", {"Height": height, "Distance": distance, "Strength": strength})

    def time(self) -> Any:
        """Add a node TIME, whose value `render` sets to the frame's time."""
        node = self.tree.nodes.new("ShaderNodeValue")
        node.name = TIME
        return node.outputs[0]

    def position(self) -> Any:
        """Add the shading point's world position in meters."""
        return self.add("NewGeometry", {}, "Position")


TIME = "time"
"""Name of the nodes whose value is the time in frames since the first frame."""
