"""Worlds at sea: beaches with surf, coasts from a cliff, the open sea, piers and jetties."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..landscapes import materials, plants
from ..landscapes.materials import Air, material, mottled
from ..landscapes.meshes import place
from ..landscapes.nodes import Tree
from ..landscapes.noise import fractal, hashed, plane, smooth_step
from ..landscapes.terrain import Height, bumps
from . import boats, shore_parts
from .draw import Draw
from .houses import houses
from .labels import UPRIGHT_INDEX, WATER_INDEX
from .place import Place
from .scatter import scatter
from .water_land import SANDS, far_relief, ground_material, sea_level, within, wobble
from .water_surface import (
    BREAKING,
    FOAM,
    PHASE,
    SHALLOW,
    Fan,
    draw_look,
    fan,
    surface,
    swell,
    water,
)

Array = NDArray[np.float64]
SEAS = ("blue", "navy", "green", "turquoise", "gray", "gray", "black", "milky")
WET = "wet"
"""Attribute of a beach's points: 1 where it is wet."""
HORIZON = 60_000.0
"""Distance in meters to which the sea reaches."""


def _wildness(draw: Draw) -> float:
    """Return how wild a sea is, 0 to 1: often calm."""
    return draw.choice((0.0, draw.uniform(0, 0.3), draw.uniform(0.3, 1.0)), (1, 2, 2))


def isles(draw: Draw, count: int, span: tuple[float, float]) -> Height:
    """Return the height of islands and headlands between two distances; -50 beside them."""
    y = np.array([draw.log_uniform(*span) for _ in range(count)])
    x = y * draw.rng.uniform(-0.9, 0.9, count)
    wide = y * np.exp(draw.rng.uniform(np.log(0.03), np.log(0.4), count))
    high = np.minimum(wide * draw.rng.uniform(0.1, 0.9, count), 900)
    stretch, seed = draw.uniform(1, 3), draw.seed()
    blunt = draw.uniform(1.0, 4.0)

    def height(at_x: Array, at_y: Array) -> Array:
        total = np.full_like(at_x, -50.0)
        for n in range(count):
            away = np.hypot((at_x - x[n]) / stretch, at_y - y[n]) / wide[n]
            rough = fractal(plane(at_x, at_y, 0.7 * wide[n]), seed + n, 4)
            rise = high[n] * (1.0 - np.maximum(away + 0.35 * rough, 0) ** blunt)
            total = np.maximum(total, np.where(away < 2, np.maximum(rise, -50), -50))
        return total

    return height


def _nothing(x: Array, y: Array) -> Array:
    return np.full_like(x, -50.0)


def _draw_isles(draw: Draw, probability: float, near: float = 300.0) -> Height:
    if not draw.chance(probability):
        return _nothing
    return isles(draw, draw.integer(1, 4), (near, draw.log_uniform(3 * near, 15_000)))


def beach_material(draw: Draw, air: Air) -> Any:
    """Return a material of sand or pebbles that is dark and glossy where attribute WET is 1."""
    colors = draw.near_colors(draw.choice(SANDS))
    gloss, dark = draw.uniform(0.02, 0.25), draw.uniform(0.4, 0.75)
    grain = draw.log_uniform(0.4, 4.0)
    rippled = draw.uniform(0.005, 0.06)

    def surface_of(tree: Tree) -> Any:
        at = tree.position()
        color = tree.mix(0.5, mottled(tree, at, colors, grain), mottled(tree, at, colors, 0.15))
        wet = tree.add("Attribute", {}, "Factor", attribute_name=WET)
        broken = tree.math("MULTIPLY_ADD", tree.noise(at, 0.5, 3.0), 0.8, -0.4)
        wet = tree.step(tree.math("ADD", wet, broken), 0.3, 0.7)
        color = tree.mix(wet, color, tree.multiply(color, (dark, dark, dark, 1.0)))
        inputs = {"Base Color": color, "IOR": 1.33}
        inputs["Roughness"] = tree.mix(wet, 0.9, gloss, "FLOAT")
        inputs["Specular IOR Level"] = tree.mix(wet, 0.1, 0.5, "FLOAT")
        dry = tree.math("SUBTRACT", 1.0, tree.math("MULTIPLY", wet, 0.93))
        inputs["Normal"] = tree.bump(tree.noise(at, 3 * grain, 3.0), rippled, dry)
        return tree.add("BsdfPrincipled", inputs)

    return material("beach", air, surface_of)


