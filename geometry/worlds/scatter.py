"""What grows and lies on a world's land: woods, single trees, bushes, grass and rocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..landscapes import materials, plants
from ..landscapes.materials import Air
from ..landscapes.meshes import Array, Shape, place_many, place_merged
from ..landscapes.noise import fractal, plane
from ..landscapes.terrain import Height, Keep, boulder, random_positions
from .draw import Draw
from .labels import FLAT_INDEX, UPRIGHT_INDEX

GREENS = (
    ("22392c", "2e4a38", "3a5a30"),
    ("4c5a2c", "6a6e38", "5a7a34"),
    ("2a4526", "3a5a30", "4a6a34"),
    ("6d7a30", "a39a3a", "c08a34"),
    ("b5561c", "d98a2b", "8a3d1a"),
    ("7a8a5a", "8f9a70", "66764a"),
)
GREEN_WEIGHTS = (3, 3, 3, 1, 1, 1)
BARK = ("4a3a2e", "6a5646")
STONES = (("8a857c", "6a655e", "a39d92", "3f3b37"), ("a8643c", "8a4e30", "c07c4e", "5e3826"))
FAR_TREES = 2500
"""Most trees in a wood."""


@dataclass(frozen=True)
class Cover:
    """How much of everything there is, as factors of what is usual; 0 for none."""

    woods: float = 1.0
    trees: float = 1.0
    bushes: float = 1.0
    grass: float = 1.0
    rocks: float = 1.0
    snow: float = 0.0


def _far_shapes(draw: Draw) -> list[Shape]:
    if draw.chance(0.5):
        return [plants.conifer(draw.rng, 7) for _ in range(3)]
    width = draw.uniform(0.22, 0.5)
    return [plants.broadleaf(draw.rng, 90, width, draw.uniform(0, 0.3), 0.05) for _ in range(3)]


def _near_shape(draw: Draw) -> Shape:
    if draw.chance(0.4):
        return plants.conifer(draw.rng, draw.integer(18, 30))
    count = int(draw.log_uniform(1200, 9000))
    size = draw.uniform(0.35, 0.7) / count**0.5
    bare = draw.uniform(0.05, 0.45)
    return plants.broadleaf(draw.rng, count, draw.uniform(0.2, 0.5), bare, size)


def dress(draw: Draw, air: Air, height: Height, cover: Cover, keep: Keep | None = None) -> None:
    """Scatter plants and rocks over the ground.

    Args:
        draw: The random choices.
        air: The haze.
        height: The ground's height.
        cover: How much of what.
        keep: Which positions are free; all by default.
    """
    bark = materials.plain(air, draw.near_colors(BARK))
    greens = draw.near_colors(draw.choice(GREENS, GREEN_WEIGHTS))
    leaves = materials.foliage(air, greens, snow=cover.snow, sheer=0.3)
    if draw.chance(0.7 * cover.woods):
        _woods(draw, height, keep, [bark, leaves])
    if draw.chance(0.6 * cover.trees):
        _trees(draw, height, keep, [bark, leaves])
    if draw.chance(0.5 * cover.bushes):
        shapes = [plants.bush(draw.rng, 300) for _ in range(2)]
        count = int(draw.log_uniform(5, 200))
        spots = random_positions(draw.rng, height, count, 4, 120, side=1.2, keep=keep)
        sizes = draw.rng.uniform(0.3, 2.0, len(spots))
        scatter(draw, shapes, [bark, leaves], spots, sizes)
    if draw.chance(0.5 * cover.grass):
        blades = materials.foliage(
            air, draw.near_colors(draw.choice((("7a8a3a", "9a9a50"), ("8f8a45", "b5a05a"))))
        )
        tufts = [plants.tuft(draw.rng, 14, 0.2, 0.012) for _ in range(3)]
        count = int(draw.log_uniform(100, 1500))
        spots = random_positions(draw.rng, height, count, 1.5, 25, side=1.2, keep=keep, even=0.4)
        sizes = draw.rng.uniform(0.1, draw.uniform(0.2, 0.8), len(spots))
        # Grass is ground, even where it sticks out.
        scatter(draw, tufts, [blades], spots, sizes, FLAT_INDEX)
    if draw.chance(0.5 * cover.rocks):
        scatter_rocks(draw, air, height, int(draw.log_uniform(3, 60)), keep)


def scatter_rocks(draw: Draw, air: Air, height: Height, count: int, keep: Keep | None) -> None:
    """Place boulders of many sizes on the ground."""
    stone = materials.rock(air, draw.near_colors(draw.choice(STONES, (3, 1))))
    spots = random_positions(draw.rng, height, count, 3.5, 60, side=1.1, keep=keep)
    sizes = draw.log_uniform(0.15, 1.2) * np.exp(draw.rng.normal(0, 0.5, len(spots)))
    spots[:, 2] -= 0.1 * sizes
    meshes = [boulder(stone, draw.integer(0, 9999), draw.uniform(0.4, 1)) for _ in range(2)]
    place_many(meshes, spots, sizes, draw.rng, 0.3, UPRIGHT_INDEX)


def scatter(
    draw: Draw,
    shapes: Sequence[Shape],
    slots: Sequence[Any],
    spots: Array,
    sizes: Array,
    index: int = UPRIGHT_INDEX,
) -> None:
    """Place copies of shapes as one object, if there are any positions (N, 3); sizes (N,)."""
    if len(spots):
        place_merged(shapes, slots, spots, np.asarray(sizes), draw.rng).pass_index = index


def _woods(draw: Draw, height: Height, keep: Keep | None, slots: list[Any]) -> None:
    """Add a wood or scattered groves of simple trees."""
    seed, open_share = draw.seed(), draw.uniform(-0.4, 0.35)
    scale = draw.log_uniform(30, 400)

    def groves(x: Array, y: Array) -> NDArray[np.bool_]:
        inside = fractal(plane(x, y, scale), seed, 3) > open_share
        return inside if keep is None else inside & keep(x, y)

    near = draw.log_uniform(15, 150)
    count = int(draw.log_uniform(100, FAR_TREES))
    where = {"side": 1.3, "keep": groves, "even": draw.uniform(0.2, 0.6)}
    spots = random_positions(draw.rng, height, count, near, near * draw.log_uniform(4, 20), **where)
    tall = draw.uniform(5, 22)
    sizes = tall * np.exp(draw.rng.normal(0, 0.25, len(spots)))
    scatter(draw, _far_shapes(draw), slots, spots, sizes)


def _trees(draw: Draw, height: Height, keep: Keep | None, slots: list[Any]) -> None:
    """Add single trees close by."""
    meshes = [_near_shape(draw).mesh("tree", slots) for _ in range(draw.integer(1, 2))]
    count = int(draw.log_uniform(1, 12))
    spots = random_positions(draw.rng, height, count, 6, 70, side=0.9, keep=keep)
    sizes = draw.uniform(3, 14) * np.exp(draw.rng.normal(0, 0.3, len(spots)))
    place_many(meshes, spots, sizes, draw.rng, 0.04, UPRIGHT_INDEX)
