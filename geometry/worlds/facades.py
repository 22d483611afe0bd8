"""Walls whose windows, doors, balconies and bricks are a texture and don't change the depth.

Textures are laid out by the attribute LOCAL: across a wall by x + y, so that they run around the
corners of any building whose sides are parallel to its axes and as long as whole bays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..landscapes.materials import Air, material, matte, ramp
from ..landscapes.nodes import Tree, Value, rgb
from .draw import Draw
from .parts import LOCAL

PLASTERS = (
    ("e6d9bf", "d9b58a", "e9e3d6", "cfa98c", "c9cdc6"),
    ("f0ede6", "e2ddd2", "d4d0c8"),
    ("c9704a", "d99a5a", "e8c07a", "b85a44"),
    ("7aa0b8", "e8d8a8", "d88a8a", "8ab08a", "f0ece0"),
    ("8a8680", "a39d92", "77736c"),
    ("e8b84a", "d87a3a", "c8583a", "eadcc0"),
)
BRICKS = (("8a4530", "7a3a2a", "9a5a40"), ("b08a60", "a57a54", "c09a70"), ("6a4a42", "503a36"))
STONES = (("b5ab9a", "a39a88", "c9bfae"), ("8a8378", "77716a", "9a948a"), ("c8b890", "d8c8a0"))
WOODS = (("6a3f2c", "7d4e38"), ("8a2f24", "9a3a2c"), ("b5ab9a", "c9c0b0"), ("4a4038", "5c5046"))
CONCRETES = (("a8a49c", "8f8b84", "b8b4ac"), ("c8c4bc", "d8d4cc"), ("77756f", "66645f"))
GLASSES = (("1d252c", "2c3a44"), ("2a4a5a", "3a6272"), ("384858", "6a8090"), ("1a2a24", "2c443a"))
TRIMS = ("f0ece4", "d8d0c0", "5a4a3c", "3a4a44", "77716a", "2a2c30", "8a3a2a")
PATTERNS = ("plaster", "brick", "stone", "wood", "planks", "concrete", "timber", "glass")
LINE_UP = 1e4
"""Added to coordinates before they are cut into cells, to keep them positive."""


@dataclass(frozen=True)
class Look:
    """What a facade looks like; lengths in meters.

    Attributes:
        pattern: One of PATTERNS.
        bay: Width of the part of the wall that belongs to a window.
        floor: Height of a story.
        window: Width and height of windows; their sill's height above the floor.
        shop: Whether there are shop fronts on the ground floor.
        lit: Share of the windows that are lit.
    """

    pattern: str = "plaster"
    bay: float = 2.6
    floor: float = 3.0
    window: tuple[float, float, float] = (1.1, 1.5, 0.9)
    shop: bool = False
    lit: float = 0.0


def draw_look(draw: Draw, patterns: tuple[str, ...] = PATTERNS, lit: float = 0.0) -> Look:
    """Return a random look with one of some patterns."""
    pattern = draw.choice(patterns)
    bay, floor = draw.uniform(1.6, 4.2), draw.uniform(2.6, 4.3)
    wide, tall = draw.uniform(0.3, 0.7) * bay, draw.uniform(0.4, 0.68) * floor
    sill = draw.uniform(0.12, 0.9) * (floor - tall)
    if pattern == "glass":
        bay, wide = draw.uniform(0.9, 3.5), 0.0
        wide, tall, sill = bay - draw.uniform(0.05, 0.3), floor - draw.uniform(0.08, 0.9), 0.04
    elif pattern == "concrete" and draw.chance(0.5):  # ribbons of windows
        wide, tall = bay - draw.uniform(0.0, 0.2), draw.uniform(0.35, 0.6) * floor
        sill = 0.3 * floor
    return Look(pattern, bay, floor, (wide, tall, sill), draw.chance(0.3), lit)


class _Wall:
    """The nodes of one facade that others build on."""

    def __init__(self, tree: Tree, look: Look) -> None:
        """Add coordinates: `across` and `up` in meters, `x` and `y` within a bay and story."""
        self.tree, self.look = tree, look
        at = tree.add("Attribute", {}, "Vector", attribute_name=LOCAL)
        self.each = tree.add("Attribute", {}, "Alpha", attribute_name=LOCAL)
        across = tree.math("ADD", tree.part(at, 0), tree.part(at, 1))
        self.across = tree.math("ADD", across, LINE_UP * look.bay)
        self.up = tree.part(at, 2)
        self.flat = tree.combine(self.across, self.up, tree.math("MULTIPLY", self.each, 77.0))
        self.bay, x = self._split(self.across, look.bay)
        self.story, self.y = self._split(self.up, look.floor)
        self.x = tree.math("ABSOLUTE", tree.math("SUBTRACT", x, look.bay / 2))
        self.random = self.white(self.bay, self.story)

    def _split(self, value: Value, size: float) -> tuple[Value, Value]:
        cell = self.tree.math("FLOOR", self.tree.math("DIVIDE", value, size))
        return cell, self.tree.math("MULTIPLY_ADD", cell, -size, value)

    def white(self, first: Value, second: Value) -> Value:
        """Add a random number 0..1 of two numbers and the building."""
        return self.tree.add("TexWhiteNoise", {0: self.tree.combine(first, second, self.each)}, 0)

    def both(self, *masks: Value) -> Value:
        """Add the product of masks."""
        result = masks[0]
        for mask in masks[1:]:
            result = self.tree.math("MULTIPLY", result, mask)
        return result

    def less(self, value: Value, limit: Value) -> Value:
        """Add the mask where a value is below a limit."""
        return self.tree.math("LESS_THAN", value, limit)

    def between(self, value: Value, low: Value, high: Value) -> Value:
        """Add the mask where a value lies between two."""
        return self.both(self.less(low, value), self.less(value, high))

    def box(self, half: float, low: float, high: float) -> Value:
        """Add the mask of a rectangle in every bay and story."""
        return self.both(self.less(self.x, half), self.between(self.y, low, high))

    def paint(self, color: Value, mask: Value, over: Value) -> Value:
        """Add a color painted over another."""
        return self.tree.mix(mask, color, over)


def facade(draw: Draw, air: Air, look: Look) -> Any:
    """Return the material of a facade with random details."""
    wide, tall, sill = look.window
    trim, glass = draw.near_color(draw.choice(TRIMS)), draw.near_colors(draw.choice(GLASSES))
    frame = draw.uniform(0.04, 0.2) if look.pattern != "glass" else draw.uniform(0.02, 0.08)
    accent = draw.near_color(draw.choice(TRIMS), 2.0)
    has_band, has_shutters = draw.chance(0.4), draw.chance(0.3) and wide < 0.5 * look.bay
    has_balconies, has_doors = draw.chance(0.2), draw.chance(0.7)
    arch, blind = draw.chance(0.2) * draw.uniform(0.2, 0.8), draw.choice((0.0, 0.0, 0.1, 0.3))
    gloss, curtain = draw.uniform(0.3, 1.0), draw.uniform(0.0, 0.5)
    light = draw.near_color("ffc878", 1.5)
    wall_colors = _wall_colors(draw, look.pattern)
    grime = draw.uniform(0.1, 0.6)
    signs = [draw.near_color(c, 2) for c in ("a83228", "2a5a9a", "e8c84a", "2a6a3a", "e8e4dc")]

    def surface(tree: Tree) -> Any:
        wall = _Wall(tree, look)
        color = _pattern(wall, look.pattern, wall_colors)
        stain = tree.noise(wall.flat, 0.35, 4.0, 0.65)
        dark = 1 - grime
        color = tree.multiply(color, tree.mix(stain, (dark,) * 3 + (1,), (1.1, 1.1, 1.1, 1)))
        top = tree.math("MULTIPLY_ADD", tree.math("MULTIPLY", wall.x, wall.x), -arch, sill + tall)
        opening = wall.both(wall.less(wall.x, wide / 2), wall.between(wall.y, sill, top))
        around = wall.box(wide / 2 + frame, sill - frame, sill + tall + frame)
        if blind:
            seen = wall.less(blind, wall.random)
            opening, around = wall.both(opening, seen), wall.both(around, seen)
        if has_band:
            color = wall.paint(rgb(trim), wall.less(wall.y, 0.08 * look.floor), color)
        if has_shutters:
            beside = wall.both(
                wall.between(wall.x, wide / 2 + 0.05, wide * 0.95 + 0.05),
                wall.between(wall.y, sill, sill + tall),
            )
            color = wall.paint(rgb(accent), beside, color)
        color = wall.paint(rgb(trim), around, color)
        bars = tree.math(
            "MAXIMUM",
            wall.less(wall.x, 0.03),
            wall.between(wall.y, sill + 0.6 * tall, sill + 0.6 * tall + 0.06),
        )
        panes = wall.both(opening, tree.math("SUBTRACT", 1.0, bars))
        shade = tree.step(wall.y, sill + tall, sill + 0.6 * tall)
        pane = tree.multiply(
            ramp(tree, wall.random, glass), tree.mix(shade, (0.4, 0.4, 0.4, 1), (1, 1, 1, 1))
        )
        drawn = wall.less(wall.white(wall.story, wall.bay), curtain)
        pane = tree.mix(tree.math("MULTIPLY", drawn, 0.6), pane, rgb("c9c2b4"))
        if look.shop:
            color, pane, panes = _shop(wall, signs, trim, color, (pane, panes))
        elif has_doors:
            first = wall.both(wall.less(wall.up, look.floor), wall.less(0.7, wall.random))
            door = wall.both(wall.box(0.6, -1.0, min(2.3, 0.9 * look.floor)), first)
            color = wall.paint(rgb(accent), door, color)
            panes = wall.both(panes, tree.math("SUBTRACT", 1.0, first))
        if has_balconies:
            rails = wall.both(
                wall.box(0.75 * wide, 0.05, 1.0),
                wall.less(tree.math("FRACT", tree.math("MULTIPLY", wall.across, 6.0)), 0.35),
                wall.less(look.floor, wall.up),
            )
            panes = wall.both(panes, tree.math("SUBTRACT", 1.0, rails))
            color = wall.paint(rgb("2a2c30"), rails, color)
        shader = matte(tree, color)
        mirror = matte(tree, pane, None, 0.06, gloss)
        if look.lit:
            glow = wall.less(wall.white(wall.bay, tree.math("ADD", wall.story, 9.0)), look.lit)
            lamp = tree.add("Emission", {0: rgb(light), 1: tree.math("ADD", wall.random, 0.3)})
            mirror = tree.add("MixShader", {0: glow, 1: mirror, 2: lamp})
        return tree.add("MixShader", {0: panes, 1: shader, 2: mirror})

    return material("facade", air, surface)


def _shop(
    wall: _Wall, signs: list[str], trim: str, color: Value, panes: tuple[Value, Value]
) -> tuple[Value, Value, Value]:
    """Replace the ground floor's windows by shop windows under signs; return color and panes."""
    tree, look = wall.tree, wall.look
    shop = wall.less(wall.up, look.floor)
    above = tree.math("SUBTRACT", 1.0, shop)
    name = ramp(tree, wall.white(wall.bay, 3.0), tuple(signs))
    letters = wall.less(0.55, tree.noise(tree.vector("MULTIPLY", wall.flat, (3.0, 1.5, 1.0)), 1.5))
    name = wall.paint(rgb("f0ece4"), wall.both(letters, wall.less(wall.x, 0.3 * look.bay)), name)
    color = wall.paint(rgb(trim), shop, color)
    sign = wall.both(shop, wall.between(wall.y, 0.76 * look.floor, 0.95 * look.floor))
    color = wall.paint(name, sign, color)
    front = wall.both(shop, wall.box(0.44 * look.bay, 0.12 * look.floor, 0.72 * look.floor))
    goods = ramp(tree, tree.noise(wall.flat, 2.5, 2.0), ("16181c", "4a4038", "8a7a60", "c8b8a0"))
    pane, masks = panes
    return color, tree.mix(shop, pane, goods), tree.math("ADD", wall.both(masks, above), front)


