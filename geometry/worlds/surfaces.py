"""Materials of roads, roofs, metal, cloth and paint."""

from __future__ import annotations

from typing import Any

from ..landscapes import materials
from ..landscapes.materials import Air, material, matte, mottled, ramp
from ..landscapes.nodes import Tree, rgb
from .draw import Draw
from .parts import LOCAL

ROOFS = (
    ("8a4530", "a35a40", "6f3626"),
    ("6b4a3e", "80594a", "54392f"),
    ("4d5a58", "5d6b66", "3f4a48"),
    ("3a3c40", "4a4c52", "2c2e32"),
    ("c07048", "d08a58", "a85c3a"),
    ("77756f", "8a8780", "66645f"),
    ("5a7a6a", "6a8a78", "4a6a5a"),
    ("8a7a58", "a09068", "6f6244"),
)
PAVINGS = (
    ("8f877b", "a39a8c", "7a7268", "4a4640"),
    ("b0a898", "bfb7a8", "a0988a", "77716a"),
    ("a8785a", "b88a6a", "8a5f48", "5a4638"),
    ("77787a", "8a8b8c", "66676a", "3c3d40"),
    ("d8ccb0", "c8b898", "e0d8c4", "9a8f7a"),
)
ASPHALTS = (
    ("4a4a4c", "5a5a5c", "3c3c3e"),
    ("77777a", "8a8a8c", "66666a"),
    ("2c2d30", "38393c"),
    ("9a9894", "aaa8a2", "8a8884"),
    ("b0aca4", "bcb8b0", "a4a098"),
)
DIRTS = (("8a7355", "a08a68", "6f5c44"), ("b5a88f", "c8bca4", "a0937c"), ("a8684a", "b87c5a"))
PAINTS = (
    "c8c8cc", "1c1e22", "f0f0f0", "8a1c1c", "1c3a6a", "5a6a78", "d8b83a", "2a5a3a", "b8b0a0",
    "4a2c24", "3a7ab0", "e07a2a",
)  # fmt: skip
CLOTHS = (
    "2a2c34", "1c2a4a", "8a2a2a", "e8e4dc", "4a5a3a", "c8a060", "5a3a5a", "3a6a8a", "e0b0b8",
    "77716a", "d8582a", "e8d44a",
)  # fmt: skip
METALS = ("2a2c30", "5a5e62", "8a8e92", "3a4a3e", "6a3a2c", "c8ccd0", "1c2a24")


def paving(draw: Draw, air: Air) -> Any:
    """Return a material of a paved, tarred, gravel or dirt surface."""
    kind = draw.choice(("stones", "slabs", "asphalt", "dirt"), (3, 2, 3, 1))
    if kind == "stones":
        colors = draw.near_colors(draw.choice(PAVINGS))
        return materials.cobbles(air, colors, draw.log_uniform(0.1, 0.6))
    if kind == "slabs":
        return slabs(draw, air)
    return asphalt(draw, air) if kind == "asphalt" else dirt(draw, air)


def asphalt(draw: Draw, air: Air) -> Any:
    """Return a material of a tarred road, dry or wet, with grain, patches and cracks."""
    colors, wet = draw.near_colors(draw.choice(ASPHALTS)), draw.chance(0.08)
    patches, cracks = draw.uniform(0.0, 0.5), draw.choice((0.0, draw.uniform(0.2, 0.8)))
    grain, coarse = draw.uniform(0.0, 0.3), draw.log_uniform(15, 70)
    meshes = draw.log_uniform(0.2, 1.5)

    def surface(tree: Tree) -> Any:
        at = tree.position()
        color = tree.mix(0.5, mottled(tree, at, colors, 6.0), mottled(tree, at, colors, 0.15))
        patch = tree.step(tree.noise(at, 0.3, 1.0), 0.62, 0.63)
        color = tree.mix(tree.math("MULTIPLY", patch, patches), color, rgb(colors[-1]))
        speck = tree.step(tree.noise(at, coarse, 2.0), 0.35, 0.65)
        low, high = (((1 + sign * grain),) * 3 + (1,) for sign in (-1, 1))
        color = tree.multiply(color, tree.mix(speck, low, high))
        off = tree.math("ABSOLUTE", tree.math("SUBTRACT", tree.noise(at, meshes, 3.0), 0.5))
        crack = tree.math("SUBTRACT", 1.0, tree.step(off, 0.003, 0.008))
        color = tree.mix(tree.math("MULTIPLY", crack, cracks), color, (0.02, 0.02, 0.02, 1))
        if wet:
            pool = tree.step(tree.noise(at, 0.5, 2.0), 0.5, 0.6)
            rough = tree.math("MULTIPLY_ADD", pool, -0.45, 0.55)
            return matte(tree, color, None, rough, 0.6)
        return matte(tree, color)

    return material("asphalt", air, surface)