def breakers(draw: Draw, grid: Fan, seaward: Array, along: Array, high: float) -> dict[str, Any]:
    """Return surf on a fan: its height (R, C) and the attributes of the water's points.

    Args:
        draw: The random choices.
        grid: The fan.
        seaward: Distance (R, C) from the water's edge in meters.
        along: Position along it in meters.
        high: Height of the breakers in meters.
    """
    length = high * draw.uniform(7, 16) + 2.0
    start = high * draw.uniform(8, 40) + 2.0
    seed = draw.seed()
    bend = 1.1 * fractal(plane(along, seaward, 9 * length), seed, 3)
    phase = -seaward / length + bend + 100.0
    number = np.floor(phase)
    each = hashed(np.stack([number, 0 * number], -1).astype(np.int64), seed)
    patchy = np.clip(0.5 + 1.3 * fractal(plane(along, 9 * number, 6 * length), seed + 7, 3), 0, 1)
    strong = (0.4 + 0.6 * each) * patchy
    broken = smooth_step(seaward, 1.5 * start, 0.6 * start)
    since = phase - number
    crest = np.where(since < 0.7, (1 - since / 0.7) ** 2, ((since - 0.7) / 0.3) ** 2)
    fine = np.clip(2.2 - 5 * grid.spacing / length, 0, 1)
    swelling = np.exp(-(((seaward - start) / (1.1 * start + 1e-6)) ** 2))
    size = (0.12 + 0.88 * swelling) * smooth_step(seaward, 0.0, 0.6 * start) * (0.3 + 0.7 * strong)
    residue = draw.uniform(0.05, 0.32) * smooth_step(seaward, 1.2 * start, 0.2 * start)
    rim = draw.uniform(0.2, 0.7) * np.exp(-((seaward / draw.uniform(0.3, 1.5)) ** 2))
    attributes = {PHASE: phase, BREAKING: broken * (0.2 + 0.75 * strong), FOAM: residue + rim}
    return {"height": 0.8 * high * crest * size * fine, "attributes": attributes}


def beach(draw: Draw, air: Air) -> Place:
    """Build a beach: sand, a wet strip, surf, the sea, and what stands on the shore and beyond."""
    place = _beach(draw, air, draw.log_uniform(1.0, 26), draw.uniform(-80, 80))
    return replace(place, eye=(0.8, draw.choice((2.2, 8.0))))


def aerial_beach(draw: Draw, air: Air) -> Place:
    """Build a beach that is seen from 15 to 150 meters above the sand or the surf."""
    eye = draw.log_uniform(15, 150)
    turn = draw.choice((-1, 1)) * draw.uniform(35, 150)
    place = _beach(draw, air, eye * draw.uniform(-0.7, 0.7), turn)
    return replace(place, eye=(0.7 * eye, 1.2 * eye), pitch=(-55, -5), foreground=False)


