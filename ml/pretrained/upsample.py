"""Upsampling of a network's maps to the image's size, aligned with the image's edges.

Networks process images a few hundred pixels wide, so the edges of their enlarged output are as wide
as the scale factor. The guided filter aligns them with the image's edges. It runs in strips, so
that memory doesn't grow with the image, and is clamped to the values nearby, so that no halo
remains. Slopes are not changed.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ..scene.guided import guided_filter

FILTER_RADIUS = 2.0
"""Radius of the filter in pixels of the network, whose edges are about two pixels wide."""
MIN_RADIUS = 2
"""Minimum radius of the filter in pixels of the image."""
REGULARIZATION = 3e-4
"""Variance of the image, in squared color units, below which the filter only smooths."""
MAX_SLOPE = 0.03
"""Fraction of the value range that may change within the radius on a slope, where the filter would
merely copy the image's texture; twice as much is a step."""
STRIP_PIXELS = 1 << 20
"""Pixels in a strip."""


def upsample_to_image(
    values: FloatArray, image: FloatArray, report: Callable[[float], None]
) -> FloatArray:
    """Resize a map to an image's size, with its edges aligned to the image's.

    Args:
        values: (h, w) the map.
        image: (H, W, 3) sRGB, 0..1.
        report: Called with progress 0..1; may raise to cancel.

    Returns (H, W) float32 within the range of `values`.
    """
    height, width = image.shape[:2]
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.full((height, width), low, np.float32)
    is_reduced = values.shape[0] > height and values.shape[1] > width
    method = cv2.INTER_AREA if is_reduced else cv2.INTER_LINEAR
    normalized = ((values - low) / (high - low)).astype(np.float32)
    enlarged = cv2.resize(normalized, (width, height), interpolation=method)
    factor = max(height / values.shape[0], width / values.shape[1])
    filtered = _filter_in_strips(
        enlarged, image, max(MIN_RADIUS, round(FILTER_RADIUS * factor)), report
    )
    return np.clip(low + (high - low) * filtered, low, high).astype(np.float32)


def _filter_in_strips(
    values: FloatArray, image: FloatArray, radius: int, report: Callable[[float], None]
) -> FloatArray:
    """Apply the guided filter to `values` (H, W) strip by strip, without overshoot."""
    height, width = values.shape
    rows = max(STRIP_PIXELS // width, 1)
    margin = 2 * radius + 1  # two box filters in sequence
    filtered = np.empty_like(values)
    for top in range(0, height, rows):
        report(top / height)
        bottom = min(top + rows, height)
        first, last = max(top - margin, 0), min(bottom + margin, height)
        strip = _filter_without_overshoot(values[first:last], image[first:last], radius)
        filtered[top:bottom] = strip[top - first : bottom - first]
    report(1.0)
    return filtered


def _filter_without_overshoot(values: FloatArray, image: FloatArray, radius: int) -> FloatArray:
    """Return the filtered values at steps, clamped to the values on both sides of the step."""
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    minimum, maximum = cv2.erode(values, kernel), cv2.dilate(values, kernel)
    filtered = guided_filter(image.astype(np.float32), values, radius, REGULARIZATION)
    step_weight = np.clip((maximum - minimum) / MAX_SLOPE - 1.0, 0.0, 1.0)
    return values + step_weight * (np.clip(filtered, minimum, maximum) - values)
