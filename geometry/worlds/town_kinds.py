"""Kinds of worlds: streets of towns, old and new, narrow and wide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..landscapes.materials import Air
from . import roads, surfaces, town_houses, trees
from .churches import church
from .draw import Draw
from .furniture import Fittings
from .parts import Site, is_free, spaced
from .place import Place, WorldKind
from .roads import Course
from .town_dress import cars_along, furniture_along, people_along, poles_along
from .town_houses import Style
from .town_layout import land_height, lay_ground, put_house
from .vehicles import Garage

BEHIND = 25.0
"""Length of a street behind the camera, in meters."""


@dataclass(frozen=True)
class StreetPlan:
    """What a street is like; lengths in meters.

    Attributes:
        half: Half the roadway's width.
        walk: Width of a pavement, 0 for none.
        setback: Between pavement and houses, lowest and highest.
        gap: Between houses, lowest and highest.
        patterns: Of the facades.
        style: More attributes of the houses' style.
        bend: Largest change of direction in radians.
        steep: Largest slope.
        trees, cars, people, lamps: How many, relative to what is usual.
        green: Whether lawns lie between the houses.
    """

    half: float
    walk: float
    setback: tuple[float, float]
    gap: tuple[float, float]
    patterns: tuple[str, ...]
    style: dict[str, Any]
    bend: float = 0.4
    steep: float = 0.06
    trees: float = 0.5
    cars: float = 1.0
    people: float = 1.0
    lamps: float = 1.0
    green: bool = False


def old_street(draw: Draw, air: Air) -> Place:
    """Build a narrow street of an old town, level or up a hill."""
    patterns = ("plaster", "plaster", "stone", "timber", "brick")
    style = {"floors": (2, 5), "bays": (2, 4), "relief": 0.5}
    half = draw.uniform(1.2, 3.5)
    walk = draw.choice((0.0, draw.uniform(0.6, 2.0)))
    return _street(draw, air, StreetPlan(
        half, walk, (0.0, 0.5), (0.0, 0.3), patterns, style, draw.uniform(0, 0.9),
        draw.choice((0.03, 0.16)), trees=0.05, cars=0.25, people=1.5,
    ))  # fmt: skip


def avenue(draw: Draw, air: Air) -> Place:
    """Build a wide city street with trees, shops, cars and people."""
    patterns = ("plaster", "stone", "brick", "concrete", "glass", "plaster")
    style = {"floors": (3, 9), "bays": (3, 8), "relief": 0.5, "kinds": ("flat", "mansard", "side")}
    return _street(draw, air, StreetPlan(
        draw.uniform(4, 12), draw.uniform(2, 7), (0.0, 1.0), (0.0, 1.0), patterns, style,
        draw.uniform(0, 0.3), 0.05, trees=draw.choice((0.0, 1.5)), cars=1.6, people=2.0,
    ))  # fmt: skip


def suburb(draw: Draw, air: Air) -> Place:
    """Build a street of single houses with lawns, hedges and parked cars."""
    patterns = ("plaster", "wood", "brick", "planks", "plaster")
    style = {"floors": (1, 2), "bays": (3, 5), "relief": 0.2, "kinds": ("gable", "side", "hip")}
    return _street(draw, air, StreetPlan(
        draw.uniform(2.5, 4.5), draw.choice((0.0, 1.5, 2.0)), (3, 9), (3, 14), patterns, style,
        draw.uniform(0, 0.9), 0.1, trees=1.2, cars=0.6, people=0.4, green=True,
    ))  # fmt: skip


def brick_row(draw: Draw, air: Air) -> Place:
    """Build rows of equal houses along a street."""
    pattern = draw.choice(("brick", "stone", "plaster", "wood"))
    bays, floors = draw.integer(2, 3), draw.integer(2, 3)
    style = {"floors": (floors, floors), "bays": (bays, bays), "relief": 0.6,
             "kinds": (draw.choice(("side", "gable", "flat", "mansard")),), "count": 1}  # fmt: skip
    return _street(draw, air, StreetPlan(
        draw.uniform(3, 5), draw.uniform(1.5, 3), (0.0, 2.5), (0.0, 0.0), (pattern,), style,
        draw.uniform(0, 0.5), 0.12, trees=0.4, cars=1.6,
    ))  # fmt: skip


def high_rises(draw: Draw, air: Air) -> Place:
    """Build a street between high-rises of glass and concrete."""
    plan = StreetPlan(
        draw.uniform(5, 14), draw.uniform(2, 8), (0.0, 6.0), (0.0, 10.0),
        ("glass", "glass", "concrete", "stone", "brick"), {"count": 4, "kinds": ("flat",)},
        draw.uniform(0, 0.2), 0.03, trees=0.6, cars=1.5, people=1.5,
    )  # fmt: skip
    return _street(draw, air, plan, tall=True)


def village_road(draw: Draw, air: Air) -> Place:
    """Build a road through a village: scattered houses, barns, walls, gardens."""
    patterns = ("plaster", "stone", "timber", "wood", "brick")
    style = {"floors": (1, 3), "bays": (2, 5), "relief": 0.2, "kinds": ("gable", "side", "hip")}
    return _street(draw, air, StreetPlan(
        draw.uniform(1.5, 3.5), draw.choice((0.0, 0.0, 1.2)), (0.2, 8), (0.5, 20), patterns, style,
        draw.uniform(0.2, 1.3), 0.15, trees=1.2, cars=0.3, people=0.4, lamps=0.5, green=True,
    ))  # fmt: skip


def _street(draw: Draw, air: Air, plan: StreetPlan, tall: bool = False) -> Place:
    """Build a street after a plan; tall: of high-rises."""
    edge = plan.half + plan.walk
    view = draw.choice(("along", "oblique", "across"), (5, 3, 1.2))
    turn = {"along": draw.uniform(-0.2, 0.2), "oblique": draw.uniform(0.3, 1.0),
            "across": draw.uniform(1.1, 1.57)}[view] * draw.choice((-1, 1))  # fmt: skip
    height = land_height(draw, plan.steep)
    site = Site(draw, air, height)
    offset = draw.uniform(-1, 1) * max(0.2, edge - 0.7)
    if view != "along":  # stand on the side that the camera looks away from
        offset = np.sign(turn) * abs(offset)
    length = draw.uniform(30, 90) if draw.chance(0.3) else draw.uniform(90, 220)
    way = roads.draw_course(draw, length, plan.bend, turn, float(offset), BEHIND)
    lay_ground(site, plan.green or draw.chance(0.15))
    _surface(site, way, plan)
    count = plan.style.get("count", 4)
    style = town_houses.draw_style(
        site, count, plan.patterns, **{k: v for k, v in plan.style.items() if k != "count"}
    )
    crossing = draw.uniform(15, 70) if draw.chance(0.35) else None
    if crossing is not None:
        _cross(site, way, crossing + BEHIND, plan)
    for side in (-1, 1):
        if draw.chance(0.93):
            _row(site, style, way, plan, side, crossing, tall)
    if draw.chance(0.45):
        _end(site, style, way, tall)
    _furnish(site, way, plan)
    site.finish()
    low = draw.choice((1.4, 1.0, 2.5, 5.0), (6, 2, 1, 0.6))
    looks_up = (-6.0, 25.0) if tall or draw.chance(0.2) else (-10.0, 10.0)
    return Place(height, (low, low + 0.5), looks_up, shift=0.4)


def _surface(site: Site, way: Course, plan: StreetPlan) -> None:
    """Add the roadway, pavements and markings."""
    draw, air = site.draw, site.air
    is_tarred = plan.half > 2.4 and draw.chance(0.7)
    road = surfaces.asphalt(draw, air) if is_tarred else surfaces.paving(draw, air)
    edge = plan.half if plan.walk else plan.half + 0.6
    roads.strip(site, site.flat, way, -edge, edge, site.slot(road))
    if is_tarred:
        roads.markings(site, way, plan.half)
    if plan.walk:
        walk = site.slot(
            surfaces.slabs(draw, air) if draw.chance(0.6) else surfaces.paving(draw, air)
        )
        stone = site.slot(surfaces.paint(air, draw.near_color("b0aca4")))
        reach = plan.half + plan.walk + (0 if plan.green else plan.setback[1])
        for side in (-1, 1):
            roads.curb(site, way, side * plan.half, side * reach, walk, stone)


def _cross(site: Site, way: Course, along: float, plan: StreetPlan) -> None:
    """Add a street that crosses the course."""
    middle, angle = way.at(along)
    line = np.arange(-90, 90, 3.0)[:, None] * [np.sin(angle), -np.cos(angle)] + middle
    other = roads.course(line)
    slot = site.slot(surfaces.asphalt(site.draw, site.air))
    roads.strip(site, site.flat, other, -4.5, 4.5, slot, 0.17)


def _row(
    site: Site, style: Style, way: Course, plan: StreetPlan, side: int, crossing: float | None,
    tall: bool,
) -> None:  # fmt: skip
    """Add the houses on one side of a street, and what lies before them."""
    draw = site.draw
    along = draw.uniform(0, 6)
    edge = plan.half + plan.walk + (0.0 if plan.walk else 0.6)
    mirrored = (
        [town_houses.house(draw, style, not plan.green) for _ in range(10)] if not tall else []
    )
    same = draw.choice(mirrored) if plan.style.get("count") == 1 and mirrored else None
    lift = draw.uniform(0.0, 0.15)
    while along < min(way.length - 3, 230):
        if tall:
            size = (draw.uniform(14, 45), draw.uniform(14, 40), draw.log_uniform(15, 160))
            home = town_houses.block(draw, style, *size)
        else:
            home = same or draw.choice(mirrored)
        middle = along - BEHIND + home.width / 2
        if crossing is not None and abs(middle - crossing) < home.width / 2 + 5.5:
            along += 3.0
            continue
        out = edge + draw.uniform(*plan.setback)
        corner, _ = way.at(along + (home.width if side > 0 else 0.0), side * out)
        _, mean = way.at(along + home.width / 2)
        face = mean + (np.pi if side > 0 else 0.0)
        put_house(site, home, corner, face, lift)
        along += home.width + draw.uniform(*plan.gap)


def _end(site: Site, style: Style, way: Course, tall: bool) -> None:
    """Close a street by a house, a church or a tower across its end."""
    draw = site.draw
    if draw.chance(0.35):
        home = church(draw, style)
    elif tall:
        home = town_houses.block(draw, style, 40, 30, draw.log_uniform(30, 200))
    else:
        home = town_houses.house(draw, style)
    corner, angle = way.at(way.length, -home.width / 2)
    put_house(site, home, corner, angle - np.pi / 2)


def _furnish(site: Site, way: Course, plan: StreetPlan) -> None:
    """Add trees, lamps, cars, people and hedges along a street."""
    draw = site.draw
    fit = Fittings(site)
    edge = plan.half + plan.walk
    line_trees(site, way, edge - 0.6 if plan.walk > 1.5 else edge + 1.5, plan)
    if draw.chance(0.6 * plan.lamps):
        _lamps(site, fit, way, plan.half + 0.4)
    if draw.chance(0.25):
        poles_along(site, fit, way, draw.choice((-1, 1)) * (plan.half + 0.6))
    if plan.half > 2.0 and draw.chance(0.75 * min(plan.cars, 1.3)):
        _park(site, way, plan)
    if draw.chance(0.5 * plan.people):
        low = plan.half if plan.walk else 0.8
        out = (low, max(edge, low + 0.2))
        people_along(site, way, BEHIND, 14, out, 0.16 if plan.walk else 0.0)
    pieces = [draw.choice((fit.sign, fit.small, fit.bench)) for _ in range(draw.integer(0, 5))]
    furniture_along(site, pieces, way, BEHIND, edge - 0.3)
    if plan.green and draw.chance(0.6):
        _borders(site, way, edge + 0.9)


def line_trees(site: Site, way: Course, out: float, plan: StreetPlan) -> None:
    """Add rows of trees along a street."""
    draw = site.draw
    if not draw.chance(min(0.95, 0.8 * plan.trees)):
        return
    near = trees.tree_shapes(draw, site.air, near=True)
    far = (trees.species_shapes(draw, site.air, "round", near=False)[0], near[1])
    step, tall = draw.uniform(6, 16), draw.uniform(4, 12)
    spots: dict[bool, list[tuple[float, float, float]]] = {True: [], False: []}
    for side in (-1, 1):
        for along in spaced(draw.uniform(2, 9), way.length, step):
            right = side * out + draw.rng.normal(0, 2.0 if plan.green else 0.1)
            (x, y), _ = way.at(along, right + side * (2.5 if plan.green else 0))
            if is_free((x, y), 0, (0.2, 0.2), 1.5) and y > 0:
                spots[y < 45].append((x, y, site.level(x, y)))
    for is_near, trees_here in ((True, near), (False, far)):
        points = np.array(spots[is_near]).reshape(-1, 3)[: 14 if is_near else 60]
        trees.plant(draw, trees_here, points, tall * draw.rng.uniform(0.75, 1.2, len(points)))


def _lamps(site: Site, fit: Fittings, way: Course, out: float) -> None:
    """Add a row of lamps on one side of a street, or on both."""
    draw, lamp, step = site.draw, fit.lamp(), site.draw.uniform(12, 30)
    for side in draw.choice(((-1,), (1,), (-1, 1))):
        for along in spaced(draw.uniform(3, 10), way.length, step):
            at, angle = way.at(along, side * out)
            if is_free(at, 0, (0.1, 0.1), 0.8):
                site.stand(lamp, at, angle + (np.pi / 2 if side > 0 else -np.pi / 2))


def _park(site: Site, way: Course, plan: StreetPlan) -> None:
    """Add parked cars along the curbs and some that drive."""
    draw, garage = site.draw, Garage(site)
    dense = draw.uniform(0.1, 1.0) * min(plan.cars, 1.0)
    for side in (-1, 1):
        along = draw.uniform(18, 30)
        while along < min(way.length - 5, 150):
            along += draw.uniform(5.2, 6.5)
            if not draw.chance(dense):
                continue
            (x, y), angle = way.at(along, side * (plan.half - 1.05))
            if is_free((x, y), angle - np.pi / 2, (1.0, 2.6), 1.3):
                flip = 0 if side > 0 or draw.chance(0.2) else np.pi
                garage.park((x, y), angle - np.pi / 2 + flip)
    if plan.half > 4 and draw.chance(0.8):
        cars_along(site, way, BEHIND, 6, 0.35 * plan.half)


def _borders(site: Site, way: Course, out: float) -> None:
    """Add hedges, fences or low walls along the gardens."""
    draw = site.draw
    for side in (-1, 1):
        along = draw.uniform(22, 30)
        while along < min(way.length, 120):
            long = draw.uniform(5, 18)
            part = roads.piece(way, along, along + long)
            spot, _ = way.at(along + long / 2, side * out)
            if draw.chance(0.7) and np.hypot(*spot) > long / 2 + 2:
                roads.guard_rail(site, part, side * out)
            along += long + draw.uniform(2, 8)


KINDS = (
    WorldKind("old-street", old_street, 2.0),
    WorldKind("avenue", avenue, 2.2),
    WorldKind("suburb", suburb, 2.0),
    WorldKind("brick-row", brick_row, 1.0),
    WorldKind("high-rises", high_rises, 1.0),
    WorldKind("village-road", village_road, 1.5),
)
