"""Churches, castles and other buildings with towers."""

from __future__ import annotations

import numpy as np

from .draw import Draw
from .parts import Solid
from .town_houses import House, Style, add_roof, merlons, round_tower


def spire(
    solid: Solid, x: float, y: float, half: float, low: float, rise: float, slot: int
) -> None:
    """Add a pyramid on a square centered at x, y."""
    points = [(x - half, y - half, low), (x + half, y - half, low), (x + half, y + half, low)]
    points += [(x - half, y + half, low), (x, y, low + rise)]
    solid.add(points, [(0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)], slot)


def church(draw: Draw, style: Style) -> House:
    """Return a church: a nave with one or two towers, a dome or a temple's front."""
    solid = Solid()
    look, wall = draw.choice(style.looks)
    bays = draw.integer(3, 6)
    width, deep = bays * look.bay, round(draw.uniform(18, 34) / look.bay) * look.bay
    height = draw.integer(2, 4) * look.floor
    solid.box((0, 0, -4), (width, deep, height), wall)
    roof = draw.choice(style.roofs)
    slots = (roof, wall, style.trim)
    top = add_roof(solid, draw, "gable", (width, deep, height), slots)
    kind = draw.choice(("tower", "twin", "dome", "temple"), (4, 2, 1.5, 1))
    if kind in ("tower", "twin"):
        side = max(1, round(draw.uniform(4, 7) / look.bay)) * look.bay
        tall = top + draw.uniform(4, 22)
        places = [width / 2 - side / 2] if kind == "tower" else [-0.3, width - side + 0.3]
        cap = draw.choice(("spire", "spire", "flat", "dome", "roof"))
        for x in places:
            y = -0.6 * side
            solid.box((x, y, -4), (x + side, y + side, tall), wall)
            solid.box(
                (x - 0.3, y - 0.3, tall - 0.5), (x + side + 0.3, y + side + 0.3, tall), style.trim
            )
            center = x + side / 2, y + side / 2
            if cap == "spire":
                spire(solid, *center, side / 2 + 0.2, tall, draw.uniform(0.8, 3.5) * side, roof)
            elif cap == "roof":
                spire(solid, *center, side / 2 + 0.4, tall, 0.5 * side, roof)
            elif cap == "dome":
                bend = np.linspace(0, np.pi / 2, 7)
                rows = np.column_stack([np.cos(bend) + 0.02, 1.3 * np.sin(bend)]) * side / 2
                solid.lathe(np.add(rows, [0, tall]), roof, 12, (*center, 0))
            else:
                ring = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
                merlons(solid, ring, tall, wall)
            solid.post((*center, tall), 1.2 * side, (0.1, 0.05), 5, style.metal)
            top = max(top, tall)
    elif kind == "dome":
        radius = 0.42 * width
        drum = round_tower(draw, style, radius, top + draw.uniform(1, 6), "dome")
        solid.stand(drum, (width / 2, 0.6 * deep, 0))
    else:
        for n in range(6):
            x = (n + 0.5) * width / 6
            solid.post((x, -2.2, -0.5), height + 0.5, (0.5, 0.42), 12, style.trim)
        solid.box((-0.3, -2.8, height), (width + 0.3, 0, height + 0.8), style.trim)
        low = height + 0.8
        points = [(-0.3, -2.8, low), (width + 0.3, -2.8, low), (width / 2, -2.8, low + 0.2 * width)]
        points += [(x, 0.0, z) for x, _, z in points]
        solid.add(points, [(0, 1, 2, -1), (0, 3, 5, 2), (1, 4, 5, 2)], style.trim)
    for step in range(draw.integer(0, 4)):
        out = 0.7 * step
        front = -4.5 if kind != "temple" else -3.5
        solid.box((-out, front - out, -1.0), (width + out, 0.2, 0.55 - 0.16 * step), style.trim)
    return House(solid, width, deep, top)
