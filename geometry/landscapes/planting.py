"""Scatter plants over the ground: grass near the camera, woods far from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import plants
from .meshes import Rng, Shape, place_many, place_merged
from .terrain import Height, random_positions

Span = tuple[float, float]


def sow(
    rng: Rng,
    meshes: Sequence[Any],
    height: Height,
    count: int,
    reach: Span,
    sizes: Span,
    **where: Any,
) -> None:
    """Place objects of randomly chosen meshes at random positions on the ground.

    Args:
        rng: The random generator.
        meshes: The meshes to choose from.
        height: The ground's height.
        count: How many, fewer where `where` excludes some.
        reach: The smallest and the largest distance in meters.
        sizes: The smallest and the largest scale factor.
        **where: As for `terrain.random_positions`.
    """
    positions = random_positions(rng, height, count, *reach, **where)
    place_many(meshes, positions, rng.uniform(*sizes, len(positions)), rng)


def grass(
    rng: Rng, blades: Any, height: Height, count: int, reach: Span, sizes: Span, **where: Any
) -> None:
    """Scatter tufts of grass of a material; see `sow`."""
    sow(rng, [plants.tuft(rng).mesh("tuft", [blades])], height, count, reach, sizes, **where)


def wood(
    rng: Rng,
    shapes: Sequence[Shape],
    materials: Sequence[Any],
    height: Height,
    count: int,
    reach: Span,
    sizes: Span,
    **where: Any,
) -> None:
    """Scatter trees of simple shapes as one object; materials: of bark and leaves. See `sow`."""
    positions = random_positions(rng, height, count, *reach, **where)
    place_merged(shapes, materials, positions, rng.uniform(*sizes, len(positions)), rng)
