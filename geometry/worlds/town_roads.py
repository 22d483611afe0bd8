"""Kinds of worlds: roads through land, bridges from beside and from on them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..landscapes import materials, terrain
from ..landscapes.materials import Air
from ..landscapes.meshes import Array, grid_faces
from ..landscapes.noise import smooth_step
from ..landscapes.terrain import Height, bumps
from . import roads, surfaces, town_houses
from .draw import Draw
from .facades import Look, facade
from .furniture import Fittings
from .parts import Site, Solid, spaced
from .place import Place, WorldKind
from .scatter import Cover, dress
from .town_dress import cars_along, furniture_along, people_along, poles_along
from .town_layout import BESIDE, LAWNS, lay_water, near_trees, put_house, woods
from .town_works import pylon_line

VERGE = 8.0
"""Width in meters over which the land beside a road takes on its own height."""


def open_road(draw: Draw, air: Air) -> Place:
    """Build a road, track or motorway through hills, fields, desert or woods."""
    turn, bend = draw.uniform(-0.35, 0.35), draw.uniform(0, 1.0)
    half = draw.choice((1.2, 2.8, 3.5, 7.0))
    way = roads.draw_course(draw, 500, bend, turn, draw.uniform(-1, 1) * (half + 1))
    height = _along_road(draw, way, half)
    site = Site(draw, air, height)
    dry = draw.chance(0.3)
    grounds = (("cf9f66", "dcb07a"), ("b5a88f", "a0937c"), ("a8684a", "b87c5a")) if dry else LAWNS
    soil = materials.land(air, draw.near_colors(draw.choice(grounds)))
    terrain.ground(height, soil, 4000, 230, 150, BESIDE)
    is_track = half < 2
    surface = surfaces.dirt(draw, air) if is_track else surfaces.asphalt(draw, air)
    roads.strip(site, site.flat, way, -half, half, site.slot(surface), 0.06)
    if not is_track:
        roads.markings(site, way, half)
        gravel = site.slot(surfaces.dirt(draw, air))
        for side in (-1, 1):
            roads.strip(site, site.flat, way, side * half, side * (half + 1.2), gravel, 0.05)
    near = roads.piece(way, 13, 180)
    for side in (-1, 1):
        if draw.chance(0.45):
            roads.guard_rail(site, near, side * (half + draw.uniform(0.8, 2.0)))
    _beside(site, way, half)

    beside = _beside_course(way)

    def keep(x: Array, y: Array) -> np.ndarray:
        return beside(x, y) > half + 2.5

    if draw.chance(0.3 if dry else 0.8):
        count, first = int(draw.log_uniform(50, 1200)), draw.uniform(12, 60)
        woods(site, count, (first, first * draw.log_uniform(4, 20)), (4, 14), 1.2, keep)
    cover = Cover(0.0, 1.2, rocks=1.6 if dry else 0.6)
    dress(draw, air, height, cover, keep)
    site.finish()
    return Place(height, (1.2, draw.choice((1.8, 3.5, 9.0))), (-9, 8))


def _beside_course(way: roads.Course) -> Height:
    """Return the function of x, y that gives the distance to the left or right of a course."""
    order = np.argsort(way.points[:, 1])
    middles, rows = way.points[order].T

    def distance(x: Array, y: Array) -> Array:
        return np.asarray(np.abs(x - np.interp(y, rows, middles)))

    return distance


def _along_road(draw: Draw, way: roads.Course, half: float) -> Height:
    """Return the height of hilly land that is level across a road."""
    size, scale, seed = draw.log_uniform(0.3, 14), draw.uniform(60, 250), draw.seed()
    peak, cut = draw.choice((0.0, draw.log_uniform(30, 500))), draw.seed()
    order = np.argsort(way.points[:, 1])
    middles, rows = way.points[order].T

    def land(x: Array, y: Array) -> Array:
        hills = size * smooth_step(np.hypot(x, y), 4, 90) * bumps(x, y, scale, 1.0, seed, 4)
        far = smooth_step(y, 450, 2500) * peak * (0.5 + bumps(x, y, 700, 1.0, cut, 5))
        return np.asarray(hills + far)

    def height(x: Array, y: Array) -> Array:
        x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        middle = np.interp(y, rows, middles)
        own = smooth_step(np.abs(x - middle), half + 1.5, half + 1.5 + VERGE)
        bed = land(middle, y)
        return bed + own * (land(x, y) - bed)

    return height


def _beside(site: Site, way: roads.Course, half: float) -> None:
    """Add poles, signs, cars and a few houses along a road."""
    draw, fit = site.draw, Fittings(site)
    if draw.chance(0.35):
        poles_along(site, fit, way, draw.choice((-1, 1)) * (half + 4))
    elif draw.chance(0.25):
        pylon_line(site, fit)
    furniture_along(site, [fit.sign] * draw.integer(0, 3), way, 12, half + 1.3)
    if half > 2 and draw.chance(0.5):
        cars_along(site, way, 12, 6, 0.5 * half)
    if draw.chance(0.3):
        style = town_houses.draw_style(site, 2, floors=(1, 2), bays=(2, 5))
        for _ in range(draw.integer(1, 5)):
            home, side = town_houses.house(draw, style), draw.choice((-1, 1))
            corner, angle = way.at(draw.uniform(35, 250), side * (half + draw.uniform(6, 30)))
            put_house(site, home, corner, angle + (np.pi if side > 0 else 0.0))


def bridge(draw: Draw, air: Air) -> Place:
    """Build a bridge over a river or valley, seen from beside it."""
    away, span = draw.uniform(18, 160), draw.uniform(20, 120)
    rise, is_wet = draw.uniform(4, 30), draw.chance(0.6)
    seed, skew = draw.seed(), draw.uniform(-0.35, 0.35)

    def height(x: Array, y: Array) -> Array:
        bank = smooth_step(np.abs(np.asarray(x, float) - skew * y), 0.45 * span, 0.85 * span)
        far = smooth_step(y, 300, 1500) * 80 * (0.5 + bumps(x, y, 400, 1.0, seed))
        gorge = rise * (bank - 1) if not is_wet else (rise - 2) * bank - 1.5
        near = smooth_step(np.hypot(x, y), 0.25 * away, 0.7 * away)
        start = 0.0 if not is_wet else 1.2
        return np.asarray(start + near * (gorge - start) + far + 0.2 * bumps(x, y, 15, 1.0, seed))

    site = Site(draw, air, height)
    soil = materials.land(air, draw.near_colors(draw.choice(LAWNS)))
    terrain.ground(height, soil, 3000, 150, 130, BESIDE)
    if is_wet:
        lay_water(draw, air, 0.0, 0.7, 3000)
    deck = (rise if is_wet else 0.0) + draw.uniform(0.5, 5)
    at, turn = (skew * away, away, 0.0), -skew + draw.uniform(-0.3, 0.3)
    long, wide = 1.7 * span, draw.uniform(2, 7)
    site.upright.stand(_bridge(site, long, wide, deck + rise, deck), at, turn)
    lane, slot = Solid(), site.slot(surfaces.asphalt(draw, air))
    lane.box((-long / 2, 0.3 - wide, deck), (long / 2, wide - 0.3, deck + 0.05), slot)
    site.flat.stand(lane, at, turn)
    if draw.chance(0.7):
        woods(site, int(draw.log_uniform(30, 500)), (1.2 * away, 700), (5, 14), 1.2)
    if draw.chance(0.3):
        near_trees(site, draw.integer(1, 4), (6, 30), draw.uniform(4, 9))
    site.finish()
    floor = 0.0 if is_wet else -1e6
    return Place(height, (1.2, draw.choice((2.5, 10.0))), (-8, 10), floor=floor)


def _bridge(site: Site, length: float, wide: float, tall: float, deck: float) -> Solid:
    """Return a bridge along x about the origin, its deck at a height above z = 0.

    wide: Half its width.
    tall: How far its piers reach down below the deck, in meters.
    """
    draw, fit, solid = site.draw, Fittings(site), Solid()
    half = length / 2
    kind = draw.choice(("stone", "stone", "lattice", "suspension", "girder", "stays", "bow"))
    slot = site.slot(
        surfaces.paint(
            site.air,
            draw.near_color(draw.choice(("5a6a5a", "8a3a2a", "a8a49c", "3a4a5a", "d8d4cc"))),
            0.3,
            0.5,
        )
    )
    low = deck - tall - 3
    if kind == "stone":
        look = Look(draw.choice(("stone", "brick")), 4.0, 3.0, (0.0, 0.0, -9.0))
        stone = site.slot(facade(draw, site.air, look))
        _arches(solid, draw.integer(1, 7), (half, wide, deck, low), stone)
        return solid
    solid.box((-half, -wide, deck - 0.9), (half, wide, deck), slot)
    for y in (-wide, wide):
        for z in (0.5, 1.1):
            solid.bar((-half, y, deck + z), (half, y, deck + z), 0.06, slot)
        for x in spaced(-half, half, 2.0):
            solid.bar((x, y, deck), (x, y, deck + 1.1), 0.05, slot)
    piers: int = {"girder": draw.integer(2, 6), "lattice": draw.integer(1, 4)}.get(kind, 2)
    piers = 0 if kind == "bow" else piers
    spots = np.linspace(-1, 1, piers + 2)[1:-1] * half
    for x in spots:
        solid.box((x - 1, -0.8 * wide, low), (x + 1, 0.8 * wide, deck - 0.8), fit.stone)
    if kind in ("lattice", "bow"):
        _lattice(solid, half, wide, deck, draw.uniform(3, 8), kind == "bow", slot)
    elif kind in ("suspension", "stays"):
        _hanging(solid, spots, (half, wide, deck, draw.uniform(0.15, 0.35) * length), kind, slot)
    return solid


def _arches(solid: Solid, count: int, size: tuple[float, ...], slot: int) -> None:
    """Add a wall with arched openings on either side of a bridge, and what lies between."""
    half, wide, deck, low = size
    step = 2 * half / count
    radius = 0.42 * step
    crown = deck - 1.0
    rise = min(radius, 0.85 * (crown - low))
    bottom, edge = [], []
    for n in range(count):
        middle = -half + (n + 0.5) * step
        bend = np.linspace(np.pi, 0, 15)
        edge += [middle - 0.5 * step, middle - radius, *(middle + radius * np.cos(bend))]
        bottom += [low, low, *(crown - rise + rise * np.sin(bend))]
        edge.append(middle + radius)
        bottom.append(low)
    x, z = np.array([*edge, half]), np.array([*bottom, low])
    top = np.full(len(x), deck + 1.0)
    for y in (-wide, wide):
        points = np.vstack(
            [np.column_stack([x, 0 * x + y, z]), np.column_stack([x, 0 * x + y, top])]
        )
        n = len(x)
        solid.add(points, [(k, k + 1, n + k + 1, n + k) for k in range(n - 1)], slot)
    rows = [np.column_stack([x, 0 * x + y, z]) for y in (-wide, wide)]
    solid.add(np.vstack(rows), grid_faces(2, len(x)), slot)
    solid.box((-half, -wide - 0.2, deck + 0.8), (half, -wide + 0.3, deck + 1.05), slot)
    solid.box((-half, wide - 0.3, deck + 0.8), (half, wide + 0.2, deck + 1.05), slot)
    solid.box((-half, -wide, deck - 0.3), (half, wide, deck), slot)


def _lattice(
    solid: Solid, half: float, wide: float, deck: float, tall: float, bow: bool, slot: int
) -> None:
    """Add a truss of crossed bars on either side, its top straight or an arch."""
    step = max(2.5, half / 12)
    x = np.arange(-half, half + 0.1, step)
    top = deck + tall + 0 * x
    if bow:
        top = deck + 0.3 + 2.2 * tall * (1 - (x / half) ** 2)
    for y in (-wide, wide):
        for n in range(len(x) - 1):
            solid.bar((x[n], y, top[n]), (x[n + 1], y, top[n + 1]), 0.22, slot)
            solid.bar((x[n], y, deck), (x[n], y, top[n]), 0.12, slot)
            solid.bar((x[n], y, deck), (x[n + 1], y, top[n + 1]), 0.1, slot)
            solid.bar((x[n + 1], y, deck), (x[n], y, top[n]), 0.1, slot)
    for n in range(0, len(x), 2):
        if top[n] > deck + 4:
            solid.bar((x[n], -wide, top[n]), (x[n], wide, top[n]), 0.15, slot)


def _hanging(solid: Solid, towers: Array, size: tuple[float, ...], kind: str, slot: int) -> None:
    """Add towers and the cables of a suspension or cable-stayed bridge."""
    half, wide, deck, tall = size
    for x in towers:
        for y in (-wide, wide):
            solid.box((x - 0.8, y - 0.6, deck - 8), (x + 0.8, y + 0.6, deck + tall), slot)
        for z in (0.5, 0.95):
            solid.box(
                (x - 0.5, -wide, deck + z * tall - 0.8), (x + 0.5, wide, deck + z * tall), slot
            )
    for y in (-wide, wide):
        if kind == "stays":
            _stays(solid, towers, size, y, slot)
            continue
        knots = [(-half, deck + 1), *[(x, deck + tall) for x in towers], (half, deck + 1)]
        for (x0, z0), (x1, z1) in pairwise(knots):
            t = np.linspace(0, 1, 17)
            sag = 0.85 * tall if z0 == z1 else 0.12 * tall
            line = np.column_stack(
                [x0 + (x1 - x0) * t, 0 * t + y, z0 + (z1 - z0) * t - 4 * sag * t * (1 - t)]
            )
            solid.tube(line, 0.18, 6, slot)
            for point in line[1:-1]:
                solid.bar(point, (point[0], y, deck), 0.05, slot)


def _stays(solid: Solid, towers: Array, size: tuple[float, ...], y: float, slot: int) -> None:
    """Add the cables of a cable-stayed bridge on one side."""
    half, _, deck, tall = size
    reach = 0.36 * half
    for x in towers:
        for out in np.linspace(0.15, 1.0, 8) * reach:
            top = (x, y, deck + tall * (0.5 + 0.5 * out / reach))
            for side in (-1, 1):
                solid.bar(top, (x + side * out, y, deck), 0.08, slot)


def on_bridge(draw: Draw, air: Air) -> Place:
    """Build a bridge or pier with the camera on its deck, over water or a valley."""
    deck, is_wet = draw.uniform(3, 30), draw.chance(0.75)
    far, seed = draw.log_uniform(60, 600), draw.seed()

    def height(x: Array, y: Array) -> Array:
        x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        shore = smooth_step(y, far, far + 40) * (deck - 0.6)
        hills = smooth_step(y, far + 40, far + 900) * 90 * (0.5 + bumps(x, y, 350, 1.0, seed))
        return shore + hills - 2.0 * (1 - smooth_step(y, far, far + 20))

    site = Site(draw, air, height)
    soil = materials.land(air, draw.near_colors(draw.choice(LAWNS)))
    terrain.ground(height, soil, 4000, 170, 110, BESIDE)
    if is_wet:
        lay_water(draw, air, 0.0, 0.5, 4000)
    wide, turn = draw.uniform(1.2, 7), draw.choice((0.0, draw.uniform(-0.5, 0.5)))
    way = roads.draw_course(draw, far + 30, 0.0, turn, draw.uniform(-0.8, 0.8) * (wide - 0.6), 9.0)

    def level(x: Array, y: Array) -> Array:
        return np.asarray(deck + 0 * np.asarray(x, float) + 0 * np.asarray(y, float))

    on = Site(draw, air, level)
    plank = draw.choice((surfaces.paving, surfaces.asphalt, surfaces.slabs))(draw, air)
    roads.strip(on, on.flat, way, -wide, wide, on.slot(plank), 0.0)
    fit = Fittings(on)
    for side in (-1, 1):
        roads.wall_along(on, on.upright, way, side * wide, -0.8, 0.0, fit.stone)
    _parapets(on, fit, way, wide)
    if draw.chance(0.4):
        people_along(on, way, 9, 8, (0.0, 0.9 * wide))
    if wide > 4 and draw.chance(0.5):
        cars_along(on, way, 9, 2, 0.5 * wide)
    on.finish()
    style = town_houses.draw_style(site, 3)
    for _ in range(draw.integer(0, 30)):
        at = np.array([draw.uniform(-0.9, 0.9) * far, far + draw.uniform(30, 160)])
        put_house(site, town_houses.house(draw, style), at, 0.0)
    if draw.chance(0.7):
        woods(site, int(draw.log_uniform(30, 600)), (far + 30, far + 500), (5, 14), 1.2)
    site.finish()
    floor = 0.0 if is_wet else -1e6
    return Place(level, (1.3, 2.2), (-14, 10), shift=0.3, floor=floor)


def _parapets(site: Site, fit: Fittings, way: roads.Course, wide: float) -> None:
    """Add railings, walls, trusses or cables on either side of a deck."""
    draw = site.draw
    kind = draw.choice(("bars", "wall", "truss", "cables", "rail"))
    tall, slot, solid = draw.uniform(0.9, 1.4), fit.metal, site.upright
    for side in (-1, 1):
        right = side * wide
        if kind == "wall":
            for out in (right, right + side * 0.4):
                roads.wall_along(site, solid, way, out, -0.5, tall, fit.stone)
            roads.strip(site, solid, way, right, right + side * 0.4, fit.stone, tall)
            continue
        for z in (tall, 0.15):
            roads.wall_along(site, solid, way, right, z - 0.06, z, slot)
        for along in spaced(4, min(way.length, 60), 0.2 if kind == "bars" else 1.8):
            (x, y), _ = way.at(along, right)
            solid.bar((x, y, site.level(x, y)), (x, y, site.level(x, y) + tall), 0.018, slot)
        if kind == "truss":
            _truss(site, way, right, slot)
        elif kind == "cables":
            _cables(site, way, right, slot)


def _truss(site: Site, way: roads.Course, right: float, slot: int) -> None:
    """Add crossed bars along one side of a deck, and some over it."""
    draw, high, solid = site.draw, site.draw.uniform(3, 6), site.upright
    is_covered = right > 0 and draw.chance(0.5)
    for along in spaced(4, min(way.length, 150), 3.5):
        here, there = (way.at(a, right)[0] for a in (along, along + 3.5))
        z = site.level(*here)
        low, top = (*here, z), (*here, z + high)
        for first, second in (
            (low, (*there, z + high)), (top, (*there, z)), (top, (*there, z + high)), (low, top)
        ):  # fmt: skip
            solid.bar(first, second, 0.1, slot)
        if is_covered:
            solid.bar(top, (*way.at(along, -right)[0], z + high), 0.1, slot)


def _cables(site: Site, way: roads.Course, right: float, slot: int) -> None:
    """Add a tower and the hanging cables of a suspension bridge along one side of a deck."""
    draw, solid = site.draw, site.upright
    middle, high = draw.uniform(25, 60), draw.uniform(10, 35)
    foot, _ = way.at(middle, right)
    z = site.level(*foot)
    solid.bar((*foot, z - 5), (*foot, z + high), 0.5, slot)

    def cable(along: float) -> tuple[float, float, float]:
        share = 1 - min(abs(along - middle) / middle, 1)
        x, y = way.at(along, right)[0].tolist()
        return x, y, z + 1 + (high - 1) * share**2

    for along in spaced(4, min(way.length, 2 * middle), 3.0):
        x, y, top = cable(along)
        solid.bar((x, y, z), (x, y, top), 0.03, slot)
    solid.tube(np.array([cable(along) for along in spaced(0, 2 * middle, 2.5)]), 0.12, 6, slot)


KINDS = (
    WorldKind("open-road", open_road, 1.8),
    WorldKind("bridge", bridge, 1.3),
    WorldKind("on-bridge", on_bridge, 0.9),
)
