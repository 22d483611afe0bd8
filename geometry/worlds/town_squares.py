"""Kinds of worlds: squares, parks and gardens, skylines, towns from above, villages on slopes."""

from __future__ import annotations

import numpy as np

from ..landscapes import materials, terrain
from ..landscapes.materials import Air
from ..landscapes.meshes import Array, grid_faces
from ..landscapes.noise import smooth_step
from ..landscapes.terrain import bumps, random_positions
from . import roads, surfaces, town_houses, trees
from .boats import boats
from .churches import church
from .draw import Draw
from .furniture import Fittings
from .parts import Site, Solid, is_free, spaced, turned
from .people import Crowd
from .place import Place, WorldKind
from .town_dress import furniture_along, people_along, trees_at
from .town_houses import House, Style
from .town_layout import (
    BESIDE,
    around,
    land_height,
    lay_ground,
    lay_water,
    near_trees,
    put_house,
    woods,
)
from .vehicles import Garage


def square(draw: Draw, air: Air) -> Place:
    """Build a square with houses around it, a church, monuments, stalls, trees and people."""
    height = land_height(draw, 0.02)
    site = Site(draw, air, height)
    lay_ground(site, green=False)
    wide, deep = draw.uniform(25, 80), draw.uniform(25, 90)
    turn, back = draw.uniform(-0.6, 0.6), draw.uniform(3, 12)
    shift = draw.uniform(-0.35, 0.35) * wide
    corners = [(-wide / 2, -back), (-wide / 2, deep), (wide / 2, deep), (wide / 2, -back)]
    corners_at = [turned(np.add(corner, (shift, 0)), turn) for corner in corners]
    middle = np.mean(corners_at, axis=0)
    _pave(site, middle, 0.8 * np.hypot(wide, deep), turn)
    patterns = draw.choice(
        (("plaster", "stone", "timber", "brick"), ("concrete", "glass", "stone"))
    )
    style = town_houses.draw_style(site, 4, patterns, floors=(2, 6), bays=(2, 6), relief=0.5)
    homes = [town_houses.house(draw, style, narrow=True) for _ in range(12)]
    around(site, lambda: draw.choice(homes), corners_at, draw.choice(((0.0, 0.0), (0.0, 6.0))))
    if draw.chance(0.6):
        _landmark(
            site, style, turned((shift + draw.uniform(-0.3, 0.3) * wide, 0.8 * deep), turn), turn
        )
    fit = Fittings(site)
    for _ in range(draw.integer(0, 2)):
        x, y = middle + draw.rng.normal(0, 0.12, 2) * (wide, deep)
        if is_free((x, y), 0, (3.5, 3.5), 2.0):
            if draw.chance(0.5):
                fit.fountain(x, y)
            else:
                site.stand(fit.statue(), (x, y), draw.uniform(-1, 1))
    _scatter(site, fit, middle, 0.42 * min(wide, deep))
    site.finish()
    return Place(height, (1.3, draw.choice((2.0, 6.0))), (-10, draw.choice((8.0, 22.0))))


def _pave(site: Site, middle: Array, reach: float, turn: float) -> None:
    """Add paving around a position that follows the ground."""
    line = np.linspace(-reach, reach, 24)
    flat = turned(np.stack(np.meshgrid(line, line), -1), turn, middle)
    z = site.height(flat[..., 0], flat[..., 1]) + 0.03
    points = np.concatenate([flat, z[..., None]], -1).reshape(-1, 3)
    site.flat.round(points, grid_faces(24, 24), site.slot(surfaces.paving(site.draw, site.air)))


def _landmark(site: Site, style: Style, at: Array, turn: float) -> None:
    """Add a church or a tower that looks over the houses."""
    draw = site.draw
    if draw.chance(0.7):
        home = church(draw, style)
        put_house(site, home, at, turn + draw.uniform(-0.2, 0.2))
    elif np.hypot(*at) > 12:
        cap = draw.choice(("cone", "dome", "battlements"))
        solid = town_houses.round_tower(
            draw, style, draw.uniform(2.5, 5), draw.uniform(14, 45), cap
        )
        site.stand(solid, at)


