"""Things that people put on and beside water: boats, buoys, piers, jetties, lighthouses, parasols.

All are built around the origin at sea level, the bow along +y, in meters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..landscapes import materials
from ..landscapes.materials import Air, material, matte
from ..landscapes.meshes import Shape, grid_faces, place
from ..landscapes.nodes import rgb
from ..landscapes.terrain import sphere
from .draw import Draw
from .labels import FLAT_INDEX, UPRIGHT_INDEX
from .scatter import scatter
from .shore_parts import POLES

Array = NDArray[np.float64]
PAINTS = ("f2f2ee", "d8d4c8", "1d3a5c", "a02a22", "2c5a3a", "d89a2c", "22262a", "6a4a30", "3c7a9c")
PLANKS = (("8a7a66", "a4947e"), ("6a5038", "84684a"), ("9a9890", "b4b2aa"), ("4a4038", "5c5048"))


def paint(air: Air, color: str, gloss: float = 0.3) -> Any:
    """Return a material of one color."""
    return material("paint", air, lambda tree: matte(tree, rgb(color), None, 0.4, gloss))


def hull(long: float, wide: float, tall: float, sink: float = 0.25) -> Shape:
    """Return an open hull in slot 0 with a deck a little below its rim in slot 1."""
    shape = Shape()
    t = np.linspace(0, 1, 11)[:, None]
    half = 0.5 * wide * np.minimum(1.0, 1.6 * (1 - t) ** 0.65 + 0 * t) * (0.8 + 0.2 * np.sin(3 * t))
    y = long * (t - 0.5)
    rim = tall * (1 + 0.5 * t**3)
    rows = []
    for side, low in ((-1.0, 0), (-0.75, 1), (0.0, 1), (0.75, 1), (1.0, 0)):
        rows.append(np.hstack([side * half, y, -sink * tall + 0 * t if low else rim]))
    points = np.stack(rows, axis=1)
    shape.add(points.reshape(-1, 3), grid_faces(11, 5))
    shape.add(points[0], [(0, 1, 2, -1), (0, 2, 4, -1), (2, 3, 4, -1)])
    deck = np.stack([points[:, 0], points[:, 4]], axis=1) - [0, 0, 0.3 * tall]
    shape.add(deck.reshape(-1, 3), grid_faces(11, 2), 1)
    return shape


def _sails(draw: Draw, shape: Shape, long: float) -> None:
    """Add a mast in slot 1 and bellied sails in slot 2."""
    tall, foot = long * draw.uniform(1.0, 1.5), 0.12 * long
    shape.tube(np.array([[0, 0.08 * long, 0], [0, 0.08 * long, tall]]), 0.008 * long, 5, 1)
    belly = draw.uniform(-0.12, 0.12) * long
    if draw.chance(0.15):
        return
    for first, last in ((0.06, -0.46), (0.1, 0.48))[: draw.integer(1, 2)]:
        t = np.linspace(0, 1, 6)
        up, along = np.meshgrid(t, t, indexing="ij")
        y = long * (first + (last - first) * along * (1 - up))
        z = foot + (tall * 0.95 - foot) * up
        x = belly * np.sin(np.pi * along) * (1 - up) + belly * along * (1 - up)
        shape.add(np.stack([x, y, z], -1).reshape(-1, 3), grid_faces(6, 6), 2)


def boat(draw: Draw, air: Air, at: tuple[float, float], level: float = 0.0) -> None:
    """Add a random boat: sailing, rowing, motor boat or ship, larger ones farther away."""
    away = float(np.hypot(*at))
    long = draw.log_uniform(2.5, 9) if away < 150 else draw.log_uniform(6, 60)
    kind = draw.choice(("sail", "row", "motor"), (2, 1 if away < 150 else 0, 1.5))
    wide = long * draw.uniform(0.25, 0.4)
    tall = long * draw.uniform(0.06, 0.14)
    shape = hull(long, wide, tall)
    if kind == "sail":
        _sails(draw, shape, long)
    elif kind == "motor":
        for _ in range(draw.integer(1, 3)):
            y, half = draw.uniform(-0.35, 0.1) * long, draw.uniform(0.05, 0.15) * long
            top = tall + draw.uniform(0.08, 0.25) * long
            shape.box((-0.3 * wide, y - half, 0.5 * tall), (0.3 * wide, y + half, top), 2)
        if draw.chance(0.6):
            mast = np.array([[0, 0, tall], [0, 0, tall + 0.4 * long]])
            shape.tube(mast, 0.008 * long, 5, 1)
    else:
        for y in (-0.2, 0.1):
            shape.box(
                (-0.4 * wide, y * long, 0.75 * tall), (0.4 * wide, y * long + 0.2, 0.85 * tall), 1
            )
    colors = [draw.near_color(draw.choice(PAINTS)) for _ in range(3)]
    if kind == "sail":
        colors[2] = draw.near_color(draw.choice(("f4f2ec", "f4f2ec", "e8dcc4", "a02a22")), 0.6)
    mesh = shape.mesh("boat", [paint(air, color) for color in colors])
    place(mesh, (*at, level), draw.uniform(0, 6.28), 1.0, UPRIGHT_INDEX)


def boats(draw: Draw, air: Air, most: int, span: tuple[float, float], afloat: Any) -> None:
    """Add up to `most` boats between two distances where `afloat`(x, y) holds."""
    for _ in range(draw.integer(0, most)):
        for _ in range(6):
            y = draw.log_uniform(*span)
            x = y * draw.uniform(-0.7, 0.7)
            if afloat(np.array([x]), np.array([y]))[0]:
                boat(draw, air, (x, y))
                break


def buoys(draw: Draw, air: Air, spots: Array, size: float) -> None:
    """Add a row of balls that float at positions (N, 3)."""
    shape = Shape()
    points, faces = sphere(7, 10, POLES)
    shape.add(points * 0.5, faces)
    color = draw.near_color(draw.choice(("e0641e", "c8281e", "f0f0ea", "e8c02c")))
    scatter(draw, [shape], [paint(air, color)], spots, np.full(len(spots), size))


def pier(
    draw: Draw, air: Air, start: tuple[float, float], heading: float, long: float, top: float = 0.0
) -> None:
    """Add a pier on posts, of planks or concrete, with or without rails.

    Args:
        draw: The random choices.
        air: The haze.
        start: Its start x, y.
        heading: Its direction to the right of +y, in radians.
        long: Its length in meters.
        top: Height of its deck; random by default.
    """
    top = top or draw.uniform(0.35, 1.6)
    half = draw.uniform(0.5, 1.6)
    slots = [
        materials.plain(air, draw.near_colors(draw.choice(PLANKS)), draw.uniform(1, 5)),
        materials.plain(air, draw.near_colors(draw.choice(PLANKS)), 3.0),
    ]
    deck, stand = Shape(), Shape()
    step = draw.uniform(0.14, 0.3) if draw.chance(0.7) else long
    for y in np.arange(0, long, step).tolist():
        low = (-half, y, top - 0.08 - draw.uniform(0, 0.012))
        deck.box(low, (half, y + step * 0.93, top - draw.uniform(0, 0.01)))
    apart = draw.uniform(1.5, 4.0)
    rail, above = draw.chance(0.35), draw.choice((0.0, 0.0, draw.uniform(0.2, 0.8)))
    for y in np.arange(0.2, long, apart).tolist():
        for x in (-half - 0.05, half + 0.05):
            high = top + (1.0 if rail else above)
            stand.tube(np.array([[x, y, -4], [x, y, high - 0.01], [x, y, high]]), [0.1, 0.1, 0], 7)
    if rail:
        for x in (-half - 0.05, half + 0.05):
            for z in (1.0, 0.55):
                stand.tube(np.array([[x, 0, top + z], [x, long, top + z]]), 0.035, 5)
    stand.box((-half, 0, top - 0.25), (-half + 0.12, long, top - 0.09))
    stand.box((half - 0.12, 0, top - 0.25), (half, long, top - 0.09))
    place(deck.mesh("deck", slots[:1]), (*start, 0), -heading, 1.0, FLAT_INDEX)
    place(stand.mesh("posts", slots[1:]), (*start, 0), -heading, 1.0, UPRIGHT_INDEX)


def _stand(shape: Shape, slots: list[Any]) -> None:
    """Add a shape as an upright object, unless it is empty."""
    if shape.count:
        place(shape.mesh("things", slots), index=UPRIGHT_INDEX)


def posts(draw: Draw, air: Air, spots: Array) -> None:
    """Add leaning posts in the water at positions (N, 3) on its surface."""
    shape = Shape()
    for x, y, z in spots:
        lean, tall = draw.rng.normal(0, 0.06, 2), draw.uniform(0.3, 1.8)
        thick = draw.uniform(0.06, 0.16)
        top = (x + lean[0], y + lean[1], z + tall)
        foot = np.array([(x, y, z - 2), top, (top[0], top[1], top[2] + 0.01)])
        shape.tube(foot, [thick, thick, 0.0], 7)
    slots = [materials.plain(air, draw.near_colors(draw.choice(PLANKS)), 3.0)]
    _stand(shape, slots)


def lighthouse(draw: Draw, air: Air, at: tuple[float, float, float]) -> None:
    """Add a lighthouse, plain or banded, with its lantern."""
    shape = Shape()
    tall, wide = draw.uniform(8, 30), draw.uniform(1.5, 3.0)
    bands = draw.choice((1, 1, 3, 5))
    levels = np.linspace(-2, tall, bands + 1)
    widths = np.linspace(wide, 0.65 * wide, bands + 1)
    for n in range(bands):
        spine = np.array([[0, 0, levels[n]], [0, 0, levels[n + 1]]])
        shape.tube(spine, widths[n : n + 2], 14, n % 2)
    gallery = np.array([[0, 0, tall - 0.1], [0, 0, tall], [0, 0, tall + 0.3], [0, 0, tall + 0.31]])
    shape.tube(gallery, [0.5 * wide, 0.9 * wide, 0.9 * wide, 0.0], 14, 1)
    lamp = np.array([[0, 0, tall + 0.3], [0, 0, tall + 2.3]])
    shape.tube(lamp, 0.42 * wide, 10, 2)
    roof = np.array([[0, 0, tall + 2.3], [0, 0, tall + 2.31], [0, 0, tall + 3.6]])
    shape.tube(roof, [0.5 * wide, 0.5 * wide, 0.02], 10, 1)
    white, red = draw.near_color("f0eee6", 0.5), draw.near_color(draw.choice(PAINTS))
    slots = [paint(air, white), paint(air, red), materials.glass(air)]
    place(shape.mesh("lighthouse", slots), at, 0.0, 1.0, UPRIGHT_INDEX)


def parasols(draw: Draw, air: Air, spots: Array) -> None:
    """Add parasols of several colors with towels beside them at positions (N, 3)."""
    shape = Shape()
    for number, (x, y, z) in enumerate(spots):
        foot = np.array([x, y, z])
        top = np.add(foot, (*draw.rng.normal(0, 0.15, 2), draw.uniform(1.9, 2.4)))
        shape.tube(np.stack([foot - [0, 0, 0.2], top]), 0.03, 5, 3)
        wide = draw.uniform(0.9, 1.5)
        spine = np.stack([top - [0, 0, 0.4], top - [0, 0, 0.1], top])
        shape.tube(spine, [wide, 0.5 * wide, 0.02], 8, number % 3)
    slots = [paint(air, draw.near_color(draw.choice(PAINTS)), 0.05) for _ in range(4)]
    _stand(shape, slots)


def figures(draw: Draw, air: Air, spots: Array) -> None:
    """Add people, as seen from afar, at positions (N, 3)."""
    shape = Shape()
    for number, (x, y, z) in enumerate(spots):
        tall = draw.uniform(1.2, 1.9)
        level = np.array([-0.05, 0.45, 0.5, 0.8, 0.84, 0.88, 0.95, 1.0])
        width = np.array([0.05, 0.08, 0.11, 0.12, 0.035, 0.06, 0.06, 0.0])
        sway = 0.05 * np.sin(3 * level + number)
        spine = np.column_stack([x + sway, y + 0 * level, z + tall * level])
        shape.tube(spine[:4], tall * width[:4], 7, number % 3)
        shape.tube(spine[3:], tall * width[3:], 7, 3)
    colors = [draw.near_color(draw.choice(PAINTS)) for _ in range(3)]
    skin = draw.near_color(draw.choice(("c89878", "8a5c40", "e0b898")))
    slots = [paint(air, color, 0.05) for color in [*colors, skin]]
    _stand(shape, slots)
