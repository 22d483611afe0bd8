"""Drops discs that can't be seen, so that drawing costs what is visible.

A pixel that holds the center of a photo's point is closed by that point's underpaint, whose alpha
is exactly 1 there: what is drawn before it has no effect on the pixel. So dropping discs that are
behind closed pixels only leaves the image the same, bit for bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray
from ..geometry.core.splat import UNDERPAINT_DEPTH, UNDERPAINT_GAIN
from .scene_points import Order, VisiblePoints

MAX_REACH = 4
"""Discs that reach more pixels than this from their center's pixel are always drawn."""
# The farthest point of a pixel is half its diagonal away: d^2 = 0.5, and a little for rounding.
_CLOSING_RADIUS = (0.501 / (1.0 - 1.0 / UNDERPAINT_GAIN)) ** 0.5


def without_hidden(order: Order, points: VisiblePoints, size: tuple[int, int]) -> Order:
    """The order without discs that are hidden in every pixel they touch; size: (h, w)."""
    closed = _closed_depth(order, points, size)
    under = order < 0
    splat = np.where(under, -1 - order, order)
    radius = np.where(under, points.under[splat], points.splats.radius[splat])
    depth = points.splats.z[splat] * np.where(under, np.float32(UNDERPAINT_DEPTH), np.float32(1))
    reach = np.ceil(radius + 0.5) - 1  # pixels between the center's and the farthest hit
    pixel = _pixel(points, size)[splat]
    visible = np.ones(len(order), bool)
    for distance in range(1, MAX_REACH + 1):
        closed = _widened(closed)
        where = np.flatnonzero((np.maximum(reach, 1) == distance) & (pixel >= 0))
        visible[where] = depth[where] <= closed.ravel()[pixel[where]]
    return order[visible]


def _closed_depth(order: Order, points: VisiblePoints, size: tuple[int, int]) -> FloatArray:
    """Depth (h, w) of the nearest underpaint that closes each pixel, infinite for none."""
    closed = np.full(size[0] * size[1], np.inf, np.float32)
    pixel = _pixel(points, size)
    solid = (pixel >= 0) & (points.under >= _CLOSING_RADIUS)
    splat = -1 - order[order < 0]
    splat = splat[solid[splat]]
    # From far to near: where several fall on a pixel, the last assigned is the nearest.
    closed[pixel[splat]] = points.splats.z[splat] * np.float32(UNDERPAINT_DEPTH)
    return closed.reshape(size)


def _pixel(points: VisiblePoints, size: tuple[int, int]) -> NDArray[np.int64]:
    """Pixel (row * w + column) that holds each splat's center, -1 outside the image."""
    column, row = np.floor(points.splats.u), np.floor(points.splats.v)
    inside = (column >= 0) & (column < size[1]) & (row >= 0) & (row < size[0])
    return np.where(inside, row * size[1] + column, -1).astype(np.int64)


def _widened(closed: FloatArray) -> FloatArray:
    """Largest value of each pixel (h, w) and its eight neighbors."""
    padded = np.pad(closed, 1)
    rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    return np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