def _scatter(site: Site, fit: Fittings, middle: Array, reach: float) -> None:
    """Add furniture, people, cars and trees around a position."""
    draw = site.draw

    def spot() -> tuple[float, float] | None:
        x, y = middle + draw.rng.uniform(-reach, reach, 2)
        return (x, y) if is_free((x, y), 0, (1.5, 1.5), 2.0) else None

    makes = [fit.lamp, fit.bench, fit.small, fit.stall, fit.sign]
    for make in [draw.choice(makes) for _ in range(draw.integer(0, 3))]:
        piece = make()
        for at in filter(None, [spot() for _ in range(draw.integer(1, 6))]):
            site.stand(piece, at, draw.choice((0.0, 1.57, 3.14, draw.uniform(0, 6))))
    if draw.chance(0.6):
        crowd = Crowd(site)
        for at in filter(None, [spot() for _ in range(int(draw.log_uniform(2, 25)))]):
            crowd.add(*at)
    if draw.chance(0.3):
        garage, turn = Garage(site), draw.uniform(0, 6.28)
        for at in filter(None, [spot() for _ in range(draw.integer(1, 8))]):
            if is_free(at, 0, (2.5, 2.5), 2.5):
                garage.park(at, turn + draw.choice((0, np.pi)))
    if draw.chance(0.4):
        trees_at(site, filter(None, [spot() for _ in range(draw.integer(2, 9))]))


def park(draw: Draw, air: Air) -> Place:
    """Build a park or formal garden: paths, lawns, hedges, walls, statues, a house behind."""
    height = land_height(draw, draw.choice((0.02, 0.1)))
    site = Site(draw, air, height)
    lay_ground(site, green=True)
    fit = Fittings(site)
    half, bend = draw.uniform(0.8, 4), draw.choice((0.0, 0.0, 1.2))
    way = roads.draw_course(
        draw,
        draw.uniform(40, 150),
        bend,
        draw.uniform(-0.35, 0.35),
        draw.uniform(-1.2, 1.2) * half,
        8.0,
    )
    path = site.slot(surfaces.paving(draw, air) if draw.chance(0.5) else surfaces.dirt(draw, air))
    roads.strip(site, site.flat, way, -half, half, path)
    is_formal = bend == 0.0 and draw.chance(0.7)
    leaves = trees.leaves(draw, air)
    if is_formal or draw.chance(0.3):
        _hedges(site, way, half + draw.uniform(0.3, 5), leaves)
    if draw.chance(0.5):
        step, start = draw.uniform(4, 10), draw.uniform(9, 14)
        rows = spaced(start, min(way.length, 60), step)
        trees_at(site, [way.at(a, side * (half + 1.6))[0] for a in rows for side in (-1, 1)])
    makes = (fit.statue, fit.bench, fit.lamp, fit.small)
    pieces = [draw.choice(makes) for _ in range(draw.integer(0, 7))]
    furniture_along(site, pieces, way, 8, half + 0.7)
    if draw.chance(0.4):
        at, _ = way.at(8 + draw.uniform(12, 30), draw.choice((0.0, 6.0)))
        fit.fountain(*at)
    if draw.chance(0.4):
        people_along(site, way, 8, 8, (0.0, half))
    _background(site, way)
    site.finish()
    return Place(height, (1.0, 2.5), (-12, 10))


def _background(site: Site, way: roads.Course) -> None:
    """Add trees around a park, and a large house at the end of its path."""
    draw = site.draw
    if draw.chance(0.4):
        near_trees(site, draw.integer(2, 9), (7, 50), draw.uniform(4, 13))
    if draw.chance(0.75):
        woods(site, int(draw.log_uniform(30, 900)), (draw.uniform(40, 90), 500), (7, 16))
    if draw.chance(0.4):
        patterns = ("plaster", "stone", "brick")
        style = town_houses.draw_style(site, 1, patterns, floors=(2, 4), bays=(7, 15), relief=0.8)
        home = town_houses.house(draw, style)
        corner, angle = way.at(way.length, -home.width / 2)
        put_house(site, home, corner, angle - np.pi / 2)


