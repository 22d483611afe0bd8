"""Buildings: bodies with roofs and some relief, towers, churches, halls, high-rises.

Each building is a solid with its corner at the origin, its front along x at y = 0 facing -y.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..landscapes.materials import Air
from . import surfaces
from .draw import Draw
from .facades import PATTERNS, Look, draw_look, facade
from .parts import Site, Solid

ROOF_KINDS = ("gable", "gable", "side", "hip", "flat", "mansard")


@dataclass
class Style:
    """Materials that a town's houses share, as slots of a site.

    Attributes:
        looks: Facades and their slots.
        roofs, trim, metal, glass: Slots.
        kinds: Kinds of roofs.
        floors: Lowest and highest number of stories.
        bays: Lowest and highest number of windows in a row.
        relief: Whether fronts have cornices, balconies and bays that stand out.
    """

    looks: list[tuple[Look, int]]
    roofs: list[int]
    trim: int
    metal: int
    glass: int
    kinds: tuple[str, ...] = ROOF_KINDS
    floors: tuple[int, int] = (2, 4)
    bays: tuple[int, int] = (2, 5)
    relief: float = 0.3
    extra: dict[str, Any] = field(default_factory=dict)


def draw_style(
    site: Site, count: int = 3, patterns: tuple[str, ...] = PATTERNS, **more: Any
) -> Style:
    """Return a random style with `count` different facades; more: attributes of the style."""
    draw, air = site.draw, site.air
    lit = draw.uniform(0.2, 0.7) if is_dark(air) else 0.0
    looks = []
    for _ in range(count):
        look = draw_look(draw, patterns, lit)
        looks.append((look, site.slot(facade(draw, air, look))))
    roofs = [site.slot(surfaces.roof(draw, air)) for _ in range(draw.integer(1, 3))]
    trim = site.slot(surfaces.paint(air, draw.near_color("d0c8b8", 2)))
    metal = site.slot(surfaces.paint(air, draw.near_color(draw.choice(surfaces.METALS)), 0.4))
    glass = site.slot(surfaces.paint(air, draw.near_color("1d252c"), 0.8, 0.05))
    kinds = more.pop("kinds", None) or tuple(draw.choice(ROOF_KINDS) for _ in range(2))
    return Style(looks, roofs, trim, metal, glass, kinds, **more)


def is_dark(air: Air) -> bool:
    """Return whether the haze is that of dusk or night, so that windows are lit."""
    return sum(int(air.color[n : n + 2], 16) for n in (0, 2, 4)) < 330


@dataclass(frozen=True)
class House:
    """A building.

    Attributes:
        solid: Its mesh.
        width, depth, height: Its size in meters.
        deck: Slot and height of its flat roof.
    """

    solid: Solid
    width: float
    depth: float
    height: float
    deck: tuple[int, float] | None = None


def house(draw: Draw, style: Style, narrow: bool = False) -> House:
    """Return a random house.

    narrow: Whether it stands in a closed row, so that its gable may face the street.
    """
    look, wall = draw.choice(style.looks)
    floors, bays = draw.integer(*style.floors), draw.integer(*style.bays)
    width = bays * look.bay
    deep = max(2, round(draw.uniform(7, 12) / look.bay)) * look.bay
    height = floors * look.floor
    solid = Solid()
    solid.box((0, 0, -4), (width, deep, height), wall)
    kind, roof = draw.choice(style.kinds), draw.choice(style.roofs)
    top = add_roof(solid, draw, kind, (width, deep, height), (roof, wall, style.trim))
    if draw.chance(0.6) and kind != "flat":
        x, y = draw.uniform(0.2, 0.8) * width, draw.uniform(0.35, 0.65) * deep
        size = draw.uniform(0.3, 0.6)
        solid.box(
            (x, y, height),
            (x + size, y + 1.4 * size, top + draw.uniform(0.3, 1.3)),
            style.trim if draw.chance(0.5) else wall,
        )
    if draw.chance(style.relief):
        _relief(solid, draw, style, look, (bays, floors, width))
    if draw.chance(0.3) and narrow:
        _hang(solid, draw, style, width, look.floor)
    deck = (roof, height + 0.08) if kind == "flat" else None
    return House(solid, width, deep, top, deck)


def add_roof(
    solid: Solid, draw: Draw, kind: str, size: tuple[float, float, float], slots: tuple[int, ...]
) -> float:
    """Add a roof to a box at the origin; return the height of its top.

    Args:
        solid: The building.
        draw: The random choices.
        kind: One of ROOF_KINDS: gable to the front, gable to the sides, hip, flat or mansard.
        size: Width, depth and height of the walls.
        slots: Of roof, wall and trim.
    """
    (width, deep, height), (roof, wall, trim) = size, slots
    over = draw.uniform(0.0, 0.6)
    if kind == "flat":
        edge, rise = draw.uniform(0.0, 0.4), draw.uniform(0.2, 1.1)
        for low, high in (
            ((0, 0), (width, 0.2)),
            ((0, deep - 0.2), (width, deep)),
            ((0, 0), (0.2, deep)),
            ((width - 0.2, 0), (width, deep)),
        ):
            solid.box(
                (low[0] - edge, low[1] - edge, height - 0.15),
                (high[0] + edge, high[1] + edge, height + rise),
                trim,
            )
        solid.box((0, 0, height), (width, deep, height + 0.05), roof)
        return height + rise
    pitch = draw.uniform(0.45, 1.2)
    if kind == "mansard":
        inset, rise = draw.uniform(0.6, 1.6), draw.uniform(2.2, 3.6)
        _frustum(solid, (-0.2, -0.2, width + 0.2, deep + 0.2), height, inset, rise, roof)
        solid.box((-0.3, -0.3, height - 0.25), (width + 0.3, deep + 0.3, height), trim)
        return height + rise
    across = width if kind == "gable" else deep
    rise = min(0.5 * across * pitch, 6.5)
    if kind == "hip":
        rise = min(0.5 * min(width, deep) * pitch, 5.0)
        _frustum(
            solid,
            (-over, -over, width + over, deep + over),
            height - 0.1,
            0.5 * min(width, deep) + over - 0.05,
            rise,
            roof,
        )
        return height + rise
    drop = over * rise / (0.5 * across)
    for sign in (-1, 1):
        points = np.array([[-1, 0], [1, 0], [1, 1], [-1, 1]] * 2, float)
        along = np.where(points[:, 0] < 0, -over, (deep if kind == "gable" else width) + over)
        edge = across / 2 + sign * (across / 2 + over)
        side = np.where(points[:, 1] > 0, across / 2, edge)
        up = np.where(points[:, 1] > 0, height + rise, height - drop)
        up = up + np.repeat([0.02, 0.18], 4)
        flat = (side, along) if kind == "gable" else (along, side)
        faces = [(0, 1, 2, 3), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (3, 0, 4, 7)]
        solid.add(np.column_stack([*flat, up]), faces, roof)
    for end in (0.0, deep if kind == "gable" else width):
        line = np.array([0.0, across, across / 2])
        flat = (line, np.full(3, end)) if kind == "gable" else (np.full(3, end), line)
        solid.add(np.column_stack([*flat, [height, height, height + rise]]), [(0, 1, 2)], wall)
    return height + rise


def _frustum(
    solid: Solid, base: tuple[float, ...], low: float, inset: float, rise: float, slot: int
) -> None:
    """Add four slopes from a rectangle (x0, y0, x1, y1) to a smaller one, and its top."""
    x0, y0, x1, y1 = base
    i, j = min(inset, 0.499 * (x1 - x0)), min(inset, 0.499 * (y1 - y0))
    points = [(x0, y0, low), (x1, y0, low), (x1, y1, low), (x0, y1, low)]
    high = low + rise
    points += [(x0 + i, y0 + j, high), (x1 - i, y0 + j, high)]
    points += [(x1 - i, y1 - j, high), (x0 + i, y1 - j, high)]
    faces = [(0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (4, 5, 6, 7), (0, 3, 2, 1)]
    solid.add(points, faces, slot)


def _relief(
    solid: Solid, draw: Draw, style: Style, look: Look, size: tuple[int, int, float]
) -> None:
    """Add a cornice, bands, window frames or balconies to the front."""
    (bays, floors, width), (wide, tall, sill) = size, look.window
    top = floors * look.floor
    solid.box((-0.1, -0.35, top - 0.4), (width + 0.1, 0, top), style.trim)
    if draw.chance(0.5):
        for story in range(1, floors):
            z = story * look.floor
            solid.box((0, -0.12, z - 0.12), (width, 0, z + 0.08), style.trim)
    choice = draw.choice(("balconies", "sills", "bay", "awning", "none"))
    for bay in range(bays):
        middle = (bay + 0.5) * look.bay
        for story in range(1 if choice == "balconies" else 0, floors):
            z = story * look.floor
            if choice == "sills":
                half = wide / 2 + 0.12
                solid.box(
                    (middle - half, -0.15, z + sill - 0.1), (middle + half, 0, z + sill), style.trim
                )
                solid.box(
                    (middle - half, -0.1, z + sill + tall),
                    (middle + half, 0, z + sill + tall + 0.15),
                    style.trim,
                )
            elif choice == "balconies" and (bay + story) % 2 == 0:
                _balcony(solid, middle, z, max(0.8, 0.48 * look.bay), style)
    if choice == "bay" and floors > 1:
        x = draw.integer(0, bays - 1) * look.bay
        wall = draw.choice(style.looks)[1]
        solid.box((x, -0.9, look.floor), (x + look.bay, 0, top - 0.3), wall)
    elif choice == "awning":
        points = [(0.2, 0, 2.9), (width - 0.2, 0, 2.9), (width - 0.2, -1.5, 2.3), (0.2, -1.5, 2.3)]
        solid.add(points, [(0, 1, 2, 3)], draw.choice(style.roofs))


def _balcony(solid: Solid, middle: float, z: float, half: float, style: Style) -> None:
    low, high = middle - half, middle + half
    solid.box((low, -1.0, z - 0.14), (high, 0, z), style.trim)
    for height in (0.15, 1.0):
        solid.box((low, -1.0, z + height), (high, -0.96, z + height + 0.05), style.metal)
    for x in np.linspace(low, high, 9):
        solid.box((x - 0.012, -1.0, z), (x + 0.012, -0.97, z + 1.0), style.metal)


def _hang(solid: Solid, draw: Draw, style: Style, width: float, floor: float) -> None:
    """Add a sign that sticks out into the street, or a drain pipe."""
    x = draw.uniform(0.2, 0.9) * width
    if draw.chance(0.5):
        solid.post((x, -0.1, 0), 3 * floor, 0.06, 6, style.metal)
        return
    z = draw.uniform(2.6, 3.6)
    solid.bar((x, 0, z + 0.7), (x, -1.0, z + 0.7), 0.03, style.metal)
    solid.box((x - 0.03, -1.0, z), (x + 0.03, -0.25, z + 0.6), draw.choice(style.roofs))


def block(draw: Draw, style: Style, width: float, deep: float, height: float) -> House:
    """Return a high-rise with its facade's bays and stories fitted to about the given size."""
    look, wall = draw.choice(style.looks)
    bays, rows = max(1, round(width / look.bay)), max(1, round(deep / look.bay))
    floors = max(1, round(height / look.floor))
    width, deep, height = bays * look.bay, rows * look.bay, floors * look.floor
    solid = Solid()
    solid.box((0, 0, -5), (width, deep, height), wall)
    top, kind = height, draw.choice(("plain", "steps", "crown", "mast", "slant", "core"))
    if kind == "steps":
        for _ in range(draw.integer(1, 3)):
            cut = max(1, round(0.12 * bays)) * look.bay
            if width - 2 * cut < 2 * look.bay or deep - 2 * cut < 2 * look.bay:
                break
            x = (bays * look.bay - width) / 2 + cut
            y = (rows * look.bay - deep) / 2 + cut
            width, deep = width - 2 * cut, deep - 2 * cut
            rise = draw.integer(2, 8) * look.floor
            solid.box((x, y, top), (x + width, y + deep, top + rise), wall)
            top += rise
    elif kind == "slant":
        rise = draw.uniform(0.3, 0.9) * width
        points = [
            (0, 0, top),
            (width, 0, top),
            (width, deep, top),
            (0, deep, top),
            (0, 0, top + rise),
            (0, deep, top + rise),
        ]
        solid.add(points, [(0, 1, 4, -1), (3, 5, 2, -1), (0, 4, 5, 3), (1, 2, 5, 4)], wall)
    else:
        rise = draw.uniform(2, 5)
        solid.box(
            (0.25 * width, 0.3 * deep, top), (0.7 * width, 0.75 * deep, top + rise), style.trim
        )
        solid.box((-0.2, -0.2, top - 0.3), (width + 0.2, deep + 0.2, top + 0.5), style.trim)
    if kind == "mast":
        high = draw.uniform(8, 40)
        solid.post((width / 2, deep / 2, top), high, (0.5, 0.08), 6, style.metal)
    deck = None if kind == "slant" else (draw.choice(style.roofs), height + 0.05)
    return House(solid, bays * look.bay, rows * look.bay, top, deck)


