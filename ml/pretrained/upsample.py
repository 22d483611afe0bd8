"""From a network's small maps to the picture's size, with the picture's edges.

Networks look at a picture a few hundred pixels wide; enlarged, their edges are as wide as the
factor. The guided filter moves them onto the picture's edges. It is worked out in strips, so that
memory doesn't grow with the picture, and held within the values near by, so that no halo remains.
Slopes stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ..classical.guided import guided_filter

REACH = 2.0
"""Radius of the filter in pixels of the network: an edge of its maps is about two pixels wide."""
MIN_RADIUS = 2
EPSILON = 3e-4
"""The guide's variance, in squared color units, below which the filter only smooths."""
SLOPE = 0.03
"""Share of the range that values may change within the radius on a slope, where the picture's
texture would only be copied; twice that is a step."""
STRIP_PIXELS = 1 << 20


def at_picture_size(
    values: FloatArray, image: FloatArray, report: Callable[[float], None]
) -> FloatArray:
    """Enlarge (or shrink) a map (h, w) to an image's (H, W, 3), its edges on the image's.

    The result (H, W) float32 stays within the range of `values`. `report` is called with the share
    (0..1) that is done, and may raise.
    """
    height, width = image.shape[:2]
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.full((height, width), low, np.float32)
    shrinks = values.shape[0] > height and values.shape[1] > width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    unit = ((values - low) / (high - low)).astype(np.float32)
    large = cv2.resize(unit, (width, height), interpolation=method)
    factor = max(height / values.shape[0], width / values.shape[1])
    fine = _snapped(large, image, max(MIN_RADIUS, round(REACH * factor)), report)
    return np.clip(low + (high - low) * fine, low, high).astype(np.float32)


def _snapped(
    values: FloatArray, image: FloatArray, radius: int, report: Callable[[float], None]
) -> FloatArray:
    """The guided filter of `values` (H, W), strip by strip, without overshoot."""
    height, width = values.shape
    rows = max(STRIP_PIXELS // width, 1)
    margin = 2 * radius + 1  # two boxes, one after the other
    fine = np.empty_like(values)
    for top in range(0, height, rows):
        report(top / height)
        bottom = min(top + rows, height)
        first, last = max(top - margin, 0), min(bottom + margin, height)
        strip = _held(values[first:last], image[first:last], radius)
        fine[top:bottom] = strip[top - first : bottom - first]
    report(1.0)
    return fine


def _held(values: FloatArray, image: FloatArray, radius: int) -> FloatArray:
    """The guided filter's result where there is a step, between the values on both its sides."""
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    least, greatest = cv2.erode(values, kernel), cv2.dilate(values, kernel)
    fine = guided_filter(image.astype(np.float32), values, radius, EPSILON)
    share = np.clip((greatest - least) / SLOPE - 1.0, 0.0, 1.0)
    return values + share * (np.clip(fine, least, greatest) - values)
