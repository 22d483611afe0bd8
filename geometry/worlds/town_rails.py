"""Kinds of worlds: railway tracks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..landscapes.materials import Air
from . import roads, surfaces, town_houses
from .draw import Draw
from .furniture import Fittings
from .parts import Site, Solid, is_free, spaced
from .place import Place, WorldKind
from .town_dress import trees_at
from .town_layout import land_height, lay_ground, put_house
from .vehicles import wagon


def train_tracks(draw: Draw, air: Air) -> Place:
    """Build railway tracks through land or past platforms, with wires and wagons."""
    height = land_height(draw, 0.03)
    site = Site(draw, air, height)
    lay_ground(site, draw.chance(0.7))
    fit = Fittings(site)
    count, gap = draw.choice((1, 2, 2, 4)), 4.5
    turn = draw.choice((draw.uniform(-0.25, 0.25), draw.uniform(-1.3, 1.3)))
    offset = draw.uniform(-1, 1) * (count * gap / 2 + 2)
    way = roads.draw_course(draw, 260, draw.uniform(0, 0.6), turn, offset, 6.0)
    half = count * gap / 2
    ballast = site.slot(surfaces.dirt(draw, air))
    roads.strip(site, site.flat, way, -half, half, ballast, 0.05)
    steel = site.slot(surfaces.paint(air, draw.near_color("77706a"), 0.6, 0.3))
    for track in range(count):
        _track(site, way, (track - (count - 1) / 2) * gap, steel, fit.wood)
    if draw.chance(0.6):
        _catenary(site, fit, way, half)
    if draw.chance(0.45):
        stone = site.slot(surfaces.slabs(draw, air))
        side = draw.choice((-1, 1))
        for reach in (half + 0.2, half + 6):
            roads.wall_along(site, site.upright, way, side * reach, -0.5, 0.95, stone)
        roads.strip(site, site.flat, way, side * (half + 0.2), side * (half + 6), stone, 0.95)
    if draw.chance(0.5):
        paints = [
            site.slot(surfaces.paint(air, draw.near_color(draw.choice(surfaces.PAINTS), 1.5)))
            for _ in range(2)
        ]
        car, along = wagon(draw, paints[0], paints[1], fit.metal), draw.uniform(16, 80)
        right = (draw.integer(0, count - 1) - (count - 1) / 2) * gap
        for _ in range(draw.integer(1, 8)):
            at, angle = way.at(along, right)
            if is_free(at, angle - np.pi / 2, (1.6, 11), 2.0):
                site.stand(car, at, angle - np.pi / 2, lift=0.15)
            along += 20
    style = town_houses.draw_style(site, 2, bays=(3, 8))
    for _ in range(draw.integer(0, 6)):
        home = town_houses.house(draw, style)
        side = draw.choice((-1, 1))
        corner, angle = way.at(draw.uniform(15, 200), side * draw.uniform(half + 7, 40))
        put_house(site, home, corner, angle + (np.pi if side > 0 else 0.0))
    if draw.chance(0.8):
        places = [draw.choice((-1, 1)) * draw.uniform(half + 7, 60) for _ in range(150)]
        spots = [way.at(draw.uniform(12, 250), right)[0] for right in places]
        trees_at(site, spots, near=False, most=draw.integer(10, 150))
    site.finish()
    return Place(height, (1.2, draw.choice((2.5, 7.0))), (-14, 6))


def _track(site: Site, way: roads.Course, right: float, steel: int, wood: int) -> None:
    """Add rails and sleepers beside a course."""
    for side in (-0.75, 0.75):
        out = right + side
        roads.strip(site, site.flat, way, out - 0.04, out + 0.04, steel, 0.28)
        for edge in (-0.04, 0.04):
            roads.wall_along(site, site.flat, way, out + edge, 0.1, 0.28, steel)
    sleeper = Solid()
    sleeper.box((-1.3, -0.12, 0), (1.3, 0.12, 0.12), wood)
    for along in spaced(2, 70, 0.65):
        (x, y), angle = way.at(along, right)
        site.flat.stand(sleeper, (x, y, site.level(x, y) + 0.04), angle - np.pi / 2)


def _catenary(site: Site, fit: Fittings, way: roads.Course, half: float) -> None:
    """Add masts with arms and wires over the tracks."""
    mast, tops, up = Solid(), [], (0, 0, 0.6)
    mast.bar((0, 0, -0.5), (0, 0, 7.5), 0.13, fit.metal)
    mast.bar((0, 0, 6.6), (-2 * half - 0.5, 0, 6.6), 0.06, fit.metal)
    mast.bar((0, 0, 7.4), (-half, 0, 6.6), 0.04, fit.metal)
    for along in spaced(8, 250, site.draw.uniform(28, 45)):
        (x, y), angle = way.at(along, half + 0.6)
        if is_free((x, y), 0, (0.2, 0.2), 1.0):
            site.stand(mast, (x, y), angle - np.pi / 2)
        tops.append(
            [
                np.array([*way.at(along, side * half * 0.5)[0], site.level(x, y) + 6.0])
                for side in (-1, 1)
            ]
        )
    for first, second in pairwise(tops):
        for start, end in zip(first, second, strict=True):
            fit.wire(start, end, 0.05)
            fit.wire(np.add(start, up), np.add(end, up), 0.4)


KINDS = (WorldKind("tracks", train_tracks, 0.8),)
