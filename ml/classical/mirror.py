"""Where water mirrors what stands above its shore: a picture that is its own reflection."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray
from .appearance import Appearance
from .guided import box

SHORES = 24
"""Number of rows that are tried as the axis of reflection."""
REACH = 0.15
"""How far below the horizon an axis may lie, as a share of the picture's height."""
NEIGHBOURS = 3
LEAST_CORRELATION = 0.6
MOST_CONTRAST = 3.0
"""Contrast of a reflection beside that of what it mirrors: a stone in the water has more."""
LEAST_TEXTURE = 1.0
MOST_STREAK = 0.8
"""Level streaks are their own mirror image and tell nothing."""
LEAST_AREA = 0.03
LEAST_WIDTH = 0.5
"""Share of the picture's columns that mirror something: more than one building is wide."""
LEAST_SHARE = 0.35
LEAST_SHARE_NEAR = 0.45
"""Share of the texture below the axis, and close below it, that must mirror what is above."""


def mirrored_region(look: Appearance) -> NDArray[np.bool_]:
    """Mask (H, W) of what mirrors the picture above it; empty where the picture isn't a reflection.

    One row is the axis for the whole picture, and each place may differ from it by a little: near
    things are mirrored off the axis of far ones.
    """
    lightness = cv2.GaussianBlur(look.lab[..., 0], (0, 0), 1.0)
    height = lightness.shape[0]
    horizon = max(int(np.searchsorted(look.rows[:, 0], 0.0)), 0)
    rows = horizon + np.unique(np.linspace(1, REACH * height, SHORES).astype(int))
    shores = [int(row) for row in rows if row < height - 2]
    telling = (look.texture > LEAST_TEXTURE) & (look.streak < MOST_STREAK)
    if not shores or not telling.any():
        return np.zeros(lightness.shape, bool)
    likely = [telling & (_correlation(lightness, row) > LEAST_CORRELATION) for row in shores]
    best = int(np.argmax([m.sum() for m in likely]))
    nearby = likely[max(best - NEIGHBOURS, 0) : best + NEIGHBOURS + 1]
    region = np.any(nearby, axis=0) & _below(telling.shape, shores[best], height)
    if not _is_reflection(region, telling, shores[best]):
        return np.zeros_like(region)
    kernel = np.ones((5, 5), np.uint8)
    return cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0


def _below(shape: tuple[int, ...], shore: int, reach: int) -> NDArray[np.bool_]:
    rows = np.arange(shape[0])[:, None]
    return np.broadcast_to((rows >= shore) & (rows < shore + reach), shape)


def _is_reflection(region: NDArray[np.bool_], telling: NDArray[np.bool_], shore: int) -> bool:
    """Whether enough of what has texture below the axis mirrors what is above it."""
    if region.mean() < LEAST_AREA or region.any(axis=0).mean() < LEAST_WIDTH:
        return False
    height = len(telling)
    for reach, share in ((shore, LEAST_SHARE), (height // 6, LEAST_SHARE_NEAR)):
        within = telling & _below(telling.shape, shore, reach)
        if (region & within).sum() < share * within.sum():
            return False
    return True


def _correlation(lightness: FloatArray, shore: int) -> FloatArray:
    """Local correlation (H, W) -1..1 of what is below the row `shore` with its mirror image."""
    height = lightness.shape[0]
    count = min(shore, height - shore)
    result = np.full(lightness.shape, -1, np.float32)
    below = np.ascontiguousarray(lightness[shore : shore + count])
    above = np.ascontiguousarray(lightness[shore - count : shore][::-1])
    radius = max(lightness.shape[1] // 40, 3)
    mean_b, mean_a = box(below, radius), box(above, radius)
    covariance = box(below * above, radius) - mean_b * mean_a
    spread_b = box(below * below, radius) - mean_b**2
    spread_a = box(above * above, radius) - mean_a**2
    norm = np.sqrt(np.maximum(spread_b, 0.5) * np.maximum(spread_a, 0.5))
    stronger = spread_b > MOST_CONTRAST**2 * spread_a + 1.0
    result[shore : shore + count] = np.where(stronger, -1.0, covariance / norm)
    return result