def slabs(draw: Draw, air: Air) -> Any:
    """Return a material of rectangular slabs, sometimes a checkerboard."""
    colors = draw.near_colors(draw.choice(PAVINGS))
    wide, tall = draw.log_uniform(0.15, 1.5), draw.uniform(0.5, 1.0)
    turn, offset = draw.uniform(0, 3.1), draw.choice((0.0, 0.5))

    def surface(tree: Tree) -> Any:
        at = tree.add("VectorRotate", {"Vector": tree.position(), "Angle": turn})
        inputs = {
            "Vector": at, "Color1": rgb(colors[0]), "Color2": rgb(colors[2]),
            "Mortar": rgb(colors[-1]), "Scale": 1.0, "Mortar Size": 0.03 * wide,
            "Brick Width": wide, "Row Height": wide * tall,
        }  # fmt: skip
        color = tree.add("TexBrick", inputs, "Color", offset=offset)
        stain = tree.noise(tree.position(), 0.4, 4.0, 0.6)
        return matte(
            tree, tree.multiply(color, tree.mix(stain, (0.7,) * 3 + (1,), (1.1,) * 3 + (1,)))
        )

    return material("slabs", air, surface)


def dirt(draw: Draw, air: Air) -> Any:
    """Return a material of earth, gravel or sand."""
    colors = draw.near_colors(draw.choice(DIRTS))

    def surface(tree: Tree) -> Any:
        at = tree.position()
        color = tree.mix(0.5, mottled(tree, at, colors, 8.0, 0.7), mottled(tree, at, colors, 0.3))
        return matte(tree, color, tree.bump(tree.noise(at, 9.0, 3.0, 0.7), 0.03))

    return material("dirt", air, surface)


def roof(draw: Draw, air: Air) -> Any:
    """Return a material of roof tiles, slates, sheets or straw."""
    colors = draw.near_colors(draw.choice(ROOFS))
    if draw.chance(0.75):
        return materials.tiles(air, colors, draw.uniform(0.15, 0.4))

    def surface(tree: Tree) -> Any:
        at = tree.add("Attribute", {}, "Vector", attribute_name=LOCAL)
        ribs = tree.math("ADD", tree.part(at, 0), tree.part(at, 1))
        ribs = tree.math("PINGPONG", tree.math("MULTIPLY", ribs, 4.0), 1.0)
        color = ramp(tree, tree.noise(at, 0.7, 4.0), colors)
        color = tree.multiply(color, tree.mix(ribs, (0.7,) * 3 + (1,), (1.1,) * 3 + (1,)))
        return matte(tree, color, None, 0.5, 0.3)

    return material("sheets", air, surface)


def paint(air: Air, color: str, gloss: float = 0.0, rough: float = 0.3) -> Any:
    """Return a material of one color; gloss: its specular level, 0 for matte."""
    return material("paint", air, lambda tree: matte(tree, rgb(color), None, rough, gloss))


def coats(air: Air, colors: tuple[str, ...], gloss: float = 0.0) -> Any:
    """Return a material whose color is another one of several for every building or vehicle."""

    def surface(tree: Tree) -> Any:
        each = tree.add("Attribute", {}, "Alpha", attribute_name=LOCAL)
        node = tree.tree.nodes.new("ShaderNodeValToRGB")
        node.color_ramp.interpolation = "CONSTANT"
        elements = node.color_ramp.elements
        while len(elements) < len(colors):
            elements.new(0.5)
        for n, color in enumerate(colors):
            elements[n].position, elements[n].color = n / len(colors), rgb(color)
        tree.set(node.inputs[0], each)
        return matte(tree, node.outputs[0], None, 0.25, gloss)

    return material("coats", air, surface)


def lamp(air: Air, color: str, strength: float) -> Any:
    """Return a glowing material."""
    return material("glow", air, lambda tree: tree.add("Emission", {0: rgb(color), 1: strength}))


def basin_water(draw: Draw, air: Air) -> Any:
    """Return a material of water in a basin, with small waves."""
    color = draw.near_color(draw.choice(("2a4a4a", "3a6a7a", "2c3a2c", "5a8a9a")))
    wave = draw.log_uniform(0.002, 0.03)

    def surface(tree: Tree) -> Any:
        ripples = tree.noise(tree.position(), 3.0, 3.0)
        return matte(tree, rgb(color), tree.bump(ripples, wave), 0.04, 0.7)

    return material("basin", air, surface)
