"""The motion regions of an image: clouds, still or drifting water, and falling water.

Precision comes before recall: whatever isn't clearly one of these stands still, above all
buildings.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from .appearance import appearance_maps
from .falls import white_water
from .guided import guided_filter
from .water import water_region

EDGE_REGULARIZATION = 1e-3
"""Regularization of the guided filter that aligns edges, in squared color units."""
EDGE_RADIUS = 0.012
"""Radius of the guided filter that aligns a region's edge with the image's, as a fraction of the
longer side."""
MIN_SIDE = 16
"""Shorter side, in pixels, below which nothing but the sky is found."""


@dataclass(frozen=True)
class MotionRegions:
    """Soft masks (H, W) float32, 0..1, of what moves; their sum is at most 1.

    Attributes:
        cloud: Sky, whose clouds drift.
        water: Still or drifting water.
        fall: Falling water.
    """

    cloud: FloatArray
    water: FloatArray
    fall: FloatArray


def motion_regions(
    image: FloatArray, sky: FloatArray, disparity: FloatArray, horizon: float
) -> MotionRegions:
    """Find the motion regions of an image.

    Args:
        image: (H, W, 3) sRGB, 0..1.
        sky: (H, W) soft sky mask, 0..1.
        disparity: (H, W) 0..1. Not used by this method.
        horizon: Row of the horizon in pixels; may lie outside the image.

    In an image with a side of less than MIN_SIDE only the sky is found.
    """
    shape = sky.shape
    cloud = np.clip(sky, 0.0, 1.0).astype(np.float32)
    if min(shape) < MIN_SIDE:
        return MotionRegions(cloud, np.zeros(shape, np.float32), np.zeros(shape, np.float32))
    maps = appearance_maps(image, sky, horizon)
    fall, pool = white_water(maps)
    water = np.maximum(water_region(maps), pool)
    full_fall = _upsampled(image, fall)
    full_water = _upsampled(image, water)
    full_fall = np.minimum(full_fall, 1 - cloud)
    return MotionRegions(cloud, np.minimum(full_water, 1 - cloud - full_fall), full_fall)


def _upsampled(image: FloatArray, mask: FloatArray) -> FloatArray:
    """Enlarge a soft mask and align its edges with those of the image."""
    height, width = image.shape[:2]
    if not mask.any():
        return np.zeros((height, width), np.float32)
    enlarged = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
    radius = max(round(EDGE_RADIUS * max(height, width)), 2)
    filtered = guided_filter(image, enlarged, radius, EDGE_REGULARIZATION)
    return np.clip(1.25 * filtered - 0.125, 0.0, 1.0).astype(np.float32)
