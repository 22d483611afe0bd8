"""Sows plants over the ground: grass near the camera, woods far from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import plants
from .build import Rng, Shape, place_many, place_merged
from .terrain import Height, spots

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
    """Place copies of meshes at about `count` places between two distances.

    sizes: the least and the largest; where: as of `terrain.spots`.
    """
    found = spots(rng, height, count, *reach, **where)
    place_many(meshes, found, rng.uniform(*sizes, len(found)), rng)


def grass(
    rng: Rng, blades: Any, height: Height, count: int, reach: Span, sizes: Span, **where: Any
) -> None:
    """Sow tufts of grass of a material."""
    sow(rng, [plants.tuft(rng).mesh("tuft", [blades])], height, count, reach, sizes, **where)


def wood(
    rng: Rng,
    shapes: Sequence[Shape],
    looks: Sequence[Any],
    height: Height,
    count: int,
    reach: Span,
    sizes: Span,
    **where: Any,
) -> None:
    """Sow trees of simple shapes as one object; looks: the materials of bark and leaves."""
    found = spots(rng, height, count, *reach, **where)
    place_merged(shapes, looks, found, rng.uniform(*sizes, len(found)), rng)