def _hedges(site: Site, way: roads.Course, out: float, leaves: object) -> None:
    """Add clipped hedges, balls and cones along a path, or a stone wall."""
    draw = site.draw
    core = site.slot(leaves)
    tall, wide = draw.uniform(0.4, 2.5), draw.uniform(0.4, 1.2)
    for side in (-1, 1):
        along = 8 + draw.uniform(2, 5)
        while along < min(way.length, 60):
            long = draw.uniform(3, 12)
            at, angle = way.at(along, side * (out + wide))
            end, _ = way.at(along + long, side * (out + wide))
            clear = min(np.hypot(*at), np.hypot(*end)) > 2.0
            if clear:
                bush = trees.hedge(draw.rng, long, wide, tall, near=bool(at[1] < 15))
                solid = Solid()
                solid.merge(bush, np.zeros((1, 3)), np.ones(1), np.zeros(1))
                solid.slots = [np.full(len(s), core) for s in solid.slots]
                site.stand(solid, at, angle)
                if draw.chance(0.3):
                    _topiary(site, end, core, tall)
            along += long + draw.choice((0.2, 2.0))


def _topiary(site: Site, at: Array, slot: int, tall: float) -> None:
    solid, size = Solid(), site.draw.uniform(0.4, 0.9)
    if site.draw.chance(0.5):
        solid.ball((0, 0, tall * 0.6 + size), size, slot, 8)
    else:
        solid.lathe([(size, 0.1), (0.02, 3.2 * size)], slot, 10)
    site.stand(solid, at)


def skyline(draw: Draw, air: Air) -> Place:
    """Build towers and houses of a city far off, across a park, a plain or fields."""
    height = land_height(draw, 0.01, 900.0)
    site = Site(draw, air, height)
    lay_ground(site, draw.chance(0.75), 6000)
    style = town_houses.draw_style(site, 5, ("glass", "concrete", "glass", "stone", "brick"))
    away = draw.log_uniform(90, 900)
    tall, spread = draw.log_uniform(15, 220), draw.uniform(0.3, 1.2)
    blocks = [
        town_houses.block(draw, style, draw.uniform(12, 45), draw.uniform(12, 45),
                          tall * draw.log_uniform(0.2, 1.3))
        for _ in range(14)
    ]  # fmt: skip
    for _ in range(draw.integer(15, 120)):
        y = away * draw.uniform(1.0, 2.2)
        x = draw.rng.normal(0, spread) * y
        put_house(site, draw.choice(blocks), np.array([x, y]), draw.choice((0.0, 0.3, 1.57)))
    low = town_houses.draw_style(site, 3, floors=(2, 5), bays=(3, 8), relief=0.0)
    homes = [town_houses.house(draw, low) for _ in range(10)]
    for _ in range(draw.integer(0, 150)):
        y = away * draw.uniform(0.85, 1.6)
        put_house(site, draw.choice(homes), np.array([draw.uniform(-1.3, 1.3) * y, y]), 0.0)
    for _ in range(draw.integer(0, 3)):
        _landmark(site, style, np.array([draw.uniform(-0.4, 0.4) * away, away]), 0.0)
        _television_tower(site, style, np.array([draw.uniform(-0.4, 0.4) * away, 1.2 * away]), tall)
    if draw.chance(0.8):
        woods(site, int(draw.log_uniform(30, 900)), (draw.uniform(20, 80), away), (5, 14))
    if draw.chance(0.5):
        near_trees(site, draw.integer(1, 7), (8, 60), draw.uniform(5, 13))
    if draw.chance(0.5):
        way = roads.draw_course(draw, 150, 1.0, draw.uniform(-0.8, 0.8), draw.uniform(-2, 2))
        roads.strip(site, site.flat, way, -1.5, 1.5, site.slot(surfaces.paving(draw, air)))
    site.finish()
    return Place(height, (1.4, draw.choice((2.5, 20.0))), (-8, 10))


