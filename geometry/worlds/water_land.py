"""Land around water: banks that rise from a shore, hills and mountains beyond, its materials.

A shore is a function of x, y: the distance in meters from the water's edge, negative on the water.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..landscapes import materials
from ..landscapes.materials import Air
from ..landscapes.noise import fractal, plane, ridged, smooth_step
from ..landscapes.terrain import Height, Keep, bumps
from .draw import Draw

Array = NDArray[np.float64]
Shore = Callable[[Array, Array], Array]
GROUNDS = {
    "meadow": ("5a6a32", "7a7a46", "68703c"),
    "lush": ("33521f", "4c7230", "5f8a3e"),
    "dry": ("a08f5c", "b8a674", "8a7a4c"),
    "forest": ("1e3018", "2e4422", "3c5030"),
    "moor": ("6a5a3a", "4c4a2c", "7a6a4a"),
    "autumn": ("8a6a2c", "a8843a", "6a5a2c"),
    "desert": ("c09a6c", "d8b488", "a67c50"),
    "gravel": ("8a847a", "a49c90", "6e685e"),
    "snow": ("e4eaf0", "f2f5f8", "d2dbe4"),
    "black": ("3a3634", "4a4440", "2a2624"),
}
GROUND_WEIGHTS = (4, 3, 2, 3, 2, 1.5, 1, 1.5, 1.5, 0.5)
ROCKS = (
    ("6d655c", "8d867c", "4f4a45"),
    ("8a7462", "b09a80", "5c4d42"),
    ("a8643c", "c07c4e", "7a4428"),
    ("3c3a3a", "545050", "262424"),
    ("b8b2a4", "d4cfc2", "8e887c"),
)
SANDS = (
    ("d8c49a", "e4d4ae", "c4ac80"),
    ("c8a878", "d8bc90", "b09060"),
    ("e8e2d2", "f2eee2", "d8d0bc"),
    ("8a7c6c", "9c8e7c", "76685a"),
    ("4a4644", "5a5654", "38343a"),
    ("b08a5c", "c49c6c", "946e46"),
)


def ground_material(draw: Draw, air: Air, name: str = "", snow_line: float | None = None) -> Any:
    """Return a random material of land; name: one of GROUNDS, random by default."""
    name = name or draw.choice(tuple(GROUNDS), GROUND_WEIGHTS)
    low = draw.uniform(0.45, 0.75)
    return materials.land(
        air,
        draw.near_colors(GROUNDS[name]),
        draw.near_colors(draw.choice(ROCKS)),
        (low, low + draw.uniform(0.08, 0.25)),
        snow_line,
        draw.log_uniform(0.2, 1.2),
        draw.uniform(0.03, 0.15),
    )


def far_relief(draw: Draw, none: float = 0.15) -> tuple[Height, float | None]:
    """Return the height of what rises in the distance, and its snow line if it has one.

    none: Probability that nothing rises.
    """
    if draw.chance(none):
        return sea_level, None
    seed = draw.seed()
    if draw.chance(0.5):
        size, scale = draw.log_uniform(15, 180), draw.log_uniform(250, 1500)
        start = draw.log_uniform(80, 900)

        def hills(x: Array, y: Array) -> Array:
            wave = np.clip(0.35 + 0.9 * fractal(plane(x, y, scale), seed, 4), 0, 2)
            return smooth_step(np.hypot(x, y), start, 4 * start) * size * wave

        return hills, None
    size, scale = draw.log_uniform(200, 1600), draw.log_uniform(1200, 5000)
    start = draw.log_uniform(300, 2500)
    opening, turned = draw.uniform(0.0, 0.5), draw.uniform(-0.5, 0.5)

    def mountains(x: Array, y: Array) -> Array:
        away = np.hypot(x, y)
        valley = smooth_step(np.abs(np.arctan2(x, y) - turned), 0.5 * opening, opening + 0.2)
        high = ridged(plane(x, y, scale), seed, 6) * (0.25 + 0.75 * valley)
        return smooth_step(away, start, 4 * start) * size * high

    line = size * draw.uniform(0.25, 0.9) if draw.chance(0.6) else None
    return mountains, line


def within(shore: Shore, low: float, high: float = 1e9) -> Keep:
    """Return which positions are `low` to `high` meters from the water's edge."""

    def keep(x: Array, y: Array) -> NDArray[np.bool_]:
        away = shore(x, y)
        return (away > low) & (away < high)

    return keep


def clumped(draw: Draw, keep: Keep, scale: float, share: float) -> Keep:
    """Return which of the kept positions are in clumps of about `scale` meters.

    share: How many of them are, about 0 to 1.
    """
    seed, edge = draw.seed(), 0.5 - share

    def inside(x: Array, y: Array) -> NDArray[np.bool_]:
        return keep(x, y) & (fractal(plane(x, y, scale), seed, 3) > edge)

    return inside


def sea_level(x: Array, y: Array) -> Array:
    """Return the height of still water."""
    return np.zeros(np.broadcast(x, y).shape)


@dataclass(frozen=True)
class Bank:
    """How land rises from a shore and falls under the water, in meters.

    Attributes:
        rise: Height of the bank.
        width: Distance over which it rises.
        steep: Slope of the ground under water.
        deep: Largest depth of the water.
        rough: Height of the land's bumps.
        scale: Distance between them.
        slope: Slope of the land beyond the bank.
    """

    rise: float = 0.6
    width: float = 3.0
    steep: float = 0.25
    deep: float = 6.0
    rough: float = 0.3
    scale: float = 15.0
    slope: float = 0.0


def draw_bank(draw: Draw) -> Bank:
    """Return a random bank."""
    return Bank(
        draw.log_uniform(0.15, 2.0),
        draw.log_uniform(0.8, 10.0),
        draw.log_uniform(0.06, 0.6),
        draw.uniform(1.5, 8.0),
        draw.log_uniform(0.05, 0.8),
        draw.log_uniform(8, 40),
        draw.choice((0.0, draw.uniform(0.0, 0.12), draw.uniform(0.05, 0.35))),
    )


def banked(shore: Shore, bank: Bank, far: Height, seed: int) -> Height:
    """Return the height of land around water whose level is 0.

    Args:
        shore: Distance from the water's edge.
        bank: The bank's profile.
        far: Height of what rises in the distance; it starts 20 meters from the shore.
        seed: Of the land's bumps.
    """

    def height(x: Array, y: Array) -> Array:
        away = shore(x, y)
        under = -np.minimum(bank.steep * np.maximum(-away, 0), bank.deep)
        inland = np.maximum(away, 0)
        top = bank.rise * smooth_step(inland, 0, bank.width)
        top = top + 220 * (1 - np.exp(-bank.slope * inland / 220))
        ramp = smooth_step(inland, 0.2, 25.0)
        rough = bumps(x, y, bank.scale, bank.rough, seed) * (0.15 + ramp)
        return (
            under + top + rough * smooth_step(away, -1, 3) + far(x, y) * smooth_step(away, 10, 250)
        )

    return height


def wobble(scale: float, size: float, seed: int, octaves: int = 4) -> Height:
    """Return irregularities of a shore, about `size` meters every `scale` meters."""
    return lambda x, y: size * fractal(plane(x, y, scale), seed, octaves)
