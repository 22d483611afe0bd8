"""Disparity at the image's full size: steps on the image's edges, slopes as the network has them.

Enlarged, a step would be as wide as a few pixels of the network, and points would hang between the
near and the far side. There it is moved to the image's edge and made steep; elsewhere nothing is
changed, so that a surface stays in one piece.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from .guided import guided_upsample
from .outlines import calm_outlines

FAR = 0.012
"""Disparity of the farthest ground; that of the sky is 0, which counts as 0.01."""
NEAREST_PERCENTILE = 99.8
"""Percentile of the disparities that counts as the nearest, whose disparity is 1."""
RADIUS = 2
"""Half the width of a step in the network's maps, in pixels."""
REGULARIZATION = 3e-4
"""Variance of the image, in squared color units, below which a step isn't moved."""
PLAIN_RADIUS = 4
"""Radius, in pixels of the maps, of the neighborhood whose flattest place tells how steep a surface
is: a plane is equally steep everywhere, however it is turned."""
MAX_SLOPE, MIN_STEP = 0.15, 0.4
"""Change of disparity around a pixel, beyond a plane's and relative to the nearest there, up to
which there is only a slope, and from which on there is a step."""
FAR_CHANGE = 0.03
"""Smaller disparities hardly differ for a camera that moves: changes count relative to this."""
MIN_SCALE = 2.0
"""Size of the image relative to the maps up to which these have steps where the image has edges."""


def full_disparity(log_disparity: FloatArray, sky: FloatArray, image: FloatArray) -> FloatArray:
    """Return the disparity (H, W) of an image, from FAR to 1 at the nearest.

    Behind the sky it is that of the nearest thing beside it, for whatever turns out to stand
    before the sky at full size.

    Args:
        log_disparity: (h, w), up to an offset.
        sky: (h, w) share of sky, 0..1.
        image: (H, W, 3) sRGB, 0..1.
    """
    height, width = image.shape[:2]
    relative = _relative(calm_outlines(log_disparity, sky), sky < 0.5)
    low, high = _lowest(relative, RADIUS), -_lowest(-relative, RADIUS)
    far, near = _sides(relative, 0.5 * (low + high))
    slope = -_lowest(-relative, 1) - _lowest(relative, 1)
    change = (high - low - RADIUS * _lowest(slope, PLAIN_RADIUS)) / np.maximum(high, FAR_CHANGE)
    step = np.clip((change - MAX_SLOPE) / (MIN_STEP - MAX_SLOPE), 0.0, 1.0)
    small, far, near, step = (
        cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
        for part in (relative, far, near, step)
    )
    scale = max(image.shape) / max(log_disparity.shape)
    aligned = small
    if scale > MIN_SCALE:
        guided = guided_upsample(relative[None], image, RADIUS, REGULARIZATION)[0]
        aligned = small + min(scale - MIN_SCALE, 1.0) * (guided - small)
    # A step gets as steep as if the maps had the image's size.
    middle = 0.5 * (far + near)
    steep = np.clip(middle + max(scale, 1.0) * (aligned - middle), far, near)
    return np.clip(small + step * (steep - small), FAR, 1.0).astype(np.float32)


def _sides(values: FloatArray, middle: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the values (h, w) of the lower and the upper side of a step around each pixel.

    Each is the mean over the square around the pixel, weighted by the squared distance from the
    middle of the step: the extreme alone would make rims, mixed pixels hardly count.
    """
    sums = np.full((2, 2, *values.shape), 1e-12, np.float32)
    sums[:, 0] *= middle
    padded = np.pad(values, RADIUS, mode="edge")
    height, width = values.shape
    for down in range(2 * RADIUS + 1):
        for right in range(2 * RADIUS + 1):
            beside = padded[down : down + height, right : right + width]
            weight = (beside - middle) ** 2
            for side, where in enumerate((beside <= middle, beside >= middle)):
                part = weight * where
                sums[side, 0] += part * beside
                sums[side, 1] += part
    far, near = sums[:, 0] / sums[:, 1]
    return far, near


def _lowest(values: FloatArray, radius: int) -> FloatArray:
    """Return the lowest value (H, W) of the square around each pixel."""
    return np.asarray(cv2.erode(values, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)))


def _relative(log_disparity: FloatArray, solid: Mask) -> FloatArray:
    """Return the disparity (h, w), 1 at the nearest, continued from the solid pixels."""
    if not solid.any():
        return np.zeros_like(log_disparity)
    nearest = np.percentile(log_disparity[solid], NEAREST_PERCENTILE)
    disparity = np.exp(np.clip(log_disparity - nearest, -20.0, 0.0))
    beside = ndimage.distance_transform_edt(~solid, return_distances=False, return_indices=True)
    return np.ascontiguousarray(disparity[tuple(beside)], np.float32)