def _television_tower(site: Site, style: Style, at: Array, tall: float) -> None:
    """Add a television tower, a spire or a chimney."""
    if site.draw.chance(0.6):
        return
    solid, high = Solid(), tall * site.draw.uniform(0.9, 1.8)
    solid.lathe(
        [(0.05 * high, 0), (0.015 * high, 0.4 * high), (0.012 * high, 0.72 * high)], style.trim, 12
    )
    solid.lathe(
        [
            (0.012 * high, 0.66 * high),
            (0.05 * high, 0.7 * high),
            (0.05 * high, 0.73 * high),
            (0.01 * high, 0.77 * high),
        ],
        style.glass,
        16,
    )
    solid.post((0, 0, 0.75 * high), 0.25 * high, (0.006 * high, 0.002 * high), 6, style.metal)
    site.stand(solid, at)


def from_above(draw: Draw, air: Air) -> Place:
    """Build a town seen from a tower, a hill or the air."""
    height = land_height(draw, 0.03, 600.0)
    site = Site(draw, air, height)
    lay_ground(site, draw.chance(0.6))
    is_modern = draw.chance(0.35)
    patterns = (
        ("concrete", "glass", "brick") if is_modern else ("plaster", "stone", "brick", "wood")
    )
    kinds = ("flat",) if is_modern else ("gable", "side", "hip", "flat")
    style = town_houses.draw_style(site, 4, patterns, floors=(1, 6 if is_modern else 3),
                                   bays=(3, 7), relief=0.0, kinds=kinds)  # fmt: skip
    homes = [town_houses.house(draw, style) for _ in range(14)]
    if is_modern:
        homes += [
            town_houses.block(draw, style, 22, 18, draw.log_uniform(12, 90)) for _ in range(5)
        ]
    turn, plot = draw.uniform(0, 1.57), draw.uniform(14, 26)
    rows, street = draw.integer(2, 3), draw.uniform(7, 14)
    reach, eye = draw.uniform(200, 450), draw.log_uniform(22, 120)
    asphalt = site.slot(surfaces.asphalt(draw, air))
    seed, dense = draw.seed(), draw.uniform(0.55, 0.97)
    step = rows * plot + street
    for number in range(int(-reach / step), int(reach / step)):
        v = number * step
        along = np.arange(-reach, reach, 25.0)
        line = turned(np.column_stack([along, 0 * along + v]), turn)
        roads.strip(site, site.flat, roads.course(line), -street / 2 + 1, street / 2 - 1, asphalt)
        for row in range(rows):
            plots = np.arange(-reach, reach, plot)
            spots = turned(np.column_stack([plots, 0 * plots + v + street / 2 + row * plot]), turn)
            x, y = spots.T
            seen = (y > -10) & (np.abs(x) < BESIDE * y + 60)
            built = bumps(x, y, 160, 1.0, seed, 3) < 0.35
            for at in spots[seen & built]:
                home = draw.choice(homes)
                half = np.array([home.width, home.depth]) / 2
                if draw.chance(dense) and home.height < 0.75 * eye + 0.1 * np.hypot(*at):
                    flip = draw.choice((0.0, np.pi))
                    corner = at + turned((0, 0) if flip == 0 else 2 * half, turn)
                    put_house(site, home, corner, turn + flip)
    for _ in range(draw.integer(0, 3)):
        _landmark(site, style, np.array([draw.uniform(-80, 80), draw.uniform(90, 300)]), turn)
    woods(site, int(draw.log_uniform(50, 1200)), (25, reach), (4, 12), BESIDE)
    site.finish()
    return Place(height, (eye, 1.4 * eye), (-40, -3), foreground=draw.chance(0.3))


def hill_village(draw: Draw, air: Air) -> Place:
    """Build houses on a slope that rises before the camera, between terraces, walls and trees."""
    return _village(draw, air, draw.uniform(15, 60), None)


def harbor(draw: Draw, air: Air) -> Place:
    """Build a village on a slope across the water, with boats before its quay."""
    away = draw.log_uniform(25, 220)
    place = _village(draw, air, away, draw.choice((0.6, 1.2, 2.5)))
    boats(draw, air, 14, (6, 0.9 * away), lambda x, y: y < 0.95 * away)
    return place


