"""Falling and rushing water: its streaky materials, and curtains that follow a rock's surface."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..landscapes.materials import Air, material
from ..landscapes.meshes import Shape, grid_faces, place_large
from ..landscapes.nodes import Tree, Value, rgb
from ..landscapes.noise import fractal, plane
from ..landscapes.terrain import Height, Keep
from .draw import Draw
from .labels import FALLS_INDEX

Array = NDArray[np.float64]
ALONG, ACROSS = "along", "across"
"""Attributes of a curtain's points: meters along the water's way and across it."""


def silk(draw: Draw, air: Air) -> Any:
    """Return a material of white water, streaked along its way, broken by gaps.

    Long exposures give soft, smooth streaks; short ones give grains.
    """
    smooth = draw.chance(0.5)
    fine, long = draw.log_uniform(1.2, 6.0), draw.uniform(0.02, 0.12 if smooth else 0.4)
    white, shade = draw.near_color("f2f5f6", 0.3), draw.near_color("a8b8be")
    gaps = draw.uniform(0.1, 0.42)

    def shader(tree: Tree) -> Any:
        at = _way(tree, fine, long)
        streaks = tree.noise(at, 1.0, 3.0 if smooth else 6.0, 0.55 if smooth else 0.7)
        color = tree.mix(tree.step(streaks, 0.3, 0.62), rgb(shade), rgb(white))
        lit = tree.add("BsdfDiffuse", {0: color})
        through = tree.add("BsdfTranslucent", {0: color})
        body = tree.add("MixShader", {0: 0.25, 1: lit, 2: through})
        open_share = tree.step(streaks, gaps - 0.12, gaps)
        clear = tree.add("BsdfTransparent", {})
        return tree.add("MixShader", {0: open_share, 1: clear, 2: body})

    return material("white water", air, shader)


def _way(tree: Tree, fine: float, long: float) -> Value:
    along = tree.add("Attribute", {}, "Factor", attribute_name=ALONG)
    across = tree.add("Attribute", {}, "Factor", attribute_name=ACROSS)
    return tree.combine(
        tree.math("MULTIPLY", across, fine), tree.math("MULTIPLY", along, fine * long), 0.0
    )


def curtain(
    draw: Draw,
    height: Height,
    line: Array,
    material: Any,
    foot: Keep,
    top: float,
    reach: float,
    leap: float = 0.0,
    ragged: float = 0.0,
) -> None:
    """Add falling water that follows a cliff which rises along y, or leaps away from it.

    Args:
        draw: The random choices.
        height: The cliff's height at x, y.
        line: x (N,) at which it falls.
        material: Its material, `silk`.
        foot: Whether the cliff has begun at x, y.
        top: Height of its upper end.
        reach: y at which the cliff has risen, in meters.
        leap: How far it leaps from the cliff where it has fallen 10 meters, in meters.
        ragged: Largest part of its lower end that is missing here and there, 0 to 1.
    """
    tall, wide = top, max(float(np.ptp(line)), 0.1)
    y, z = _profiles(height, line, reach, foot, top)
    bulge = plane(line[:, None] / (0.04 * tall + 0.2), z / (0.4 * tall + 1), 1.0)
    thick = (0.02 * tall + 0.05) * (1.2 + fractal(bulge, draw.seed(), 3))
    slope_y, slope_z = np.gradient(y, axis=1), np.gradient(z, axis=1)
    size = np.hypot(slope_y, slope_z) + 1e-9
    fallen = np.maximum(z[:, :1] - z - 0.02 * tall, 0.0)
    thrown = y[:, :1] - leap * np.sqrt(fallen / 10.0)
    out = np.minimum(y + thick * slope_z / size, thrown)
    across = (line[:, None] - line.mean()) * (1 + draw.uniform(-0.2, 0.7) * fallen / tall)
    points = np.stack([line.mean() + across, out, z - thick * slope_y / size], -1)
    torn = fractal(plane(line, 0 * line, 0.12 * wide), draw.seed(), 3) + 0.3
    keep = fallen <= tall * (1.0 - ragged * np.clip(torn, 0, 1))[:, None]
    frayed = 0.7 * fractal(plane(np.sign(across) * 9.0, z, 0.2 * tall), draw.seed(), 4)
    inner = 1 - 2 * np.abs(np.linspace(-0.5, 0.5, len(line)))[:, None]
    keep &= inner > frayed * draw.uniform(0, 1)
    faces = grid_faces(*y.shape)
    shape = Shape()
    shape.add(points.reshape(-1, 3), faces[keep.ravel()[faces].all(axis=1)])
    mesh = shape.mesh("falls", [material], smooth=True)
    along = np.cumsum(size, axis=1)
    for name, values in ((ALONG, along), (ACROSS, points[..., 0])):
        layer = mesh.attributes.new(name, "FLOAT", "POINT")
        layer.data.foreach_set("value", np.ascontiguousarray(values, np.float32).ravel())
    place_large(mesh).pass_index = FALLS_INDEX


def _profiles(
    height: Height, line: Array, reach: float, foot: Keep, top: float
) -> tuple[Array, Array]:
    """Return y and z (N, 80) down a cliff at each x, at even distances from its top to its foot."""
    y = np.linspace(0.05, reach, 500)
    x_all, y_all = np.meshgrid(line, y, indexing="ij")
    begun = foot(x_all, y_all)
    level = height(x_all, y_all)
    rising = np.maximum.accumulate(np.where(begun, level, level.min()), axis=1)
    result = np.empty((2, len(line), 80))
    for n, profile in enumerate(rising):
        first = min(int(np.argmax(begun[n])), len(y) - 3)
        last = max(int(np.searchsorted(profile, top)), first + 2)
        part = slice(max(first - 1, 0), last + 1)
        way = np.hypot(np.diff(y[part]), np.diff(profile[part]))
        way = np.concatenate([[0.0], np.cumsum(way)])
        at = np.linspace(way[-1], 0, 80)
        result[:, n] = np.interp(at, way, y[part]), np.interp(at, way, profile[part])
    return result[0], result[1]
