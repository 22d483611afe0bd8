"""Worlds with waterfalls: single and tall, wide curtains, cascades over steps, weirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..landscapes import materials
from ..landscapes.materials import Air
from ..landscapes.noise import fractal, perlin, plane, smooth_step
from ..landscapes.terrain import Height, bumps
from . import shore_parts
from .draw import Draw
from .labels import FALLS_INDEX
from .place import Place
from .scatter import Cover, dress
from .water_land import GROUNDS, ROCKS, Shore, ground_material, within
from .water_surface import draw_look, fan, pool, surface
from .white_water import ACROSS, ALONG, curtain, silk

Array = NDArray[np.float64]
FAR = 6000.0
POOLS = ("green", "turquoise", "black", "brown", "gray", "blue", "milky", "olive")


@dataclass(frozen=True)
class Cliff:
    """A cliff that water falls from.

    Attributes:
        away: Distance of its foot from the origin, in meters.
        tall: Its height in meters.
        lean: Its depth along y relative to its height; 0 for an upright wall.
        steps: Number of its steps.
        terraced: 0 for a slope to 1 for a stair.
        bend: How far it comes forward per meter to either side.
        rough: Size of its irregularities relative to its height.
        facets: Depth of its angular niches relative to its height.
        seed: Of its noise.
    """

    away: float
    tall: float
    lean: float
    steps: int
    terraced: float
    bend: float
    rough: float
    facets: float
    seed: int

    def height(self, x: Array, y: Array) -> Array:
        """Return its height above its foot at x, y."""
        forward = self.bend * np.maximum(np.abs(x) - 0.35 * self.tall, 0)
        behind = y - self.away + np.minimum(forward, 1.5 * self.away)
        size = 0.45 * self.tall + 1.0
        behind = behind + self.rough * self.tall * fractal(plane(x, 0.4 * y, size), self.seed, 4)
        facets = np.abs(perlin(plane(x, 0.5 * y, 0.4 * size), self.seed + 7))
        facets = facets + 0.5 * np.abs(perlin(plane(x, y, 0.13 * size), self.seed + 8))
        behind = behind - self.facets * self.tall * facets
        deep = self.lean * self.tall + 0.05
        rise = np.clip(behind / deep, 0, 1) * self.steps
        number = np.floor(rise)
        stair = number + smooth_step(rise - number, 0.0, 0.45)
        stair = (rise + self.terraced * (stair - rise)) / self.steps
        beyond = np.maximum(behind - deep, 0)
        uneven = 0.03 * self.tall * fractal(plane(x, y, 0.15 * size + 0.5), self.seed + 3, 4)
        return self.tall * stair + uneven * smooth_step(behind, -1, 1) + 0.12 * beyond

    def begun(self, x: Array, y: Array) -> NDArray[np.bool_]:
        """Return whether it has begun to rise at x, y."""
        return self.height(x, y) > 0.03 * self.tall


def draw_cliff(draw: Draw, tall: float, lean: float, steps: int) -> Cliff:
    """Return a random cliff of given height that fits into the picture."""
    away = tall * draw.log_uniform(0.7, 3.5) + 2.5
    bend = draw.uniform(-0.1, 0.9)
    rough, facets = draw.uniform(0.02, 0.3), draw.uniform(0.0, 0.3)
    terraced = draw.uniform(0.3, 1.0)
    return Cliff(away, tall, lean, steps, terraced, bend, rough, facets, draw.seed())


def falls(draw: Draw, air: Air) -> Place:
    """Build a fall that leaps from a cliff into a pool: one or several, thin to broad."""
    cliff = draw_cliff(draw, draw.log_uniform(3, 110), draw.uniform(0.05, 0.4), draw.integer(1, 6))
    wide = cliff.tall * draw.log_uniform(0.1, 0.9) + 0.3
    middle = cliff.away * draw.uniform(-0.3, 0.3)
    spans = [(middle, wide)]
    for _ in range(draw.choice((0, 0, 1, 3))):
        spans.append((middle + cliff.tall * draw.uniform(-1.3, 1.3), wide * draw.uniform(0.1, 0.8)))
    leap = draw.choice((0.0, draw.uniform(0.3, 2.5)))
    ragged = draw.choice((0.0, draw.uniform(0, 0.8)), (3, 1))
    return _build(draw, air, cliff, spans, leap, ragged)


def wide_falls(draw: Draw, air: Air) -> Place:
    """Build a broad curtain, in one piece or torn by rocks, from below or from above."""
    cliff = draw_cliff(draw, draw.log_uniform(2, 60), draw.uniform(0.02, 0.25), draw.integer(1, 5))
    count = draw.choice((1, 2, 5, 9))
    reach = cliff.away * draw.uniform(0.4, 1.3)
    edges = np.sort(draw.rng.uniform(-reach, reach, 2 * count))
    if count == 1:
        edges = np.array([-reach, reach]) + draw.uniform(-0.3, 0.3) * reach
    spans = [(0.5 * (a + b), max(b - a, 0.3)) for a, b in edges.reshape(-1, 2)]
    return _build(draw, air, cliff, spans, draw.uniform(0, 2), 0.0)


def cascade(draw: Draw, air: Air) -> Place:
    """Build a cascade that runs down steps and slopes of rock."""
    steps = draw.integer(2, 9)
    cliff = draw_cliff(draw, draw.log_uniform(1.5, 50), draw.uniform(0.4, 1.6), steps)
    wide = cliff.tall * draw.log_uniform(0.1, 0.8) + 0.5
    middle = cliff.away * draw.uniform(-0.25, 0.25)
    spans = [(middle, wide)]
    for _ in range(draw.integer(0, 4)):
        spans.append((middle + wide * draw.uniform(-1.5, 1.5), wide * draw.uniform(0.1, 0.6)))
    return _build(draw, air, cliff, spans, 0.0, draw.choice((0.0, draw.uniform(0, 0.6)), (3, 1)))


def _build(
    draw: Draw, air: Air, cliff: Cliff, spans: list[tuple[float, float]], leap: float, ragged: float
) -> Place:
    """Build a cliff, its falls, the pool before it, and what grows round them.

    spans: Middle and width of each fall, in meters.
    """
    tall, away = cliff.tall, cliff.away
    shore = 0.02 * away + draw.uniform(0, 0.3) * away
    pool_wide = away * draw.uniform(0.3, 1.4) + 1.5
    middle = spans[0][0]
    seed, rise = draw.seed(), draw.uniform(0.1, 0.5)

    def basin(x: Array, y: Array) -> Array:
        long = max(0.55 * (away - shore) + 0.15 * tall, 1.0)
        around = np.hypot((x - middle * y / away) / pool_wide, (y - shore - long) / long) - 1
        return around * min(long, pool_wide) + 0.2 * long * fractal(
            plane(x, y, 0.6 * long), seed, 4
        )

    def height(x: Array, y: Array) -> Array:
        out = basin(x, y)
        bank = np.where(
            out > 0, rise * (1 - np.exp(-out)) + 0.06 * out, np.maximum(0.4 * out, -2.5)
        )
        return bank + cliff.height(x, y) + bumps(x, y, 2.5, 0.08, seed + 4, 3) * (out > 0)

    band = (0.6 * away, 1.1 * away + (cliff.lean + 0.2) * tall + 1)
    grid = fan(0.5, FAR, 240, 240, band)
    ground = height(grid.x, grid.y)
    surface(grid, ground, _rock_land(draw, air, tall), 0)
    _white(draw, air, cliff, spans, height, (leap, ragged))
    around = np.full_like(ground, 9e9)
    for x, wide in spans:
        beside = np.maximum(np.abs(grid.x - x) - 0.5 * wide, 0)
        around = np.minimum(around, np.hypot(beside, np.maximum(away - grid.y, 0)))
    foam = draw.uniform(0.3, 1.3) * np.exp(-around / (0.08 * tall + 0.8)) + draw.uniform(0, 0.12)
    look = draw_look(draw, air, POOLS, draw.uniform(0, 0.45))
    pool(grid, ground, 0.0, air, look, draw.log_uniform(0.2, 2.0), foam)
    _around_falls(draw, air, cliff, spans, height, basin)
    eye = draw.choice(((0.8, 2.5), (0.3 * tall + 1, 1.1 * tall + 2)), (5, 1))
    upward = min(np.degrees(np.arctan2(0.4 * tall, away)), 35.0)
    pitch = (upward - 18.0, upward + 5.0) if eye[1] < 3 else (-25.0, -2.0)
    return Place(height, eye, pitch, 12, 0.3, 0.0, (35.0, 85.0))


def _around_falls(
    draw: Draw,
    air: Air,
    cliff: Cliff,
    spans: list[tuple[float, float]],
    height: Height,
    basin: Shore,
) -> None:
    """Add the woods above and beside falls, and the stones in their pool."""
    tall, away, middle = cliff.tall, cliff.away, spans[0][0]
    top = away + cliff.lean * tall + 2

    def above(x: Array, y: Array) -> NDArray[np.bool_]:
        beside = np.min([np.abs(x - at) - 0.6 * wide for at, wide in spans], axis=0)
        return (y > top) & (beside > 0.5)

    def sides(x: Array, y: Array) -> NDArray[np.bool_]:
        return (basin(x, y) > 0.4) & (np.abs(x - middle) > 0.2 * away) & (y < 0.95 * away)

    if draw.chance(0.75):
        shore_parts.wood(draw, air, height, (top, 6 * top), above, 400)
    if draw.chance(0.6):
        shore_parts.wood(draw, air, height, (5, top), sides, 150)
        shore_parts.near_trees(draw, air, height, (4, away), sides, 6)
    if draw.chance(0.8):
        reach = 0.1 * away + 0.5
        edge = within(basin, -reach, reach)
        spots = shore_parts.sector(draw, height, draw.integer(8, 200), (0.2 * away + 2, away), edge)
        size = draw.uniform(0.06, 0.25) * (tall + 2) ** 0.5
        shore_parts.stones(draw, air, spots, size, draw.chance(0.7))
    dress(draw, air, height, Cover(woods=0.0, trees=0.0, bushes=1.2, rocks=0.0), sides)


def _rock_land(draw: Draw, air: Air, tall: float) -> Any:
    """Return a material of rock with moss, grass or snow on what lies flat."""
    if draw.chance(0.3):
        return ground_material(draw, air)
    name = draw.choice(("lush", "forest", "moor", "gravel", "snow", "black"), (3, 3, 1, 2, 0.6, 1))
    low = draw.uniform(0.55, 0.8)
    steep = (low, low + 0.15)
    rock = draw.near_colors(draw.choice((*ROCKS, ROCKS[3], ROCKS[3])))
    scale = draw.log_uniform(2, 20) / (tall + 4)
    uneven = draw.uniform(0.01, 0.04) * tall + 0.05
    return materials.land(air, draw.near_colors(GROUNDS[name]), rock, steep, None, scale, uneven)


def _white(
    draw: Draw,
    air: Air,
    cliff: Cliff,
    spans: list[tuple[float, float]],
    height: Height,
    manner: tuple[float, float],
) -> None:
    """Add the falls; manner: how far they leap, and how ragged their ends are."""
    white = silk(draw, air)
    leap, ragged = manner
    for middle, wide in spans:
        count = int(np.clip(40 * (wide / (0.2 * cliff.tall)) ** 0.5, 12, 120))
        line = np.linspace(middle - 0.5 * wide, middle + 0.5 * wide, count)
        top = cliff.tall * draw.uniform(0.9, 0.99)
        reach = cliff.away + (cliff.lean + 0.5) * cliff.tall + 3.0
        curtain(draw, height, line, white, cliff.begun, top, reach, leap, ragged)


def weir(draw: Draw, air: Air) -> Place:
    """Build a weir or a ledge right across a river."""
    tall, away, wide = draw.log_uniform(0.4, 5), draw.log_uniform(5, 45), draw.log_uniform(6, 60)
    lean, slant = draw.log_uniform(0.1, 3), draw.uniform(-0.5, 0.5)
    seed, rough = draw.seed(), draw.uniform(0.0, 0.3)
    side = draw.uniform(-0.6, 0.6) * wide

    def fallen(x: Array, y: Array) -> Array:
        over = y - away - slant * x + rough * 3 * fractal(plane(x, y, 3.0), seed, 3)
        return over / (lean * tall)

    def level(x: Array, y: Array) -> Array:
        return tall * smooth_step(fallen(x, y), 0.0, 1.0)

    def beside(x: Array, y: Array) -> Array:
        return np.abs(x - side) - 0.5 * wide + 0.8 * fractal(plane(x, y, 6.0), seed + 1, 4)

    def height(x: Array, y: Array) -> Array:
        out = beside(x, y)
        bank = np.where(out > 0, (0.7 + tall) * (1 - np.exp(-0.7 * np.maximum(out, 0))), -1.0)
        return bank + level(x, y) * (out < 0) + bumps(x, y, 9, 0.25, seed + 2, 4) * (out > 0)

    band = (0.55 * away, 1.5 * away + 2 * lean * tall)
    grid = fan(0.5, FAR, 260, 240, band)
    ground, top = height(grid.x, grid.y), level(grid.x, grid.y)
    surface(grid, ground, ground_material(draw, air), 0)
    since = fallen(grid.x, grid.y)
    below = draw.log_uniform(0.5, 6)
    foam = draw.uniform(0.3, 1.0) * np.exp(np.minimum(since, 0) * lean * tall / below) * (since < 1)
    look = draw_look(draw, air, POOLS, draw.uniform(0, 0.4))
    pool(grid, ground, top, air, look, 0.5, foam)
    beyond = np.roll(since, -1, axis=0)
    falling = (np.maximum(since, beyond) > 0) & (np.minimum(since, beyond) < 1) & (ground < top)
    way = {ALONG: grid.y, ACROSS: grid.x}
    surface(grid, top + 0.03, silk(draw, air), FALLS_INDEX, falling, **way)
    ashore = within(beside, 1.5)
    if draw.chance(0.8):
        shore_parts.wood(draw, air, height, (8, 400), ashore, 500)
        shore_parts.near_trees(draw, air, height, (5, 50), ashore)
    if draw.chance(0.5):
        wet = within(beside, -1e9, -0.3)
        spots = shore_parts.sector(draw, level, draw.integer(4, 60), (2, 1.5 * away), wet)
        shore_parts.stones(draw, air, spots, draw.uniform(0.2, 0.9), True)
    dress(draw, air, height, Cover(woods=0.0, trees=0.4), ashore)
    return Place(height, (1.0 + 0.5 * tall, 3.5 + tall), (-18, 4), 12, 0.3, 0.0)
