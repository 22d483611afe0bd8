"""Detection of reflections: water that mirrors what stands above its shore."""

from __future__ import annotations

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from .appearance import AppearanceMaps
from .guided import box

AXES = 24
"""Number of rows that are tried as the axis of reflection."""
MAX_AXIS_DROP = 0.15
"""Maximum distance of an axis below the horizon, as a fraction of the image height."""
NEIGHBOR_AXES = 3
"""Number of neighboring axes on each side of the best one that are accepted as well."""
MIN_CORRELATION = 0.6
"""Minimum correlation of a pixel's surroundings with their mirror image."""
MAX_CONTRAST = 3.0
"""Maximum contrast of a reflection relative to what it mirrors: a stone in the water has more."""
MIN_TEXTURE = 1.0
"""Minimum texture with which a pixel is informative."""
MAX_STREAKS = 0.8
"""Horizontal streaks are their own mirror image, so that they are not informative."""
MIN_AREA = 0.03
"""Minimum area of a reflection, as a fraction of the image."""
MIN_WIDTH = 0.5
"""Fraction of the image's columns that must hold a reflection: more than the width of a
building."""
MIN_REFLECTED = 0.35
MIN_REFLECTED_NEAR = 0.45
"""Fraction of the texture below the axis, and close below it, that must be a reflection."""


def mirrored_region(maps: AppearanceMaps) -> Mask:
    """Return the mask (H, W) of reflections; empty if the image holds none.

    One row is the axis for the whole image, and each pixel may deviate from it a little, because
    near objects are mirrored about a lower axis than far ones.
    """
    lightness = cv2.GaussianBlur(maps.lab[..., 0], (0, 0), 1.0)
    height = lightness.shape[0]
    horizon = max(int(np.searchsorted(maps.below_horizon[:, 0], 0.0)), 0)
    candidate_rows = horizon + np.unique(np.linspace(1, MAX_AXIS_DROP * height, AXES).astype(int))
    axes = [int(row) for row in candidate_rows if row < height - 2]
    informative = (maps.texture > MIN_TEXTURE) & (maps.streaks < MAX_STREAKS)
    if not axes or not informative.any():
        return np.zeros(lightness.shape, bool)
    candidates = [informative & (_correlation(lightness, row) > MIN_CORRELATION) for row in axes]
    best = int(np.argmax([m.sum() for m in candidates]))
    nearby = candidates[max(best - NEIGHBOR_AXES, 0) : best + NEIGHBOR_AXES + 1]
    region = np.any(nearby, axis=0) & _below(informative.shape, axes[best], height)
    if not _is_reflection(region, informative, axes[best]):
        return np.zeros_like(region)
    kernel = np.ones((5, 5), np.uint8)
    return cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0


def _below(shape: tuple[int, ...], axis: int, extent: int) -> Mask:
    """Return the mask of the rows from `axis` on, `extent` rows high."""
    row = np.arange(shape[0])[:, None]
    return np.broadcast_to((row >= axis) & (row < axis + extent), shape)


def _is_reflection(region: Mask, informative: Mask, axis: int) -> bool:
    """Whether enough of the texture below the axis mirrors what is above it."""
    if region.mean() < MIN_AREA or region.any(axis=0).mean() < MIN_WIDTH:
        return False
    height = len(informative)
    for extent, required in ((axis, MIN_REFLECTED), (height // 6, MIN_REFLECTED_NEAR)):
        textured = informative & _below(informative.shape, axis, extent)
        if (region & textured).sum() < required * textured.sum():
            return False
    return True


def _correlation(lightness: FloatArray, axis: int) -> FloatArray:
    """Return the local correlation (H, W), -1..1, below the row `axis` with the mirror image."""
    height = lightness.shape[0]
    count = min(axis, height - axis)
    result = np.full(lightness.shape, -1, np.float32)
    below = np.ascontiguousarray(lightness[axis : axis + count])
    above = np.ascontiguousarray(lightness[axis - count : axis][::-1])
    radius = max(lightness.shape[1] // 40, 3)
    mean_b, mean_a = box(below, radius), box(above, radius)
    covariance = box(below * above, radius) - mean_b * mean_a
    spread_b = box(below * below, radius) - mean_b**2
    spread_a = box(above * above, radius) - mean_a**2
    norm = np.sqrt(np.maximum(spread_b, 0.5) * np.maximum(spread_a, 0.5))
    too_strong = spread_b > MAX_CONTRAST**2 * spread_a + 1.0
    result[axis : axis + count] = np.where(too_strong, -1.0, covariance / norm)
    return result
