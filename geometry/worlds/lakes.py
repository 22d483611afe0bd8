"""Worlds with standing water: lakes, park ponds, frozen lakes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..landscapes.materials import Air, material, mottled
from ..landscapes.nodes import Tree, rgb
from ..landscapes.noise import fractal, plane
from ..landscapes.terrain import Height, Keep
from . import boats, shore_parts
from .draw import Draw
from .houses import houses
from .labels import FLAT_INDEX
from .place import Place
from .scatter import Cover, dress
from .water_land import (
    Shore,
    banked,
    clumped,
    draw_bank,
    far_relief,
    ground_material,
    sea_level,
    within,
    wobble,
)
from .water_surface import Fan, draw_look, fan, pool, surface

Array = NDArray[np.float64]
FAR = 40_000.0
LAKES = ("blue", "green", "turquoise", "milky", "gray", "black", "olive", "navy", "brown")


def oval(draw: Draw, long: float, wide: float, back: float) -> Shore:
    """Return the shore of a lake ahead whose edge is `back` meters from the origin.

    long, wide: Half its sizes along y and x, in meters.
    """
    middle_x, middle_y = wide * draw.uniform(-0.6, 0.6), back + long
    small = min(wide, long)
    edge = wobble(0.7 * small, 0.25 * small, draw.seed())
    fine = wobble(0.08 * small + 2, 0.015 * small + 0.2, draw.seed(), 3)

    def raw(x: Array, y: Array) -> Array:
        around = np.hypot((x - middle_x) / wide, (y - middle_y) / long)
        return around * small + edge(x, y) + fine(x, y)

    start = float(raw(np.zeros(1), np.zeros(1))[0])
    return lambda x, y: raw(x, y) - start + back


def _relief(draw: Draw) -> tuple[Height, float | None]:
    return far_relief(draw, 0.12)


def lake(draw: Draw, air: Air) -> Place:
    """Build a lake, a mirror to choppy, with its shores, woods, mountains, reeds, piers, boats."""
    long = draw.log_uniform(18, 2500)
    shore = oval(draw, long, long * draw.log_uniform(0.5, 2.5), draw.log_uniform(0.6, 14))
    far, snow_line = _relief(draw)
    bank = draw_bank(draw)
    height = banked(shore, bank, far, draw.seed())
    grid = fan(0.7, FAR, 190, 240)
    ground = height(grid.x, grid.y)
    surface(grid, ground, ground_material(draw, air, "", snow_line), 0)
    wild = draw.choice((0.0, 0.12, draw.uniform(0.1, 0.6)), (3, 2, 2))
    look = draw_look(draw, air, LAKES, wild)
    pool(grid, ground, 0.0, air, look, draw.log_uniform(0.2, 3.0))
    _on_shore(draw, air, height, shore, min(2 * long, 700))
    eye = draw.choice(((1.0, 2.4), (2.0, 9.0), (8.0, 70.0)), (4, 1, 1))
    return Place(height, eye, (-15, 10), 14, 0.6, 0.0)


def _on_shore(draw: Draw, air: Air, height: Height, shore: Shore, reach: float) -> None:
    """Add what grows and stands at a lake."""
    ashore = within(shore, 1.5)
    if draw.chance(0.7):
        shore_parts.wood(draw, air, height, (14, 40 + 1.6 * reach), ashore)
    if draw.chance(0.5):
        shore_parts.wood(draw, air, height, (12, 30 + 1.6 * reach), within(shore, 1.5, 25), 500)
    if draw.chance(0.35):
        shore_parts.near_trees(draw, air, height, (5, 60), ashore)
    if draw.chance(0.2):
        spots = shore_parts.sector(draw, height, draw.integer(1, 14), (30, 1.5 * reach), ashore)
        houses(draw, air, spots)
    if draw.chance(0.4):
        dress(draw, air, height, Cover(woods=0.0, trees=0.5, rocks=0.3), ashore)
    _at_edge(draw, air, height, shore, reach)


def _at_edge(draw: Draw, air: Air, height: Height, shore: Shore, reach: float) -> None:
    """Add what stands and floats at a lake's edge and on it."""
    afloat = within(shore, -1e9, -1.5)
    if draw.chance(0.4):
        edge = clumped(draw, within(shore, draw.uniform(-2.5, 0), 0.6), 8, draw.uniform(0.2, 0.9))
        shore_parts.reeds(draw, air, shore_parts.sector(draw, height, 450, (3, 60), edge))
    if draw.chance(0.25):
        lily_pads(draw, air, afloat)
    if draw.chance(0.4):
        near = within(shore, -3, 3)
        spots = shore_parts.sector(draw, height, draw.integer(3, 120), (2.5, 80), near)
        shore_parts.stones(draw, air, spots, draw.log_uniform(0.2, 1.6))
    if draw.chance(0.25):
        for x, y, _ in shore_parts.sector(draw, height, 1, (2.5, 30), within(shore, 0, 1)):
            boats.pier(draw, air, (x, y), draw.uniform(-1.0, 1.0), draw.log_uniform(4, 40))
    if draw.chance(0.15):
        spots = shore_parts.sector(draw, sea_level, draw.integer(3, 25), (4, 40), afloat)
        boats.posts(draw, air, spots)
    boats.boats(draw, air, draw.choice((0, 4)), (9, reach), afloat)