def _beach(draw: Draw, air: Air, back: float, bearing: float) -> Place:
    """Build a beach.

    Args:
        draw: The random choices.
        air: The haze.
        back: Distance of the water's edge from the origin, in meters.
        bearing: Direction of the open sea, in degrees to the right of +y.
    """
    turn = np.radians(bearing)
    slope = draw.log_uniform(0.02, 0.11)
    wave, seed = draw.log_uniform(6, 80), draw.seed()
    edge = wobble(wave, wave * draw.uniform(0.02, 0.2), seed, 3)
    bay = draw.choice((0.0, draw.uniform(-1, 1)))
    berm, dune = draw.uniform(0.6, 2.5), draw.choice((0.0, draw.log_uniform(1, 9)))
    far, _ = far_relief(draw, 0.5)
    land = _draw_isles(draw, 0.5)

    def seaward(x: Array, y: Array) -> Array:
        along = x * np.cos(turn) - y * np.sin(turn)
        curve = bay * 300 * (1 - np.exp(-((along / 500) ** 2)))
        return x * np.sin(turn) + y * np.cos(turn) - back + edge(x, y) - edge(0 * x, 0 * y) + curve

    def height(x: Array, y: Array) -> Array:
        out = seaward(x, y)
        sand = np.where(
            out > 0,
            -np.minimum(slope * out, 20),
            berm * (1 - np.exp(slope * np.minimum(out, 0) / berm)),
        )
        inland = np.maximum(-out - max(back, 12) - 8, 0)
        dunes = dune * smooth_step(inland, 0, 18) * (0.7 + bumps(x, y, 14, 0.5, seed + 5, 4))
        beyond = far(x, y) * smooth_step(inland, 0, 300)
        ground = sand + dunes + beyond + bumps(x, y, 3.0, 0.03, seed + 2, 3) * (out < -1)
        return np.maximum(ground, land(x, y))

    grid = fan(0.7, HORIZON, 230, 220)
    out = seaward(grid.x, grid.y)
    along = grid.x * np.cos(turn) - grid.y * np.sin(turn)
    ground = height(grid.x, grid.y)
    reach = draw.log_uniform(0.5, 8)
    wet = np.clip(smooth_step(out, -2.2 * reach, -0.7 * reach), 0, 1)
    sandy = (ground < berm + 0.4) & (land(grid.x, grid.y) < -40)
    surface(grid, ground, beach_material(draw, air), 0, sandy, **{WET: wet})
    if not sandy.all():
        name = draw.choice(("meadow", "lush", "dry", "forest", "desert"))
        surface(grid, ground - 0.02, ground_material(draw, air, name), 0, ~sandy)
    wild = _wildness(draw)
    look = draw_look(draw, air, SEAS, 0.2 + 0.6 * wild)
    high = draw.log_uniform(0.08, 0.5) if wild < 0.2 else draw.log_uniform(0.25, 2.0)
    surf = breakers(draw, grid, out, along, high)
    clear = draw.log_uniform(0.3, 2.5)
    shallow = np.exp(-np.maximum(-ground, 0) / clear)
    level = surf["height"]
    wetted = (ground < level + 1.0) & (out > -30)
    surface(
        grid,
        level,
        water(air, look),
        WATER_INDEX,
        wetted,
        **{SHALLOW: shallow},
        **surf["attributes"],
    )
    _on_beach(draw, air, height, seaward, back)
    boats.boats(draw, air, 4, (40, 3000), within(height, -1e9, -1.5))
    return Place(height, pitch=(-15, 8), yaw=15, floor=0.0)


def _on_beach(draw: Draw, air: Air, height: Height, seaward: Any, back: float) -> None:
    """Add what stands on a beach: rocks in the surf, plants, people, parasols, boats, houses."""
    if draw.chance(0.35):
        spots = shore_parts.sector(
            draw, height, draw.integer(2, 40), (5, 90), within(seaward, -9, 9)
        )
        shore_parts.stones(draw, air, spots, draw.log_uniform(0.4, 3.0), draw.chance(0.6))
    behind = within(seaward, -1e9, -max(back, 10) - 3)
    if draw.chance(0.3):
        spots = shore_parts.sector(draw, height, draw.integer(2, 40), (6, 160), behind)
        palms = [shore_parts.palm(draw.rng) for _ in range(4)]
        sizes = draw.uniform(5, 12) * draw.rng.uniform(0.7, 1.2, len(spots))
        scatter(draw, palms, shore_parts.tree_slots(draw, air), spots, sizes)
    elif draw.chance(0.4):
        shore_parts.wood(draw, air, height, (15, 900), behind)
    if draw.chance(0.35):
        blades = materials.foliage(air, draw.near_colors(("8a8a52", "b0a868")))
        spots = shore_parts.sector(draw, height, 250, (3, 60), behind)
        tufts = [plants.tuft(draw.rng, 14, 0.2, 0.012)]
        scatter(draw, tufts, [blades], spots, draw.rng.uniform(0.3, 0.9, len(spots)), 0)
    sand = within(seaward, -30, -1)
    if draw.chance(0.25):
        spots = shore_parts.sector(draw, height, draw.integer(1, 30), (7, 150), sand)
        boats.figures(draw, air, spots)
    if draw.chance(0.15):
        spots = shore_parts.sector(draw, height, draw.integer(2, 20), (7, 90), sand)
        boats.parasols(draw, air, spots)
    if draw.chance(0.2):
        long, heading = draw.log_uniform(15, 120), draw.uniform(-0.5, 0.5)
        start = (draw.uniform(-25, 25), draw.uniform(6, 40))
        boats.pier(draw, air, start, heading, long, draw.uniform(1.5, 4.0))
    if draw.chance(0.2):
        houses(draw, air, shore_parts.sector(draw, height, 12, (40, 500), behind))


