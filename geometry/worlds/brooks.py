"""Brooks and rapids among stones, white in places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..landscapes.materials import Air
from ..landscapes.noise import fractal, plane, smooth_step
from ..landscapes.terrain import bumps
from . import shore_parts
from .courses import draw_course
from .draw import Draw
from .labels import FALLS_INDEX, WATER_INDEX
from .place import Place
from .scatter import Cover, dress
from .water_land import banked, draw_bank, ground_material, sea_level, within, wobble
from .water_surface import FOAM, SHALLOW, draw_look, fan, surface, water
from .white_water import ACROSS, ALONG, silk

Array = NDArray[np.float64]


def brook(draw: Draw, air: Air) -> Place:
    """Build a brook or rapids among stones that comes toward the camera, white in places."""
    width, slope = draw.log_uniform(1.2, 14), draw.log_uniform(0.015, 0.22)
    over = draw.chance(0.75)
    start = (
        width * draw.uniform(-0.4, 0.4)
        if over
        else draw.choice((-1, 1)) * width * draw.uniform(0.45, 0.7)
    )
    course = draw_course(draw, width, start, draw.uniform(-0.5, 0.5), draw.uniform(0, 0.7))
    edge = wobble(0.5 * width + 1, 0.15 * width, draw.seed())
    shore = course.shore(edge)
    seed, step = draw.seed(), draw.uniform(1.5, 6) * (0.5 + 0.2 * width)
    ledges = draw.uniform(0, 0.95)

    def level(x: Array, y: Array) -> Array:
        along = np.maximum(course.along(x, y), -2)
        stage = along / step + 0.5 * fractal(plane(x, y, 2 * width), seed + 3, 2)
        ledge = np.floor(stage) + smooth_step(stage - np.floor(stage), 0.78, 1.0)
        run = 350 * (1 - np.exp(-slope * along / 350))
        fine = 0.012 * width**0.5 * fractal(plane(x, y, 0.35 + 0.05 * width), seed, 3)
        return run + ledges * slope * step * (ledge - stage) * np.exp(-along / 150) + fine

    bank = replace(draw_bank(draw), deep=0.6, steep=0.5, slope=draw.uniform(0, 0.35))
    bed = banked(shore, bank, sea_level, seed + 1)

    def height(x: Array, y: Array) -> Array:
        return bed(x, y) + level(x, y) + bumps(x, y, 1.2, 0.06, seed, 3)

    grid = fan(0.5, 3000, 230, 260)
    ground, top = height(grid.x, grid.y), level(grid.x, grid.y)
    name = draw.choice(("forest", "lush", "gravel", "moor", "autumn", "snow"))
    surface(grid, ground, ground_material(draw, air, name), 0)
    fall = np.abs(np.gradient(top, axis=0)) / np.maximum(grid.spacing, 1e-3)
    lively = fractal(
        plane(4 * course.across(grid.x, grid.y), grid.y, 1.5 + 0.3 * width), seed + 9, 4
    )
    white = 2.2 * (fall - slope) + lively * draw.uniform(0.2, 1.2) + draw.uniform(-0.3, 0.25)
    near = (ground < top + 0.15) & (grid.y > -3)
    look = draw_look(
        draw,
        air,
        ("black", "brown", "green", "turquoise", "blue", "olive", "gray"),
        draw.uniform(0, 0.4),
    )
    shallow = np.exp(-np.maximum(top - ground, 0) / 0.25)
    foam = np.clip(white, 0, 0.35)
    surface(grid, top, water(air, look), WATER_INDEX, near, **{SHALLOW: shallow, FOAM: foam})
    rushing = near & (ground < top)
    above = np.clip(0.15 * (white - 0.3), -0.2, 0.015)  # under the water where it is clear
    way = {ALONG: course.along(grid.x, grid.y), ACROSS: course.across(grid.x, grid.y)}
    surface(grid, top + above, silk(draw, air), FALLS_INDEX, rushing, **way)
    among = within(shore, -1e9, 0.3 * width)
    spots = shore_parts.sector(draw, level, draw.integer(10, 220), (1.5, 70), among, 0.8)
    size = draw.log_uniform(0.08, 0.32) * width**0.5
    shore_parts.stones(draw, air, spots, size, draw.chance(0.6))
    ashore = within(shore, 0.4 * width)
    if draw.chance(0.8):
        shore_parts.wood(draw, air, height, (7, 250), ashore, 400)
        shore_parts.near_trees(draw, air, height, (6, 40), ashore, 10)
    dress(draw, air, height, Cover(woods=0.0, trees=0.6, bushes=1.2), ashore)
    return Place(height, (0.7, 2.6), (-22, 6), 14, 0.3, 0.0)