def _wall_colors(draw: Draw, pattern: str) -> tuple[str, ...]:
    tables = {
        "brick": BRICKS, "stone": STONES, "wood": WOODS, "planks": WOODS, "concrete": CONCRETES,
        "glass": GLASSES + CONCRETES,
    }  # fmt: skip
    return draw.near_colors(draw.choice(tables.get(pattern, PLASTERS)))


def _pattern(wall: _Wall, pattern: str, colors: tuple[str, ...]) -> Value:
    """Add the color of the wall between its windows."""
    tree = wall.tree
    base = ramp(tree, wall.each, colors)
    gray = tree.noise(wall.flat, 1.5, 4.0, 0.7)
    if pattern in ("brick", "stone"):
        wide, tall = (0.25, 0.075) if pattern == "brick" else (0.7, 0.35)
        inputs = {
            "Vector": wall.flat, "Color1": rgb(colors[0]), "Color2": rgb(colors[-1]),
            "Mortar": rgb("b5aca0" if pattern == "brick" else "6a655e"), "Scale": 1.0,
            "Mortar Size": 0.012, "Brick Width": wide, "Row Height": tall,
        }  # fmt: skip
        base = tree.add("TexBrick", inputs, "Color")
    elif pattern in ("wood", "planks"):
        value = wall.up if pattern == "wood" else wall.across
        line = tree.math("FRACT", tree.math("MULTIPLY", value, 5.0))
        base = tree.multiply(base, tree.mix(line, (0.6, 0.6, 0.6, 1), (1.05, 1.05, 1.05, 1)))
    elif pattern == "concrete":
        edge = tree.math(
            "MAXIMUM", wall.less(wall.y, 0.05), wall.less(wall.look.bay / 2 - 0.03, wall.x)
        )
        base = tree.multiply(base, tree.mix(edge, (1, 1, 1, 1), (0.55, 0.55, 0.55, 1)))
    elif pattern == "timber":
        half = wall.look.bay / 2
        slant = tree.math(
            "ABSOLUTE",
            tree.math(
                "MULTIPLY_ADD", wall.x, wall.look.floor / half, tree.math("MULTIPLY", wall.y, -1.0)
            ),
        )
        some = wall.both(wall.less(slant, 0.22), wall.less(0.6, wall.random))
        beams = tree.math("MAXIMUM", wall.less(half - 0.12, wall.x), some)
        beams = tree.math("MAXIMUM", beams, wall.less(wall.y, 0.22))
        base = wall.paint(rgb("3a2c22"), beams, base)
    return tree.multiply(base, tree.mix(gray, (0.75, 0.75, 0.75, 1), (1.15, 1.15, 1.15, 1)))