def cliff(draw: Draw, air: Air) -> Place:
    """Build a coast that is seen from the edge of a cliff or from a height above the shore."""
    top, seed = draw.log_uniform(6, 110), draw.seed()
    back, size = draw.log_uniform(0.8, 14), draw.log_uniform(30, 260)
    edge = wobble(draw.uniform(1.5, 4) * size, size, seed, 5)
    broad, turn = draw.uniform(0.15, 1.2), draw.uniform(-0.8, 0.8)
    far, _ = far_relief(draw, 0.4)
    land, bank = _draw_isles(draw, 0.6, 200), draw.uniform(0, 0.3)

    def seaward(x: Array, y: Array) -> Array:
        away = x * np.sin(turn) + y * np.cos(turn) - back
        return away + smooth_step(np.hypot(x, y), back, back + size) * edge(x, y)

    def height(x: Array, y: Array) -> Array:
        out = seaward(x, y)
        wide = broad * top
        drop = (top + 8) * smooth_step(
            out + 0.2 * wide * fractal(plane(x, y, 0.6 * top), seed + 3, 4), 0, wide
        )
        inland = np.maximum(-out - 20, 0)
        rise = bank * inland / (1 + inland / 400) + far(x, y) * smooth_step(inland, 20, 500)
        rough = bumps(x, y, 18, 0.5, seed + 1, 4)
        return np.maximum(top - drop + rise + rough, np.maximum(land(x, y), -20))

    grid = fan(1.0, HORIZON, 200, 240)
    ground = height(grid.x, grid.y)
    surface(grid, ground, ground_material(draw, air), 0, ground > -15)
    wild = _wildness(draw)
    look = draw_look(draw, air, SEAS, 0.2 + 0.8 * wild)
    look = _whitened(draw, look, wild)
    foam = draw.uniform(0.2, 1.0) * np.exp(-np.maximum(-ground, 0) / draw.uniform(0.5, 5.0))
    shallow = np.exp(-np.maximum(-ground, 0) / draw.log_uniform(0.5, 8))
    surface(
        grid, 0.0, water(air, look), WATER_INDEX, ground < 0.5, **{SHALLOW: shallow, FOAM: foam}
    )
    boats.boats(draw, air, 5, (60, 6000), within(height, -1e9, -2))
    above = within(height, 1.5)
    if draw.chance(0.5):
        shore_parts.wood(draw, air, height, (25, 1200), above)
    if draw.chance(0.4):
        shore_parts.near_trees(draw, air, height, (6, 60), above)
    if draw.chance(0.4):
        spots = shore_parts.sector(draw, height, 60, (20, 600), within(height, -2.5, 2.5))
        shore_parts.stones(draw, air, spots, draw.log_uniform(1, 8))
    if draw.chance(0.25):
        spots = shore_parts.sector(draw, height, 1, (60, 1500), above)
        for x, y, z in spots:
            boats.lighthouse(draw, air, (x, y, z))
    if draw.chance(0.25):
        houses(draw, air, shore_parts.sector(draw, height, 25, (40, 900), above))
    return Place(height, (1.2, draw.choice((3.0, 40.0))), (-25, 5), 15, 0.6, 0.0)


def _whitened(draw: Draw, look: Any, wild: float) -> Any:
    """Return the look with white crests if the sea is wild."""
    return replace(look, caps=draw.uniform(0.3, 1.0) * wild) if wild > 0.3 else look