def _village(draw: Draw, air: Air, foot: float, quay: float | None) -> Place:
    """Build a village on a slope.

    Args:
        draw: The random choices.
        air: The haze.
        foot: Where the slope begins, in meters.
        quay: Height above the water that lies before it, in meters; None for land.
    """
    rise, far = draw.uniform(20, 120), draw.uniform(120, 400)
    seed, steps = draw.seed(), draw.choice((0, draw.integer(8, 24)))
    bank = draw.choice((-1.0, 0.8)) if quay else 0.0

    def height(x: Array, y: Array) -> Array:
        if quay is None:
            return slope(x, y)
        bed = bank + (-1.5 - bank) * smooth_step(y, 1.5, 4.0)
        return bed + (quay - bed + slope(x, y)) * smooth_step(y, foot - 4.0, foot - 3.0)

    def slope(x: Array, y: Array) -> Array:
        y = np.asarray(y, float)
        climb = smooth_step(y + 12 * bumps(x, y, 90, 1.0, seed, 3), foot, foot + far)
        if steps:
            level = climb * steps
            climb = (np.floor(level) + smooth_step(level % 1.0, 0.72, 0.98)) / steps
        return rise * climb * (1 + 0.25 * bumps(x, y, 200, 1.0, seed + 1, 3))

    site = Site(draw, air, height)
    colors = draw.near_colors(draw.choice((("5d7a36", "7d8a44", "4c6a30"), ("8a8a50", "a89a62"))))
    soil = materials.land(air, colors, ("b5ab9a", "8a8378"), (0.7, 0.85))
    terrain.ground(height, soil, 3000, 260, 160, BESIDE)
    if quay:
        lay_water(draw, air, 0.0, 0.7, foot + 5)
    style = town_houses.draw_style(
        site, 5, ("plaster", "plaster", "stone", "timber"), floors=(1, 4), bays=(2, 5), relief=0.2,
        kinds=("gable", "side", "hip"),
    )  # fmt: skip
    homes: list[House] = [town_houses.house(draw, style) for _ in range(14)]
    spread = draw.uniform(0.15, 0.7)
    for _ in range(int(draw.log_uniform(15, 220))):
        y = foot + far * draw.uniform(0.02, 0.9)
        x = draw.rng.normal(0, spread) * (foot + 0.5 * far)
        put_house(site, draw.choice(homes), np.array([x, y]), draw.rng.normal(0, 0.25))
    if draw.chance(0.6):
        at = np.array([draw.uniform(-0.3, 0.3) * far, foot + far * draw.uniform(0.3, 0.95)])
        _landmark(site, style, at, draw.rng.normal(0, 0.3))
    if not quay and draw.chance(0.6):
        way = roads.draw_course(draw, far, 0.8, draw.uniform(-0.4, 0.4), draw.uniform(-2, 2))
        roads.strip(site, site.flat, way, -2, 2, site.slot(surfaces.paving(draw, air)), 0.1)
    woods(site, int(draw.log_uniform(30, 900)), (foot, foot + 2 * far), (4, 12), 1.2)
    if draw.chance(0.5):
        spots = random_positions(draw.rng, height, 300, foot, far, side=1.0)
        shrubs = [trees.shrub(draw, near=False) for _ in range(2)]
        slots = trees.species_shapes(draw, air, "round", near=False)[1]
        trees.plant(draw, (shrubs, slots), spots, draw.rng.uniform(0.5, 2.0, len(spots)))
    site.finish()
    floor = 0.0 if quay else -1e6
    return Place(height, (1.2, draw.choice((2.5, 25.0))), (-8, 14), floor=floor)


KINDS = (
    WorldKind("square", square, 1.8),
    WorldKind("park", park, 1.8),
    WorldKind("skyline", skyline, 1.2),
    WorldKind("town-above", from_above, 1.2),
    WorldKind("hill-village", hill_village, 1.2),
    WorldKind("harbor", harbor, 1.5),
)
