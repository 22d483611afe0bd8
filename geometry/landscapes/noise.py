"""Seeded gradient noise in numpy, for the shapes of hills, rocks and shores.

Perlin noise (K. Perlin, *Improving Noise*, 2002) over a hashed lattice in two or three dimensions,
and sums of its octaves.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_PRIMES = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xC2B2AE3D27D4EB4F),
    np.uint64(0x165667B19E3779F9),
)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def perlin(points: Array, seed: int = 0) -> Array:
    """Return noise (...) of about -1..1 at points (..., D), D = 2 or 3; its period is about 1."""
    base = np.floor(points)
    offset = points - base
    fade = offset**3 * (offset * (offset * 6 - 15) + 10)
    lattice = base.astype(np.int64)
    total = np.zeros(points.shape[:-1])
    for corner in product((0, 1), repeat=points.shape[-1]):
        weight = np.prod(np.where(corner, fade, 1 - fade), axis=-1)
        total += weight * _slope(lattice + corner, offset - corner, seed)
    return total * 1.5


def _slope(lattice: NDArray[np.int64], offset: Array, seed: int) -> Array:
    """Evaluate the random gradients of lattice points (..., D) at offsets (..., D) from them."""
    total = np.zeros(offset.shape[:-1])
    for axis in range(offset.shape[-1]):
        total += offset[..., axis] * (2 * hashed(lattice, seed * 4 + axis) - 1)
    return total


def hashed(lattice: NDArray[np.int64], seed: int) -> Array:
    """Return random numbers (...) 0..1 that depend on lattice points (..., D) and a seed."""
    with np.errstate(over="ignore"):
        bits = np.uint64(seed + 1) * _MIX[0] + np.zeros(lattice.shape[:-1], np.uint64)
        for axis in range(lattice.shape[-1]):
            bits = (bits ^ (lattice[..., axis].astype(np.uint64) * _PRIMES[axis])) * _MIX[1]
            bits ^= bits >> np.uint64(29)
        bits = (bits ^ (bits >> np.uint64(32))) * _MIX[0]
        bits ^= bits >> np.uint64(29)
    return (bits >> np.uint64(11)).astype(np.float64) / 2.0**53


def fractal(points: Array, seed: int = 0, octaves: int = 5, gain: float = 0.5) -> Array:
    """Sum octaves of noise, each at twice the frequency and `gain` times the amplitude; -1..1."""
    levels = range(octaves)
    waves = (gain**n * perlin(points * 2.0**n + 17.3 * n, seed + n) for n in levels)
    return sum(waves, np.zeros(points.shape[:-1])) / sum(gain**n for n in levels)


def ridged(points: Array, seed: int = 0, octaves: int = 6, gain: float = 0.5) -> Array:
    """Return ridged noise 0..1: octaves of 1 - |noise|, finer ones strongest near the ridges."""
    total, weight = np.zeros(points.shape[:-1]), np.ones(points.shape[:-1])
    for n in range(octaves):
        crest = (1 - np.abs(perlin(points * 2.0**n + 9.7 * n, seed + n))) ** 2
        total += gain**n * weight * crest
        weight = np.clip(1.6 * crest * weight, 0, 1)
    return total / sum(gain**n for n in range(octaves))


def smooth_step(value: Array, low: float, high: float) -> Array:
    """Return a smooth step from 0 at `low` to 1 at `high`; `high` may be the smaller one."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def plane(x: Array, y: Array, scale: float) -> Array:
    """Return points (..., 2) at which noise has a period of about `scale` meters."""
    return np.stack(np.broadcast_arrays(x / scale, y / scale), axis=-1)