def open_sea(draw: Draw, air: Air) -> Place:
    """Build the open sea to the horizon, a mirror to rough, with or without islands and ships."""
    wild = _wildness(draw)
    look = _whitened(draw, draw_look(draw, air, SEAS, wild), wild)
    land = _draw_isles(draw, 0.4, 500)
    grid = fan(0.7, HORIZON, 230, 240)
    level: Any = 0.0
    if wild > 0.25:
        high = 0.15 + 2.2 * wild**1.5 * draw.uniform(0.4, 1.2)
        level = swell(grid.x, grid.y, draw, high * draw.uniform(12, 25), high, draw.uniform(-3, 3))
    shown = np.zeros_like(grid.x)
    surface(grid, level, water(air, look), WATER_INDEX, None, **{SHALLOW: shown, FOAM: shown})
    ground = land(grid.x, grid.y)
    surface(grid, ground, ground_material(draw, air), 0, ground > -5)
    boats.boats(draw, air, 5, (20, 8000), within(land, -1e9, -5))
    if draw.chance(0.15):
        spots = np.array([[draw.uniform(-6, 6), y, 0.0] for y in np.arange(8, 90, 4.0)])
        boats.buoys(draw, air, spots, draw.uniform(0.25, 0.6))
    if draw.chance(0.2):
        boats.pier(
            draw,
            air,
            (draw.uniform(-4, 4), draw.uniform(3, 30)),
            draw.uniform(-1.2, 1.2),
            draw.log_uniform(8, 80),
        )
    if draw.chance(0.12):
        spots = np.column_stack(
            [draw.rng.uniform(-12, 12, 20), draw.rng.uniform(8, 40, 20), np.zeros(20)]
        )
        boats.posts(draw, air, spots[: draw.integer(2, 20)])
    if draw.chance(0.06):
        _bow(draw, air)
    low = 2.2 if wild > 0.25 else 0.8
    high = draw.choice((low + 2, 12.0, 80.0), (3, 1, 1))
    return Place(sea_level, (low, high), (-15, 10), 15, 0.6, 0.0)


def _bow(draw: Draw, air: Air) -> None:
    """Add the bow of the boat that the camera is on."""
    shape = boats.hull(draw.uniform(6, 12), draw.uniform(1.6, 3.5), draw.uniform(0.6, 1.1))
    slots = [boats.paint(air, draw.near_color(draw.choice(boats.PAINTS))) for _ in range(2)]
    at = (draw.uniform(-0.8, 0.8), draw.uniform(2, 4), -0.1)
    place(shape.mesh("bow", slots), at, draw.rng.normal(0, 0.1), 1.0, UPRIGHT_INDEX)


def breakwater(draw: Draw, air: Air) -> Place:
    """Build a jetty that the camera stands on: a deck or stones in the sea, ahead or aside."""
    wild = _wildness(draw)
    look = _whitened(draw, draw_look(draw, air, SEAS, wild), wild)
    land = _draw_isles(draw, 0.5, 300)
    grid = fan(0.7, HORIZON, 200, 220)
    ground = land(grid.x, grid.y)
    zero = np.zeros_like(grid.x)
    surface(grid, 0.0, water(air, look), WATER_INDEX, None, **{SHALLOW: zero, FOAM: zero})
    surface(grid, ground, ground_material(draw, air), 0, ground > -5)
    top, heading = draw.uniform(0.5, 2.5), draw.uniform(-0.5, 0.5)
    long = draw.log_uniform(12, 120)
    boats.pier(draw, air, (-3 * np.sin(heading), -3 * np.cos(heading)), heading, long, top)
    if draw.chance(0.4):
        along = draw.rng.uniform(0, long, 160)
        side = draw.choice((-1, 1)) * (1.8 + draw.rng.uniform(0, 2.5, 160))
        x = along * np.sin(heading) + side * np.cos(heading)
        y = along * np.cos(heading) - side * np.sin(heading)
        spots = np.stack([x, y, draw.rng.uniform(-0.6, 0.5, 160)], -1)[y > 1.5]
        shore_parts.stones(draw, air, spots, draw.uniform(0.6, 1.5))
    if draw.chance(0.35):
        end = (long * np.sin(heading), long * np.cos(heading) + 3, top - 1)
        boats.lighthouse(draw, air, end)
    boats.boats(draw, air, 6, (15, 2000), within(land, -1e9, -5))

    def height(x: Array, y: Array) -> Array:
        aside = np.abs(x * np.cos(heading) - y * np.sin(heading))
        return np.where(aside < 0.5, top, -1.0)

    return Place(height, (1.2, 2.4), (-15, 8), 15, 0.2, 0.0)
