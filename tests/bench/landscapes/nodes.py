"""Short ways to write shader node trees. A value is a socket, a number, or a tuple."""

from __future__ import annotations

from typing import Any

Value = Any
MIX_SOCKETS = {"FLOAT": (0, 2, 3, 0), "VECTOR": (0, 4, 5, 1), "RGBA": (0, 6, 7, 2)}
"""Of the node Mix: numbers of the inputs factor, A and B and of the output, by data type."""


def rgb(code: str) -> tuple[float, float, float, float]:
    """Scene-linear color of an sRGB code such as "8fa34c"."""
    parts = (int(code[n : n + 2], 16) / 255 for n in (0, 2, 4))
    linear = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    red, green, blue = linear
    return red, green, blue, 1.0


class Tree:
    """Adds nodes to a tree; every method returns the new node's output socket."""

    def __init__(self, tree: Any) -> None:
        """Take a tree, without the nodes that Blender put into it."""
        self.tree = tree
        tree.nodes.clear()

    def add(self, kind: str, inputs: dict[Any, Value], output: Any = 0, **settings: Any) -> Any:
        """A node `ShaderNode<kind>`: its inputs by name or number, its settings, one output."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for name, value in settings.items():
            setattr(node, name, value)
        for key, value in inputs.items():
            self.set(node.inputs[key], value)
        return node.outputs[output] if len(node.outputs) else node

    def set(self, socket: Any, value: Value) -> None:
        """Link a socket to an input, or give it a value."""
        if hasattr(value, "is_output"):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    def math(self, operation: str, *values: Value, clamp: bool = False) -> Any:
        """Arithmetic of one to three values."""
        return self.add("Math", dict(enumerate(values)), operation=operation, use_clamp=clamp)

    def vector(self, operation: str, first: Value, second: Value) -> Any:
        """Arithmetic of two vectors (for SCALE a vector and a number)."""
        key = "Scale" if operation == "SCALE" else 1
        return self.add("VectorMath", {0: first, key: second}, operation=operation)

    def combine(self, x: Value, y: Value, z: Value) -> Any:
        """A vector of three numbers."""
        return self.add("CombineXYZ", {0: x, 1: y, 2: z})

    def part(self, vector: Value, axis: int) -> Any:
        """One of a vector's three numbers."""
        return self.add("SeparateXYZ", {0: vector}, axis)

    def mix(self, factor: Value, first: Value, second: Value, kind: str = "RGBA") -> Any:
        """Between two colors (RGBA), numbers (FLOAT) or vectors (VECTOR)."""
        number, a, b, output = MIX_SOCKETS[kind]
        return self.add("Mix", {number: factor, a: first, b: second}, output, data_type=kind)

    def multiply(self, first: Value, second: Value) -> Any:
        """The product of two colors."""
        inputs = {0: 1.0, 6: first, 7: second}
        return self.add("Mix", inputs, 2, data_type="RGBA", blend_type="MULTIPLY")

    def step(self, value: Value, low: Value, high: Value) -> Any:
        """0 below `low`, 1 above `high`, smoothly between."""
        inputs = {"Value": value, 1: low, 2: high, 3: 0.0, 4: 1.0}
        return self.add("MapRange", inputs, interpolation_type="SMOOTHSTEP")

    def noise(
        self, at: Value, scale: float, detail: float = 4.0, rough: float = 0.55, **more: Value
    ) -> Any:
        """Fractal noise of about 0..1 at a position, `scale` waves a meter.

        W: a fourth coordinate; Distortion: how much it swirls.
        """
        inputs = {"Vector": at, "Scale": scale, "Detail": detail, "Roughness": rough, **more}
        return self.add("TexNoise", inputs, noise_dimensions="4D" if "W" in more else "3D")

    def ramp(self, value: Value, *stops: tuple[float, tuple[float, ...]]) -> Any:
        """Colors at places 0..1, straight between."""
        node = self.tree.nodes.new("ShaderNodeValToRGB")
        elements = node.color_ramp.elements
        while len(elements) < len(stops):
            elements.new(0.5)
        while len(elements) > len(stops):
            elements.remove(elements[-1])
        for element, (place, color) in zip(elements, stops, strict=True):
            element.position, element.color = place, color
        self.set(node.inputs[0], value)
        return node.outputs[0]

    def bump(self, height: Value, distance: float, strength: Value = 1.0) -> Any:
        """A normal that is tilted by a height 0..1 of `distance` meters."""
        return self.add("Bump", {"Height": height, "Distance": distance, "Strength": strength})

    def time(self) -> Any:
        """The frame's time: the output of the node TIME, which `render` sets."""
        node = self.tree.nodes.new("ShaderNodeValue")
        node.name = TIME
        return node.outputs[0]

    def position(self) -> Any:
        """Where the ray hit, in the world, meters."""
        return self.add("NewGeometry", {}, "Position")


TIME = "time"
"""Name of the nodes whose value is the time in frames since the first."""