def lily_pads(draw: Draw, air: Air, afloat: Keep) -> None:
    """Add clumps of lily pads to water."""
    clumps = clumped(draw, afloat, draw.uniform(3, 12), 0.45)
    shore_parts.lilies(draw, air, shore_parts.sector(draw, sea_level, 900, (2.5, 50), clumps))


def pond(draw: Draw, air: Air) -> Place:
    """Build a pond in a park or a garden: lawn, trees, bushes, lily pads, a rim of stones."""
    long = draw.log_uniform(3, 22)
    shore = oval(draw, long, long * draw.log_uniform(0.6, 2.0), draw.log_uniform(0.8, 7))
    far, _ = far_relief(draw, 0.7)
    bank = replace(draw_bank(draw), slope=0.0, rise=draw.uniform(0.1, 0.5), deep=1.5)
    height = banked(shore, bank, far, draw.seed())
    grid = fan(0.6, FAR, 170, 240)
    ground = height(grid.x, grid.y)
    name = draw.choice(("lush", "meadow", "dry", "autumn", "gravel", "forest"))
    surface(grid, ground, ground_material(draw, air, name), 0)
    look = draw_look(draw, air, ("green", "olive", "black", "brown", "mud", "gray", "blue"), 0.05)
    pool(grid, ground, 0.0, air, look, draw.log_uniform(0.1, 1.0))
    ashore = within(shore, 0.6)
    shore_parts.near_trees(draw, air, height, (4, 50), ashore, 12)
    shore_parts.wood(draw, air, height, (16, 150), ashore, 250)
    dress(draw, air, height, Cover(woods=0.0, trees=0.7, bushes=1.6, grass=1.4), ashore)
    if draw.chance(0.5):
        lily_pads(draw, air, within(shore, -1e9, -0.3))
    if draw.chance(0.45):
        spots = shore_parts.sector(draw, height, 350, (1.5, 45), within(shore, -0.35, 0.35))
        shore_parts.stones(draw, air, spots, draw.uniform(0.25, 0.8))
    if draw.chance(0.4):
        wet = within(shore, -0.8, 0.2)
        shore_parts.reeds(draw, air, shore_parts.sector(draw, height, 120, (2, 40), wet))
    if draw.chance(0.35):
        houses(draw, air, shore_parts.sector(draw, height, draw.integer(1, 6), (30, 120), ashore))
    return Place(height, (0.9, 2.6), (-25, 6), 14, 0.5, 0.0)


