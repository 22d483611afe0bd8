"""Which parts of a picture move: sky, still or drifting water, falling water.

Precision before recall: whatever isn't clearly one of these stands still, buildings above all.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from .appearance import appearance
from .falls import white_water
from .guided import guided_filter
from .water import water_region

EDGE_EPSILON = 1e-3
EDGE_REACH = 0.012
"""Radius of the filter that moves a region's edge onto the picture's, as a share of its size."""
SMALLEST_SIDE = 16


@dataclass(frozen=True)
class MotionRegions:
    """Soft masks (H, W) float32 0..1 of what moves; they don't overlap beyond a sum of 1."""

    cloud: FloatArray
    water: FloatArray
    fall: FloatArray


def motion_regions(
    image: FloatArray, sky: FloatArray, disparity: FloatArray, horizon: float
) -> MotionRegions:
    """Find the moving regions of an image (H, W, 3), sRGB 0..1.

    sky (H, W) 0..1; disparity (H, W) 0..1; horizon: its row in pixels, may lie outside. A picture
    too small to tell anything has none but its sky.
    """
    shape = sky.shape
    cloud = np.clip(sky, 0.0, 1.0).astype(np.float32)
    if min(shape) < SMALLEST_SIDE:
        return MotionRegions(cloud, np.zeros(shape, np.float32), np.zeros(shape, np.float32))
    look = appearance(image, sky, horizon)
    fall, pool = white_water(look)
    water = np.maximum(water_region(look), pool)
    fine_fall = _at_full_size(image, fall)
    fine_water = _at_full_size(image, water)
    fine_fall = np.minimum(fine_fall, 1 - cloud)
    return MotionRegions(cloud, np.minimum(fine_water, 1 - cloud - fine_fall), fine_fall)


def _at_full_size(image: FloatArray, mask: FloatArray) -> FloatArray:
    """Enlarge a soft mask and move its edge onto the image's edges."""
    height, width = image.shape[:2]
    if not mask.any():
        return np.zeros((height, width), np.float32)
    large = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
    radius = max(round(EDGE_REACH * max(height, width)), 2)
    fine = guided_filter(image, large, radius, EDGE_EPSILON)
    return np.clip(1.25 * fine - 0.125, 0.0, 1.0).astype(np.float32)
