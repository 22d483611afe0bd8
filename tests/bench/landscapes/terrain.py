"""Ground as a height field whose mesh is as fine everywhere as the picture needs; rocks on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .build import Shape, grid_faces, place_large, place_many
from .noise import fractal, perlin, plane, ridged, smooth_step

Array = NDArray[np.float64]
Rng = np.random.Generator
Height = Callable[[Array, Array], Array]
"""Height in meters over places x, y."""
Keep = Callable[[Array, Array], NDArray[np.bool_]]
"""Which of places x, y may be used."""


def ground(height: Height, material: Any, far: float = 3000.0, rows: int = 300) -> Any:
    """A fan of ground from just before the camera to `far` meters, a row 2 to 3 % behind the last.

    It spans 50 degrees to either side of the way ahead.
    """
    away = np.geomspace(0.7, far, rows)[:, None]
    across = np.linspace(-1.2, 1.2, 400)
    x, y = away * across, away + 0 * across
    shape = Shape()
    points = np.stack([x, y, height(x, y)], axis=-1)
    shape.add(points.reshape(-1, 3), grid_faces(*x.shape))
    return place_large(shape.mesh("ground", [material], smooth=True))


def bumps(x: Array, y: Array, scale: float, size: float, seed: int, octaves: int = 5) -> Array:
    """Rolling ground: waves `scale` meters long, about `size` meters high."""
    return size * fractal(plane(x, y, scale), seed, octaves)


def peaks(x: Array, y: Array, scale: float, size: float, seed: int) -> Array:
    """Mountains `size` meters high, crests `scale` meters apart."""
    return size * ridged(plane(x, y, scale), seed, 7)


def meander(y: Array, swing: float, length: float, start: float = 0.0) -> Array:
    """Where a winding river or road crosses distance y: x in meters."""
    return start + swing * np.sin(2 * np.pi * y / length) * smooth_step(y, 0, length / 2)


def boulder(material: Any, seed: int, squash: float = 0.7) -> Any:
    """A mesh of a rock about one meter in radius, angular and rough."""
    points, faces = _sphere(28, 40)
    facets = np.abs(perlin(points * 1.1, seed)) * 0.45
    rough = fractal(points * 1.9, seed + 1, 5, 0.55) * 0.35
    points = points * (0.85 - facets + rough)[:, None] * [1.15, 0.9, squash]
    shape = Shape()
    shape.add(points, faces)
    return shape.mesh("boulder", [material], smooth=True)


def _sphere(rows: int, columns: int) -> tuple[Array, NDArray[np.int64]]:
    """Unit vectors (rows * columns, 3) from pole to pole and the quads between them."""
    down = np.linspace(0.0, np.pi, rows)[:, None]
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    flat = np.sin(down)
    points = np.stack([flat * np.cos(turn), flat * np.sin(turn), np.cos(down) + 0 * turn], -1)
    return points.reshape(-1, 3), grid_faces(rows, columns, closed=True)


def arch(material: Any, span: float, rise: float, thick: float, seed: int) -> Any:
    """A mesh of a rock arch across x: a bowed, weathered tube, thicker at its feet."""
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


def spots(rng: Rng, height: Height, count: int, near: float, far: float, **where: Any) -> Array:
    """Random places (N, 3) on the ground between two distances, as dense as the picture shows.

    where: `side`, how far to the left and right, as a share of the distance (0.7); `keep`, a
    function of x, y that says which may stay; `even`, 0 for as many in each doubling of distance,
    1 for as many a square meter (0.5).
    """
    even, side = where.get("even", 0.5), where.get("side", 0.7)
    share = rng.uniform(0, 1, count)
    power = 2.0 * even
    if power:
        y = (near**power + share * (far**power - near**power)) ** (1 / power)
    else:
        y = near * (far / near) ** share
    x = y * rng.uniform(-side, side, count)
    keep = where.get("keep")
    if keep is not None:
        kept = keep(x, y)
        x, y = x[kept], y[kept]
    return np.stack([x, y, height(x, y)], axis=-1)


def on_ground(places: Any, height: Height) -> Array:
    """Places (N, 2) with the ground's height: (N, 3)."""
    x, y = np.asarray(places, float).T
    return np.stack([x, y, height(x, y)], axis=-1)


def rocks(rng: Rng, material: Any, height: Height, found: Any) -> None:
    """Boulders, rows (x, y, radius), a little sunk into the ground."""
    rows = np.asarray(found, float)
    feet = on_ground(rows[:, :2], height) - [0, 0, 0.1] * rows[:, 2:]
    place_many([boulder(material, n) for n in range(3)], feet, rows[:, 2], rng, 0.2)
