"""Ground as a height field whose mesh is as fine as the image needs, and rocks on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .meshes import Shape, grid_faces, place_large, place_many
from .noise import fractal, perlin, plane, ridged, smooth_step

Array = NDArray[np.float64]
Rng = np.random.Generator
Height = Callable[[Array, Array], Array]
"""Height in meters at positions x, y."""
Keep = Callable[[Array, Array], NDArray[np.bool_]]
"""Which of the positions x, y may be used."""


def ground(
    height: Height,
    material: Any,
    far: float = 3000.0,
    rows: int = 300,
    columns: int = 400,
    side: float = 1.2,
) -> Any:
    """Add a fan of ground from 0.7 meters in front of the camera to `far` meters.

    Args:
        height: Its height.
        material: Its material.
        far: Distance of its end in meters.
        rows: With the default, each row is 2 to 3 % farther away than the one before.
        columns: Number of vertices in a row.
        side: Reach to either side as a fraction of the distance.
    """
    away = np.geomspace(0.7, far, rows)[:, None]
    across = np.linspace(-side, side, columns)
    x, y = away * across, away + 0 * across
    shape = Shape()
    points = np.stack([x, y, height(x, y)], axis=-1)
    shape.add(points.reshape(-1, 3), grid_faces(*x.shape))
    return place_large(shape.mesh("ground", [material], smooth=True))


def bumps(x: Array, y: Array, scale: float, size: float, seed: int, octaves: int = 5) -> Array:
    """Return the height of rolling ground: bumps about `size` meters high every `scale` meters."""
    return size * fractal(plane(x, y, scale), seed, octaves)


def peaks(x: Array, y: Array, scale: float, size: float, seed: int) -> Array:
    """Return the height of mountains: `size` meters high, ridges `scale` meters apart."""
    return size * ridged(plane(x, y, scale), seed, 7)


def meander(y: Array, swing: float, length: float, start: float = 0.0) -> Array:
    """Return the x at which a winding river or road crosses distance y, in meters."""
    return start + swing * np.sin(2 * np.pi * y / length) * smooth_step(y, 0, length / 2)


def boulder(material: Any, seed: int, squash: float = 0.7) -> Any:
    """Return a mesh of a rough, angular rock about one meter in radius."""
    points, faces = sphere(28, 40)
    facets = np.abs(perlin(points * 1.1, seed)) * 0.45
    rough = fractal(points * 1.9, seed + 1, 5, 0.55) * 0.35
    points = points * (0.85 - facets + rough)[:, None] * [1.15, 0.9, squash]
    shape = Shape()
    shape.add(points, faces)
    return shape.mesh("boulder", [material], smooth=True)


def sphere(rows: int, columns: int, gap: float = 0.0) -> tuple[Array, NDArray[np.int64]]:
    """Return unit vectors (rows * columns, 3) from pole to pole and the quads between them.

    gap: Angle in radians around the poles that is left open.
    """
    down = np.linspace(gap, np.pi - gap, rows)[:, None]
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    flat = np.sin(down)
    points = np.stack([flat * np.cos(turn), flat * np.sin(turn), np.cos(down) + 0 * turn], -1)
    return points.reshape(-1, 3), grid_faces(rows, columns, closed=True)


def arch(material: Any, span: float, rise: float, thick: float, seed: int) -> Any:
    """Return a mesh of a rock arch across x: a bent, weathered tube that is thicker at its feet."""
    turn = np.linspace(-0.12, np.pi + 0.12, 90)
    spine = np.stack([span * np.cos(turn), 0 * turn, rise * np.sin(turn)], axis=-1)
    shape = Shape()
    shape.tube(spine, thick * (1 + 1.1 * np.abs(np.cos(turn)) ** 3), sides=40)
    points = shape.vertices[0]
    away = points - np.repeat(spine, 40, axis=0)
    layers = 0.16 * fractal(points * [0.05, 0.05, 0.7] / thick, seed, 4)
    rough = 0.5 * fractal(points / (2.2 * thick), seed + 5, 6, 0.55) + layers
    shape.vertices[0] = points + away * rough[:, None]
    return shape.mesh("arch", [material], smooth=True)


def random_positions(
    rng: Rng, height: Height, count: int, near: float, far: float, **where: Any
) -> Array:
    """Return random positions (N, 3) on the ground between two distances, denser up close.

    Args:
        rng: The random generator.
        height: The ground's height.
        count: The number of positions before `keep` removes some.
        near: The smallest distance in meters.
        far: The largest distance in meters.
        **where: `side`, the largest |x| as a fraction of the distance (0.7); `keep`, a function of
            x, y that tells which to keep; `even`, 0 for equal numbers per doubling of the distance
            to 1 for equal numbers per square meter (0.5).
    """
    even, side = where.get("even", 0.5), where.get("side", 0.7)
    fraction = rng.uniform(0, 1, count)
    power = 2.0 * even
    if power:
        y = (near**power + fraction * (far**power - near**power)) ** (1 / power)
    else:
        y = near * (far / near) ** fraction
    x = y * rng.uniform(-side, side, count)
    keep = where.get("keep")
    if keep is not None:
        kept = keep(x, y)
        x, y = x[kept], y[kept]
    return np.stack([x, y, height(x, y)], axis=-1)


def on_ground(positions: Any, height: Height) -> Array:
    """Return positions (N, 2) with the ground's height added, (N, 3)."""
    x, y = np.asarray(positions, float).T
    return np.stack([x, y, height(x, y)], axis=-1)


def rocks(rng: Rng, material: Any, height: Height, stones: Any) -> None:
    """Add boulders that are slightly sunk into the ground; stones: rows (x, y, radius)."""
    rows = np.asarray(stones, float)
    feet = on_ground(rows[:, :2], height) - [0, 0, 0.1] * rows[:, 2:]
    place_many([boulder(material, n) for n in range(3)], feet, rows[:, 2], rng, 0.2)
