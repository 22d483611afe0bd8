"""Rivers from the bank, from a bridge and from the air, and flooded land."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..landscapes import buildings, materials
from ..landscapes.materials import Air, material, matte, mottled
from ..landscapes.meshes import place
from ..landscapes.nodes import Tree
from ..landscapes.noise import fractal, plane, smooth_step
from ..landscapes.terrain import Height
from . import boats, shore_parts
from .canals import bridge
from .courses import draw_course
from .draw import Draw
from .houses import houses
from .labels import UPRIGHT_INDEX
from .place import Place
from .scatter import Cover, dress
from .water_land import (
    GROUNDS,
    Shore,
    banked,
    clumped,
    draw_bank,
    far_relief,
    ground_material,
    within,
    wobble,
)
from .water_surface import Fan, Look, draw_look, fan, pool, rapids, surface

Array = NDArray[np.float64]
FAR = 40_000.0
RIVERS = ("brown", "mud", "green", "olive", "blue", "black", "gray", "turquoise", "milky")


def patchwork(draw: Draw, air: Air) -> Any:
    """Return a material of fields of many colors, as seen from above."""
    names = ("meadow", "lush", "dry", "forest", "autumn", "moor")
    colors = [draw.near_color(GROUNDS[draw.choice(names)][0]) for _ in range(5)]
    size, stretch = draw.log_uniform(30, 250), draw.uniform(1, 3)

    def shader(tree: Tree) -> Any:
        at = tree.position()
        cells = tree.vector("MULTIPLY", at, (1 / size, stretch / size, 0.0))
        each = tree.part(tree.add("TexVoronoi", {"Vector": cells, "Scale": 1.0}, "Color"), 0)
        color = materials.ramp(tree, each, tuple(colors))
        fine = mottled(tree, at, ("a0a0a0", "ffffff"), 0.4)
        return matte(tree, tree.multiply(color, fine))

    return material("patchwork", air, shader)


def river(draw: Draw, air: Air) -> Place:
    """Build a river in a meadow, a forest or a canyon, seen from its bank or from above it."""
    high = draw.chance(0.2)
    width = draw.log_uniform(3, 60)
    over = draw.chance(0.5)
    start = (
        width * draw.uniform(-0.4, 0.4)
        if over
        else draw.choice((-1, 1)) * (0.5 * width + draw.log_uniform(0.3, 5))
    )
    turn = draw.uniform(-0.6, 0.6) if over or draw.chance(0.5) else draw.uniform(-1.2, 1.2)
    course = draw_course(draw, width, start, turn, draw.uniform(0, 1))
    edge = wobble(0.5 * width + 3, 0.06 * width + 0.3, draw.seed())
    shore = course.shore(lambda x, y: edge(x, y) - edge(0 * x, 0 * y))
    far, snow_line = far_relief(draw, 0.25)
    kind = draw.choice(("open", "forest", "canyon"), (3, 3, 2))
    bank = replace(draw_bank(draw), deep=draw.uniform(1, 4))
    height = banked(shore, bank, far, draw.seed())
    if kind == "canyon":
        height = _walled(draw, height, shore, width)
    grid = fan(0.7, FAR, 200, 240)
    ground = height(grid.x, grid.y)
    name = draw.choice(("desert", "gravel", "dry", "moor")) if kind == "canyon" else ""
    name = "forest" if kind == "forest" and draw.chance(0.6) else name
    surface(grid, ground, ground_material(draw, air, name, snow_line), 0)
    wild = draw.choice((0.0, draw.uniform(0.1, 0.5), draw.uniform(0.4, 1.0)))
    look = draw_look(draw, air, RIVERS, wild)
    foam = None
    if draw.chance(0.2):
        look, foam = _rushing(draw, look, grid, width)
    elif draw.chance(0.2):
        foam = 0.35 * np.clip(fractal(plane(grid.x, grid.y, 0.3 * width + 1), draw.seed(), 4), 0, 1)
    pool(grid, ground, 0.0, air, look, draw.log_uniform(0.1, 1.5), foam)
    _on_banks(draw, air, height, shore, kind, width)
    eye = (3.0, 12.0) if over else (1.0, 2.6)
    eye = (10.0, 60.0) if high else eye
    return Place(height, eye, (-30 if high else -16, 8), 14, 0.4, 0.0)


def _rushing(draw: Draw, look: Look, grid: Fan, width: float) -> tuple[Look, Array]:
    """Return the look and the foam of a river in spate."""
    waves = fractal(plane(grid.x, grid.y, draw.log_uniform(1.0, 0.3 * width + 1.5)), draw.seed(), 4)
    return rapids(draw, look), np.clip(draw.uniform(0.1, 0.7) + 0.7 * waves, 0, 1)


def _walled(draw: Draw, height: Height, shore: Shore, width: float) -> Height:
    """Return the height with canyon walls at both sides of a river."""
    tall, near = draw.log_uniform(8, 220), draw.uniform(0.5, 12) + 0.1 * width
    lean, seed, steps = draw.uniform(0.15, 0.7), draw.seed(), draw.integer(1, 5)

    def walled(x: Array, y: Array) -> Array:
        gap = near * (1 + 1.2 * fractal(plane(x, y, 4 * near + 20), seed + 2, 3))
        away = shore(x, y) - np.maximum(gap, 0.8)
        away = away + 0.25 * tall * lean * fractal(plane(x, y, 0.5 * tall + 5), seed, 5)
        rise = np.clip(away / (lean * tall), 0, 1) * steps
        stair = (np.floor(rise) + smooth_step(rise - np.floor(rise), 0.0, 0.7)) / steps
        return height(x, y) + tall * stair + 0.03 * tall * fractal(plane(x, y, 9), seed, 4) * stair

    return walled


def _on_banks(draw: Draw, air: Air, height: Height, shore: Shore, kind: str, width: float) -> None:
    """Add what grows, lies and stands at a river."""
    ashore = within(shore, 0.8 + 0.03 * width)
    if kind == "forest":
        shore_parts.wood(draw, air, height, (14, 700), ashore, 800)
        shore_parts.near_trees(draw, air, height, (7, 40), ashore, 10)
    elif kind == "open":
        if draw.chance(0.6):
            line = within(shore, 0.8 + 0.03 * width, 9 + 0.03 * width)
            shore_parts.wood(draw, air, height, (10, 500), line, 300)
        if draw.chance(0.5):
            shore_parts.wood(draw, air, height, (30, 1200), within(shore, 20))
        if draw.chance(0.25):
            spots = shore_parts.sector(draw, height, draw.integer(1, 15), (25, 400), ashore)
            houses(draw, air, spots)
    if draw.chance(0.5):
        reach = 1.5 + 0.05 * width
        near = within(shore, -reach, reach)
        spots = shore_parts.sector(draw, height, draw.integer(5, 200), (2.5, 120), near)
        shore_parts.stones(draw, air, spots, draw.log_uniform(0.2, 1.8))
    if draw.chance(0.3):
        wet = within(shore, -0.7, 0.7)
        shore_parts.reeds(draw, air, shore_parts.sector(draw, height, 300, (2.5, 60), wet))
    boats.boats(draw, air, draw.choice((0, 2)), (6, 200), within(shore, -1e9, -1.5))
    if draw.chance(0.15):
        bridge(draw, air, shore)
    if draw.chance(0.6):
        cover = Cover(woods=0.0, trees=0.4, rocks=0.3, grass=1.4)
        dress(draw, air, height, cover, ashore)


def aerial(draw: Draw, air: Air) -> Place:
    """Build a river that is seen from 25 to 200 meters above, in fields, woods or wilderness."""
    eye = draw.log_uniform(25, 200)
    width = eye * draw.log_uniform(0.06, 1.0)
    start, turn = eye * draw.uniform(-0.8, 0.8), draw.uniform(-1.4, 1.4)
    course = draw_course(draw, width, start, turn, draw.uniform(0.2, 1.3))
    edge = wobble(width, 0.15 * width, draw.seed(), 5)
    seed, islands = draw.seed(), draw.choice((0.0, draw.uniform(0.2, 0.8)))
    braids = wobble(0.7 * width, 1.2 * islands * width, seed, 3)

    def shore(x: Array, y: Array) -> Array:
        banks = np.abs(course.across(x, y)) - 0.5 * width + edge(x, y)
        return np.maximum(banks, -0.3 * width + braids(x, y)) if islands else banks

    far, snow_line = far_relief(draw, 0.3)
    bank = replace(draw_bank(draw), rough=draw.log_uniform(0.3, 6), scale=draw.log_uniform(20, 120))
    height = banked(shore, bank, far, draw.seed())
    grid = fan(1.0, FAR, 200, 280)
    ground = height(grid.x, grid.y)
    fields = draw.chance(0.4)
    land = patchwork(draw, air) if fields else ground_material(draw, air, "", snow_line)
    surface(grid, ground, land, 0)
    look = draw_look(draw, air, RIVERS, draw.uniform(0, 0.3))
    pool(grid, ground, 0.0, air, look, draw.log_uniform(0.2, 3.0))
    ashore = within(shore, 2)
    if draw.chance(0.8):
        wooded = clumped(draw, ashore, draw.log_uniform(20, 200), draw.uniform(0.2, 1.0))
        shore_parts.wood(draw, air, height, (3, 20 * eye), wooded, 1200)
    if draw.chance(0.35):
        spots = shore_parts.sector(draw, height, draw.integer(2, 50), (20, 8 * eye), ashore)
        houses(draw, air, spots)
    boats.boats(draw, air, draw.choice((0, 4)), (20, 6 * eye), within(shore, -1e9, -2))
    return Place(height, (0.7 * eye, 1.2 * eye), (-60, -5), 14, 0.6, 0.0, foreground=False)


def flood(draw: Draw, air: Air) -> Place:
    """Build flooded land: water over fields or a road, with trees, posts and fences in it."""
    seed, scale = draw.seed(), draw.log_uniform(8, 60)
    ahead = float(fractal(plane(np.zeros(1), np.full(1, 9.0), scale), seed, 4)[0])
    dry, rough = ahead + draw.uniform(-0.05, 0.3), draw.uniform(0.15, 0.6)

    def height(x: Array, y: Array) -> Array:
        low = fractal(plane(x, y, scale), seed, 4) - dry
        return np.clip(rough * low, -1.0, 1.2) + far(x, y)

    far, _ = far_relief(draw, 0.5)
    grid = fan(0.7, FAR, 180, 240)
    ground = height(grid.x, grid.y)
    name = draw.choice(("meadow", "lush", "dry", "gravel", "moor", "autumn"))
    surface(grid, ground, ground_material(draw, air, name), 0)
    look = draw_look(
        draw, air, ("brown", "mud", "mud", "olive", "gray", "green"), draw.uniform(0, 0.5)
    )
    pool(grid, ground, 0.0, air, look, draw.log_uniform(0.05, 0.5))
    anywhere = within(height, -1e9)
    shore_parts.near_trees(draw, air, height, (6, 60), anywhere, 10)
    if draw.chance(0.6):
        shore_parts.wood(draw, air, height, (20, 600), anywhere, 400)
    if draw.chance(0.5):
        heading = draw.uniform(-0.7, 0.7)
        along = np.arange(3.0, 70, 2.5)
        side = draw.uniform(-4, 4)
        x, y = side + along * np.sin(heading), along * np.cos(heading)
        line = np.stack([x, y, np.maximum(height(x, y), -0.3)], axis=-1)
        wood = materials.plain(air, draw.near_colors(("6b5d4e", "8d7d6a")))
        place(buildings.fence(line, draw.rng, wood), index=UPRIGHT_INDEX)
    if draw.chance(0.35):
        spots = shore_parts.sector(draw, height, draw.integer(1, 8), (20, 150), anywhere)
        houses(draw, air, spots)
    if draw.chance(0.5):
        dress(draw, air, height, Cover(woods=0.0, trees=0.3, bushes=1.2, rocks=0.1), anywhere)
    return Place(height, (1.1, draw.choice((2.4, 12.0))), (-16, 6), 14, 0.5, 0.0)