def round_tower(draw: Draw, style: Style, radius: float, height: float, cap: str) -> Solid:
    """Return a round tower about the origin; cap: cone, dome, battlements or flat."""
    look, wall = draw.choice(style.looks)
    solid = Solid()
    count = max(8, round(2 * np.pi * radius / look.bay))
    turn = np.arange(count) * 2 * np.pi / count
    ring = radius * np.column_stack([np.cos(turn), np.sin(turn)])
    solid.prism(ring, -3, height, wall, style.trim)
    roof = draw.choice(style.roofs)
    if cap == "cone":
        rise = draw.uniform(1.2, 3.0) * radius
        solid.lathe([(1.15 * radius, height), (0.05, height + rise)], roof, count)
    elif cap == "dome":
        bend = np.linspace(0, np.pi / 2, 7)
        rows = np.column_stack([np.cos(bend) * radius, height + 1.1 * radius * np.sin(bend)])
        solid.lathe(np.maximum(rows, [0.02, 0]), roof, 16)
        solid.post((0, 0, height + radius), 0.9 * radius, (0.1 * radius, 0.02), 6, style.metal)
    elif cap == "battlements":
        merlons(solid, 1.06 * ring, height, wall)
    return solid


def merlons(solid: Solid, line: Any, height: float, slot: int, size: float = 0.9) -> None:
    """Add battlements on a closed line (N, 2) of a wall's top."""
    points = np.asarray(line, float)
    for first, second in zip(points, np.roll(points, -1, axis=0), strict=True):
        length = float(np.linalg.norm(second - first))
        for fraction in np.arange(0.5, length / (2 * size), 1.0) * 2 * size / length:
            x, y = first + fraction * (second - first)
            half = size / 2
            solid.box((x - half, y - half, height), (x + half, y + half, height + 1.1), slot)
