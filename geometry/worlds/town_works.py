"""Kinds of worlds: industry, farms, castles and ruins."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..landscapes import materials, terrain
from ..landscapes.materials import Air
from ..landscapes.meshes import Array
from ..landscapes.noise import smooth_step
from ..landscapes.terrain import bumps
from . import roads, surfaces, town_houses
from .churches import merlons
from .draw import Draw
from .facades import Look, facade
from .furniture import Fittings
from .parts import Site, Solid, spaced, turned
from .place import Place, WorldKind
from .town_dress import herd
from .town_houses import House, Style
from .town_layout import BESIDE, land_height, lay_ground, near_trees, put_house, woods
from .vehicles import Garage


def industry(draw: Draw, air: Air) -> Place:
    """Build halls, chimneys, tanks, cranes, pylons and containers."""
    height = land_height(draw, 0.01)
    site = Site(draw, air, height)
    lay_ground(site, draw.chance(0.4))
    style = town_houses.draw_style(
        site, 3, ("brick", "concrete", "planks", "glass"), floors=(1, 3), bays=(5, 14),
        relief=0.0, kinds=("flat", "gable", "side"),
    )  # fmt: skip
    fit = Fittings(site)
    if draw.chance(0.7):
        way = roads.draw_course(draw, 200, 0.4, draw.uniform(-0.8, 0.8), draw.uniform(-3, 3))
        roads.strip(site, site.flat, way, -4, 4, site.slot(surfaces.asphalt(draw, air)))
    makes = [_chimney, _tank, _crane, _tower, _pipes, _turbine]
    for make in [draw.choice(makes) for _ in range(draw.integer(1, 4))]:
        solid = make(draw, style)
        for _ in range(draw.choice((1, 2, 5))):
            away = draw.log_uniform(25, 350)
            at = (away * draw.uniform(-0.7, 0.7), away)
            site.stand(solid, at, draw.choice((0.0, 1.57, draw.uniform(0, 6))))
    for _ in range(draw.integer(2, 12)):
        away = draw.log_uniform(14, 250)
        home = _hall(draw, style)
        corner = np.array([away * draw.uniform(-0.9, 0.7), away])
        put_house(site, home, corner, draw.choice((0.0, draw.uniform(-0.5, 0.5))))
    if draw.chance(0.4):
        pylon_line(site, fit)
    if draw.chance(0.35):
        _containers(site)
    if draw.chance(0.4):
        garage = Garage(site)
        for _ in range(draw.integer(1, 6)):
            away = draw.log_uniform(7, 60)
            at = (away * draw.uniform(-0.6, 0.6), away)
            garage.park(at, draw.uniform(0, 6.28), draw.choice(("truck", "van", "car", "")))
    if draw.chance(0.5):
        woods(site, int(draw.log_uniform(20, 400)), (30, 500), (4, 12))
    site.finish()
    return Place(height, (1.4, draw.choice((2.5, 12.0))), (-8, 12))


def _hall(draw: Draw, style: Style) -> House:
    """Return a factory hall, sometimes with a saw-tooth roof."""
    if draw.chance(0.6):
        return town_houses.house(draw, style)
    look, wall = draw.choice(style.looks)
    teeth, deep = draw.integer(3, 8), 4 * look.bay
    width = teeth * 2 * look.bay
    high = draw.integer(1, 3) * look.floor
    solid, rise = Solid(), draw.uniform(1.5, 3.5)
    solid.box((0, 0, -3), (width, deep, high), wall)
    for n in range(teeth):
        x = n * 2 * look.bay
        profile = (x, high), (x, high + rise), (x + 2 * look.bay, high)
        points = [(across, y, z) for y in (0, deep) for across, z in profile]
        solid.add(points, [(0, 1, 2, -1), (3, 5, 4, -1)], wall)
        solid.add(points, [(1, 4, 5, 2)], draw.choice(style.roofs))
        solid.add(points, [(0, 3, 4, 1)], style.glass)
    return House(solid, width, deep, high + rise)


def _chimney(draw: Draw, style: Style) -> Solid:
    solid, tall = Solid(), draw.log_uniform(20, 140)
    low, top = 0.035 * tall + 0.6, 0.018 * tall + 0.4
    bands, wall = draw.choice((1, 1, 6)), draw.choice(style.looks)[1]
    levels = np.linspace(0, 1, bands + 1)
    for n in range(bands):
        radii = [low + (top - low) * level for level in levels[n : n + 2]]
        rows = list(zip(radii, tall * levels[n : n + 2], strict=True))
        solid.lathe(rows, style.trim if n % 2 else wall, 14)
    solid.lathe([(top * 1.12, tall - 0.8), (top * 1.12, tall)], style.trim, 14)
    return solid


def _tank(draw: Draw, style: Style) -> Solid:
    solid, radius = Solid(), draw.uniform(2, 12)
    tall = radius * draw.choice((0.8, 1.2, 3.0))
    roof = draw.choice((0.02, 0.3, 1.0))
    solid.lathe(
        [
            (radius, -1),
            (radius, tall),
            (0.6 * radius, tall + 0.6 * roof * radius),
            (0.02, tall + 0.7 * roof * radius),
        ],
        style.trim,
        24,
    )
    for z in np.linspace(0.25, 1, 4) * tall:
        solid.lathe([(radius * 1.02, z - 0.12), (radius * 1.02, z)], style.metal, 24)
    solid.box((radius, -0.3, 0), (radius + 0.4, 0.3, tall), style.metal)
    return solid


def _tower(draw: Draw, style: Style) -> Solid:
    """Return a cooling tower, a silo on legs or a water tower."""
    solid, kind, size = Solid(), draw.choice(("cooling", "water", "gas")), draw.uniform(6, 22)
    if kind == "cooling":
        z = np.linspace(0, 1, 9)
        radius = size * np.sqrt(0.36 + 1.2 * (z - 0.75) ** 2)
        solid.lathe(np.column_stack([radius, 3.0 * size * z]), style.trim, 28)
    elif kind == "water":
        tall = 1.6 * size
        for turn in np.arange(6) * np.pi / 3:
            x, y = 0.35 * size * np.cos(turn), 0.35 * size * np.sin(turn)
            solid.bar((1.3 * x, 1.3 * y, 0), (x, y, tall), 0.03 * size, style.metal)
            solid.bar((1.3 * x, 1.3 * y, 0), (-y, x, tall), 0.012 * size, style.metal)
        solid.lathe(
            [
                (0.02, 0.8 * tall),
                (0.45 * size, tall),
                (0.45 * size, 1.35 * tall),
                (0.02, 1.5 * tall),
            ],
            style.trim,
            18,
        )
    else:
        solid.ball((0, 0, 1.1 * size), size, style.trim, 10)
        for turn in np.arange(8) * np.pi / 4:
            x, y = 0.95 * size * np.cos(turn), 0.95 * size * np.sin(turn)
            solid.bar((x, y, -0.5), (x, y, 1.1 * size), 0.3, style.metal)
    return solid


def _crane(draw: Draw, style: Style) -> Solid:
    """Return a tower crane of lattice."""
    solid, tall, half = Solid(), draw.uniform(25, 70), 0.9
    reach, step = draw.uniform(20, 50), 3.0
    slot = draw.choice((style.metal, style.trim))
    legs = [(-half, -half), (half, -half), (half, half), (-half, half)]
    for x, y in legs:
        solid.bar((x, y, 0), (x, y, tall), 0.12, slot)
    for z in spaced(0, tall, step):
        for (x0, y0), (x1, y1) in zip(legs, legs[1:] + legs[:1], strict=True):
            solid.bar((x0, y0, z), (x1, y1, z + step), 0.07, slot)
    for y in (-half, half):
        solid.bar((-0.35 * reach, y, tall), (reach, y, tall), 0.12, slot)
    solid.bar((-0.35 * reach, 0, tall + 1.6), (reach, 0, tall + 1.2), 0.12, slot)
    for x in spaced(-0.35 * reach, reach, 2.0):
        solid.bar((x, half, tall), (x + 1, 0, tall + 1.4), 0.06, slot)
        solid.bar((x, -half, tall), (x + 1, 0, tall + 1.4), 0.06, slot)
    solid.bar((0, 0, tall), (0, 0, tall + 8), 0.3, slot)
    solid.bar((0, 0, tall + 8), (0.8 * reach, 0, tall + 1.2), 0.05, slot)
    solid.bar((0, 0, tall + 8), (-0.3 * reach, 0, tall + 1.2), 0.05, slot)
    solid.box((-0.35 * reach, -1, tall - 2.5), (-0.35 * reach + 3, 1, tall), style.trim)
    hook = draw.uniform(0.3, 0.9) * reach
    solid.bar((hook, 0, tall), (hook, 0, draw.uniform(0.2, 0.9) * tall), 0.05, style.metal)
    return solid


def _pipes(draw: Draw, style: Style) -> Solid:
    """Return pipes on trestles."""
    solid, long, tall = Solid(), draw.uniform(20, 80), draw.uniform(3, 8)
    for n in range(draw.integer(2, 5)):
        radius, y = draw.uniform(0.12, 0.5), 0.9 * n
        line = np.array([[-long, y, tall + radius], [long, y, tall + radius]])
        solid.tube(line, radius, 8, draw.choice((style.metal, style.trim)))
    for x in spaced(-long, long, 7.0):
        for y in (-0.3, 3.2):
            solid.bar((x, y, -1), (x, y, tall), 0.15, style.metal)
        solid.bar((x, -0.5, tall), (x, 4.2, tall), 0.15, style.metal)
    return solid


def _turbine(draw: Draw, style: Style) -> Solid:
    """Return a wind turbine."""
    solid, tall = Solid(), draw.uniform(40, 110)
    solid.post((0, 0, -1), tall, (0.022 * tall, 0.013 * tall), 12, style.trim)
    solid.box(
        (-0.02 * tall, -0.04 * tall, 0.98 * tall),
        (0.02 * tall, 0.05 * tall, 1.02 * tall),
        style.trim,
    )
    start, long = draw.uniform(0, 2), draw.uniform(0.5, 0.7) * tall
    for turn in start + np.arange(3) * 2.094:
        out = np.array([np.cos(turn), 0, np.sin(turn)])
        side = np.array([-out[2], 0, out[0]])
        hub = np.array([0, -0.05 * tall, tall])
        points = [
            hub,
            hub + 0.2 * long * out + 0.035 * long * side,
            hub + long * out,
            hub + 0.15 * long * out - 0.02 * long * side,
        ]
        solid.add(points, [(0, 1, 2, 3)], style.trim)
    return solid


def pylon_line(site: Site, fit: Fittings) -> None:
    """Add a line of lattice pylons with wires."""
    draw, tall = site.draw, site.draw.uniform(22, 55)
    pylon = fit.pylon(tall)
    turn, away = draw.uniform(-1.4, 1.4), draw.log_uniform(30, 250)
    step, tops = draw.uniform(120, 260), []
    for n in range(-3, 5):
        at = turned((0, n * step), turn, (draw.uniform(-0.3, 0.3) * away, away))
        if at[1] > 5:
            site.stand(pylon, at, turn)
        tops.append(np.array([*at, site.level(*at)]))
    for first, second in pairwise(tops):
        for z in (0.62, 0.77, 0.92):
            for side in (-0.2, 0.2):
                out = np.array([*turned((side * tall, 0), turn), z * tall])
                fit.wire(first + out, second + out, 0.06 * step, 0.03)


def _containers(site: Site) -> None:
    """Add stacks of containers."""
    draw = site.draw
    paint = site.slot(
        surfaces.coats(
            site.air, tuple(draw.near_color(draw.choice(surfaces.PAINTS), 2) for _ in range(6))
        )
    )
    solid = Solid()
    solid.box((0, 0, 0), (6.1, 2.4, 2.6), paint)
    for n in range(40):
        solid.box((0.15 * n + 0.05, -0.04, 0.1), (0.15 * n + 0.12, 0, 2.5), paint)
    x, y = draw.uniform(-20, 5), draw.uniform(12, 60)
    for column in range(draw.integer(1, 6)):
        for level in range(draw.integer(1, 4)):
            site.stand(solid, (x + 6.4 * column, y), 0.0, lift=2.62 * level)


def farm(draw: Draw, air: Air) -> Place:
    """Build a farm yard or fields with barns, silos, bales, fences and animals."""
    height = land_height(draw, draw.choice((0.02, 0.08)))
    site = Site(draw, air, height)
    lay_ground(site, draw.chance(0.85))
    style = town_houses.draw_style(
        site, 3, ("wood", "planks", "brick", "timber", "stone", "plaster"), floors=(1, 2),
        bays=(3, 7), relief=0.1, kinds=("gable", "side", "hip"),
    )  # fmt: skip
    fit = Fittings(site)
    bend, turn = draw.uniform(0, 0.9), draw.uniform(-0.5, 0.5)
    way = roads.draw_course(draw, 160, bend, turn, draw.uniform(-3, 3))
    roads.strip(site, site.flat, way, -1.6, 1.6, site.slot(surfaces.dirt(draw, air)), 0.04)
    _barns(site, style, way)
    if draw.chance(0.5):
        _bales(site)
    for side in (-1, 1):
        if draw.chance(0.6):
            roads.guard_rail(site, roads.piece(way, 14, 90), side * draw.uniform(2.2, 5))
    if draw.chance(0.5):
        herd(site, 12, 70)
    if draw.chance(0.3):
        garage = Garage(site)
        at, angle = way.at(12 + draw.uniform(9, 40), draw.uniform(-2, 4))
        garage.park(at, angle, draw.choice(("pickup", "van", "car")))
    if draw.chance(0.3):
        pylon_line(site, fit)
    if draw.chance(0.6):
        near_trees(site, draw.integer(1, 8), (8, 60), draw.uniform(4, 12))
    if draw.chance(0.7):
        woods(site, int(draw.log_uniform(30, 700)), (draw.uniform(40, 120), 700), (6, 15))
    site.finish()
    return Place(height, (1.0, draw.choice((2.5, 6.0))), (-10, 8))


def _barns(site: Site, style: Style, way: roads.Course) -> None:
    """Add houses, barns and silos beside a course."""
    draw = site.draw
    for _ in range(draw.integer(1, 7)):
        home = town_houses.house(draw, style)
        away = draw.log_uniform(9, 90)
        side = draw.choice((-1, 1))
        corner, angle = way.at(12 + away, side * draw.uniform(4, 22))
        put_house(site, home, corner, angle + draw.choice((0.0, np.pi / 2, np.pi)))
    for _ in range(draw.integer(0, 3)):
        away = draw.log_uniform(15, 90)
        site.stand(_silo(draw, style), (away * draw.uniform(-0.5, 0.5), away))


def _bales(site: Site) -> None:
    """Add round bales of straw."""
    draw, air = site.draw, site.air
    straw = site.slot(surfaces.dirt(draw, air))
    solid = Solid()
    turns = np.linspace(0, 2 * np.pi, 17)
    ring = np.column_stack([0.7 * np.cos(turns), 0 * turns, 0.7 + 0.7 * np.sin(turns)])
    points = np.vstack([np.add(ring, (0, y, 0)) for y in (-0.6, 0.6)])
    solid.round(points, [(k, k + 1, 18 + k, 17 + k) for k in range(16)], straw)
    for start in (0, 17):
        solid.add(points[start : start + 17], [(0, k, k + 1) for k in range(1, 15)], straw)
    for _ in range(draw.integer(2, 25)):
        away = draw.log_uniform(5, 120)
        site.stand(solid, (away * draw.uniform(-0.7, 0.7), away), draw.uniform(0, 3))


def _silo(draw: Draw, style: Style) -> Solid:
    solid, radius, tall = Solid(), draw.uniform(1.2, 3), draw.uniform(6, 18)
    bend = np.linspace(0, np.pi / 2, 5)
    dome = np.column_stack([radius * np.cos(bend) + 0.01, tall + 0.8 * radius * np.sin(bend)])
    solid.lathe(np.vstack([[(radius, -1)], dome]), draw.choice((style.trim, style.metal)), 18)
    return solid


def castle(draw: Draw, air: Air) -> Place:
    """Build a castle, a town wall or a ruin, from afar, before its gate or inside it."""
    hill, away = draw.choice((0.0, draw.log_uniform(3, 60))), draw.uniform(14, 140)
    wide = draw.uniform(12, 45)
    seed = draw.seed()

    def height(x: Array, y: Array) -> Array:
        far = np.hypot(x, y - away - 0.8 * wide)
        rise = hill * smooth_step(far, away + 0.8 * wide - 4, 1.1 * wide)
        return np.asarray(rise + smooth_step(y, 300, 1500) * 60 * (0.5 + bumps(x, y, 300, 1, seed)))

    site = Site(draw, air, height)
    colors = draw.near_colors(draw.choice((("5d7a36", "7d8a44"), ("8a8a50", "a89a62"))))
    terrain.ground(height, materials.land(air, colors), 3000, 160, 110, BESIDE)
    style = _fortress(site)
    broken = draw.choice((0.0, 0.0, 0.5))
    sides, spin = draw.integer(4, 7), draw.uniform(0, 6.28)
    turns = spin - np.arange(sides) * 2 * np.pi / sides
    ring = np.column_stack([np.cos(turns), np.sin(turns)]) * wide * draw.rng.uniform(
        0.75, 1.1, (sides, 1)) + [draw.uniform(-0.3, 0.3) * wide, away + 0.8 * wide]  # fmt: skip
    wall = draw.uniform(5, 13)
    gate = int(np.argmin(ring[:, 1]))
    for n in range(sides):
        _curtain(site, style, ring[n], ring[(n + 1) % sides], wall, broken, n == gate)
    for at in ring:
        if draw.chance(0.85):
            _bastion(site, style, at, wall, broken)
    for _ in range(draw.integer(0, 3)):
        home = town_houses.block(
            draw, style, draw.uniform(8, 18), draw.uniform(8, 16), wall * draw.uniform(1.2, 3.0)
        )
        at = ring.mean(axis=0) + draw.rng.uniform(-0.4, 0.4, 2) * wide
        _crown(home, style)
        put_house(site, home, at, draw.uniform(-0.6, 0.6))
    if draw.chance(0.6):
        way = roads.draw_course(draw, away - 2, 0.5, float(np.arctan2(*ring[gate])), 0.0)
        roads.strip(site, site.flat, way, -1.8, 1.8, site.slot(surfaces.paving(draw, air)), 0.06)
    if draw.chance(0.5):
        near_trees(site, draw.integer(1, 5), (8, away), draw.uniform(4, 12))
    if draw.chance(0.6):
        woods(site, int(draw.log_uniform(20, 500)), (away + 2.5 * wide, 600), (6, 14), 1.2)
    site.finish()
    return Place(height, (1.2, draw.choice((2.0, 15.0))), (-6, 16))


def _fortress(site: Site) -> Style:
    """Return a style of stone walls with few and small windows."""
    draw = site.draw
    style = town_houses.draw_style(site, 1, ("stone",), relief=0.0, kinds=("hip", "gable"))
    looks = []
    for pattern in ("stone", draw.choice(("stone", "brick", "plaster"))):
        look = Look(pattern, draw.uniform(3.5, 6), draw.uniform(3.5, 5), (0.5, 1.1, 2.0))
        looks.append((look, site.slot(facade(draw, site.air, look))))
    style.looks = looks
    return style


def _curtain(
    site: Site, style: Style, start: Array, end: Array, tall: float, broken: float, gate: bool
) -> None:
    """Add a stretch of wall with battlements, or with a ragged top; gate: with a gate in it."""
    draw, way = site.draw, end - start
    length, turn = float(np.linalg.norm(way)), float(np.arctan2(way[1], way[0]))
    wall, thick = style.looks[0][1], 1.6
    solid, ragged = Solid(), draw.chance(broken)
    edges = np.linspace(0, length, max(3, int(length / 1.5)))
    low = site.level(*start)
    tops = tall + 0 * edges
    if ragged:
        tops = tall * np.clip(0.75 + np.cumsum(draw.rng.normal(0, 0.13, len(edges))), 0.05, 1.1)
    for n in range(len(edges) - 1):
        solid.box((edges[n], 0, -6), (edges[n + 1], thick, tops[n]), wall)
        if not ragged and n % 2 == 0:
            solid.box((edges[n], 0, tall), (edges[n + 1], 0.5, tall + 1.0), wall)
    if gate:
        middle = length / 2
        solid.box((middle - 3.5, -1.2, -6), (middle + 3.5, thick + 1.2, tall + 2.5), wall)
        merlons(solid, [(middle - 3.2, -1), (middle + 3.2, -1)], tall + 2.5, wall)
        bend = np.linspace(0, np.pi, 9)
        arch = [(middle - 1.6, -1.25, -6)]
        arch += [(middle - 1.6 * np.cos(b), -1.25, 2.2 + 1.6 * np.sin(b)) for b in bend]
        arch += [(middle + 1.6, -1.25, -6)]
        solid.add(arch, [(0, k, k + 1) for k in range(1, 10)], style.glass)
    x, y = start
    site.upright.stand(solid, (x, y, low), turn)


def _bastion(site: Site, style: Style, at: Array, wall: float, broken: float) -> None:
    draw = site.draw
    cap = draw.choice(("battlements", "cone", "flat")) if not draw.chance(broken) else "flat"
    radius, tall = draw.uniform(1.8, 4.5), wall * draw.uniform(1.1, 2.2)
    if np.hypot(*at) < radius + 3:
        return
    if draw.chance(0.6):
        site.stand(town_houses.round_tower(draw, style, radius, tall, cap), at)
        return
    home = town_houses.block(draw, style, 2 * radius, 2 * radius, tall)
    _crown(home, style)
    put_house(site, home, at - radius, draw.uniform(-0.4, 0.4))


def _crown(home: House, style: Style) -> None:
    """Put battlements on a tower."""
    ring = [(0, 0), (home.width, 0), (home.width, home.depth), (0, home.depth)]
    if home.deck is not None:
        merlons(home.solid, ring, home.deck[1], style.looks[0][1])


KINDS = (
    WorldKind("industry", industry, 1.2),
    WorldKind("farm", farm, 1.2),
    WorldKind("castle", castle, 1.2),
)
