"""Trees, bushes and grass as meshes of small faces, each made once and placed many times."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .meshes import Shape

Array = NDArray[np.float64]
BARK, LEAF = 0, 1


def conifer(rng: np.random.Generator, whorls: int = 26) -> Shape:
    """Return a spruce one meter high; use fewer whorls for distant ones."""
    shape = Shape()
    _trunk(shape, np.array([[0, 0, -0.03], [0, 0, 0.5], [0, 0, 1.0]]), [0.022, 0.014, 0.001])
    for level in np.linspace(0.08, 0.985, whorls) ** 0.95:
        reach = 0.23 * (1 - level) ** 0.85 * rng.uniform(0.8, 1.15) + 0.008
        count = 9 if whorls > 16 else 7
        turns = np.arange(count) * 2 * np.pi / count + rng.uniform(0, 6.28)
        for turn in turns + rng.normal(0, 0.15, count):
            _bough(shape, rng, level, turn, reach * rng.uniform(0.75, 1.15), whorls)
    return shape


def _bough(
    shape: Shape, rng: np.random.Generator, level: float, turn: float, reach: float, whorls: int
) -> None:
    """Add one bough: pairs of drooping twigs along a line that sinks outward."""
    twigs = 7 if whorls > 16 else 3
    along = np.linspace(0.1, 1.0, twigs)
    out = np.array([np.cos(turn), np.sin(turn), 0.0])
    side = np.array([-out[1], out[0], 0.0])
    sink = -0.32 + 0.45 * level + rng.normal(0, 0.05)
    start = out * (along * reach)[:, None]
    start[:, 2] = level + reach * (sink * along + 0.12 * along**2)
    long = reach * (0.42 * (1 - along) + 0.2) * (1.0 if twigs > 3 else 1.5)
    for sign in (-1, 1):
        tip = start + side * (sign * long)[:, None] + out * (0.6 * long)[:, None]
        tip[:, 2] -= long * rng.uniform(0.15, 0.6, twigs)
        broad = out * (0.9 * reach / twigs)
        shape.triangles(start - 0.5 * broad, start + broad, tip, LEAF)


def _trunk(shape: Shape, spine: Array, radii: Any) -> None:
    """Add a tapered stem along a polyline."""
    shape.tube(np.asarray(spine, float), radii, 7, BARK)


def broadleaf(
    rng: np.random.Generator,
    count: int = 5000,
    width: float = 0.34,
    bare: float = 0.25,
    size: float = 0.009,
) -> Shape:
    """Return a leafy tree one meter high: stem, limbs, and clumps of leaves.

    Args:
        rng: The random generator.
        count: The number of leaves.
        width: The crown's radius.
        bare: The height at which the crown begins.
        size: Half the length of a leaf.
    """
    shape = Shape()
    middle = np.array([0, 0, 0.5 * (1 + bare)])
    reach = np.array([width, width, 0.5 * (1 - bare)])
    away = _directions(rng, 34) * rng.uniform(0.45, 0.85, (34, 1))
    clumps = middle + away * reach
    _trunk(shape, np.array([[0, 0, -0.05], [0.01, 0, bare], [0, 0.01, 0.8]]), [0.034, 0.022, 0.006])
    for clump in clumps[::2]:
        foot = np.array([0, 0, min(clump[2] - 0.08, 0.7) * 0.8])
        bow = 0.5 * (foot + clump) + [0, 0, -0.02]
        _trunk(shape, np.stack([foot, bow, clump]), [0.012, 0.008, 0.003])
    which = rng.integers(len(clumps), size=count)
    spread = rng.uniform(0.12, 0.2, len(clumps))[which, None] * np.array([1, 1, 0.75])
    shell = rng.uniform(0.35, 1.0, (count, 1)) ** 0.5
    centers = clumps[which] + _directions(rng, count) * spread * shell * (reach / reach.max())
    _leaves(shape, rng, centers, size)
    return shape


def _directions(rng: np.random.Generator, count: int) -> Array:
    """Return random unit vectors (count, 3)."""
    vectors = rng.normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _leaves(shape: Shape, rng: np.random.Generator, centers: Array, size: float) -> None:
    """Add randomly rotated quads at centers (N, 3)."""
    right = _directions(rng, len(centers))
    up = np.cross(right, _directions(rng, len(centers)))
    half = size * rng.uniform(0.6, 1.4, (len(centers), 1))
    shape.quads(centers, right * half, up * half, LEAF)


def bush(rng: np.random.Generator, count: int = 1500) -> Shape:
    """Return a bush about one meter high with leaves down to the ground."""
    shape = Shape()
    clumps = np.column_stack([rng.normal(0, 0.3, (9, 2)), rng.uniform(0.15, 0.6, 9)])
    for clump in clumps:
        _trunk(shape, np.stack([[0, 0, -0.05], 0.5 * clump, clump]), [0.02, 0.014, 0.006])
    which = rng.integers(len(clumps), size=count)
    centers = clumps[which] + _directions(rng, count) * rng.uniform(0.1, 0.32, (count, 1))
    _leaves(shape, rng, centers[centers[:, 2] > 0.0], 0.03)
    return shape


def tuft(
    rng: np.random.Generator, count: int = 60, spread: float = 0.18, wide: float = 0.009
) -> Shape:
    """Return a tuft of grass or reed about one meter high, of bent blades."""
    shape = Shape()
    foot = np.column_stack([rng.normal(0, spread, (count, 2)), np.full(count, -0.05)])
    lean = np.column_stack([rng.normal(0, 0.22, (count, 2)), rng.uniform(0.55, 1.0, count)])
    across = np.cross(lean, _directions(rng, count))
    across *= wide / np.linalg.norm(across, axis=1, keepdims=True)
    knee = foot + 0.6 * lean
    tip = foot + lean * [1.5, 1.5, 1.0]
    shape.triangles(foot - across, foot + across, knee + 0.7 * across)
    shape.triangles(foot - across, knee + 0.7 * across, knee - 0.7 * across)
    shape.triangles(knee - 0.7 * across, knee + 0.7 * across, tip)
    return shape