def ice_material(draw: Draw, air: Air) -> Any:
    """Return a material of ice with snow on parts of it and cracks through it."""
    clear = draw.near_colors(
        draw.choice((("8aa4ae", "5c7a88"), ("c8d4da", "a8bcc6"), ("3c5058", "5c6c70")))
    )
    snowed, scale = draw.uniform(0.3, 0.75), draw.log_uniform(0.04, 0.6)
    gloss, cracks = draw.uniform(0.05, 0.3), draw.log_uniform(0.04, 0.5)

    def shader(tree: Tree) -> Any:
        at = tree.position()
        color = mottled(tree, at, clear, scale)
        warped = tree.vector("ADD", at, tree.vector("SCALE", tree.noise(at, 0.3, 2.0), 4.0))
        inputs = {"Vector": warped, "Scale": cracks}
        edge = tree.add("TexVoronoi", inputs, 0, feature="DISTANCE_TO_EDGE")
        color = tree.mix(tree.step(edge, 0.02, 0.005), color, rgb("e4ecf0"))
        cover = tree.step(tree.noise(at, scale, 5.0, 0.6), snowed, snowed + 0.05)
        color = tree.mix(cover, color, rgb("eef2f6"))
        rough = tree.mix(cover, gloss, 0.9, "FLOAT")
        inputs = {"Base Color": color, "Roughness": rough, "Specular IOR Level": 0.4}
        return tree.add("BsdfPrincipled", inputs)

    return material("ice", air, shader)


def frozen_lake(draw: Draw, air: Air) -> Place:
    """Build a lake with ice: closed and partly snowed, broken open, or in drifting pieces."""
    long = draw.log_uniform(20, 1500)
    shore = oval(draw, long, long * draw.log_uniform(0.5, 2.5), draw.log_uniform(0.6, 12))
    far, snow_line = _relief(draw)
    height = banked(shore, draw_bank(draw), far, draw.seed())
    grid = fan(0.7, FAR, 190, 240)
    ground = height(grid.x, grid.y)
    name = draw.choice(("snow", "snow", "gravel", "moor", "dry"))
    surface(grid, ground, ground_material(draw, air, name, snow_line), 0)
    kind = draw.choice(("closed", "open", "drift"), (2, 2, 2))
    if kind != "closed":
        look = draw_look(draw, air, ("black", "navy", "gray", "blue", "turquoise"), 0.1)
        pool(grid, ground, 0.0, air, look, 0.3)
    if kind != "drift":
        _sheet(draw, air, grid, ground, kind == "closed")
    else:
        afloat = within(shore, -1e9, -0.5)
        spots = shore_parts.sector(draw, sea_level, 900, (2.5, 20 + 2 * long), afloat)
        sizes = draw.log_uniform(0.5, 5) * np.exp(draw.rng.normal(0, 0.6, len(spots)))
        sizes *= np.sqrt(1 + spots[:, 1] / 60)
        spots[:, 2] += 0.002 * np.arange(len(spots)) / max(len(spots), 1)
        shore_parts.floes(draw, air, spots, sizes, FLAT_INDEX)
    ashore = within(shore, 2)
    if draw.chance(0.75):
        shore_parts.wood(draw, air, height, (14, 60 + 1.6 * min(2 * long, 700)), ashore)
    dress(draw, air, height, Cover(woods=0.0, grass=0.3, rocks=0.6, snow=0.3), ashore)
    return Place(height, (1.0, draw.choice((2.4, 20.0))), (-15, 8), 14, 0.6, 0.0)


def _sheet(draw: Draw, air: Air, grid: Fan, ground: Array, closed: bool) -> None:
    """Add ice that covers the water of a fan, or leaves parts of it open."""
    top: Any = 0.04
    if not closed:
        scale = draw.log_uniform(8, 120)
        cover = fractal(plane(grid.x, grid.y, scale), draw.seed(), 5) - draw.uniform(-0.25, 0.2)
        top = np.clip(2 * cover, -0.5, 0.04)  # under the water where the ice is open
    surface(grid, top, ice_material(draw, air), FLAT_INDEX, ground < 0.3)
