"""Wide blurs at a cost that doesn't grow with their width.

A Gaussian that is many pixels wide leaves nothing that a smaller image couldn't hold, so the image
is averaged to a smaller one, blurred there, and enlarged again.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray

LEAST = 4.0
"""Standard deviation, in pixels of the smaller image, that a blur keeps at least."""
REACH = 4.0
"""Standard deviations up to which a blur is computed."""
BOTH = (0, 1)
SPREAD = 0.25
"""Variance that averaging and linear enlargement add, in squared pixels of the smaller image."""


def wide_blur(values: FloatArray, sigma: float, axes: tuple[int, ...] = BOTH) -> FloatArray:
    """Return a Gaussian blur; beyond the border, values are mirrored.

    Args:
        values: (H, W) or (H, W, C).
        sigma: Standard deviation in pixels.
        axes: Along which to blur.
    """
    values = np.asarray(values, np.float32)
    height, width = full = values.shape[:2]
    size = [
        max(1, round(full[k] / max(1.0, sigma / LEAST))) if k in axes else full[k] for k in BOTH
    ]
    sigmas, kernel = [0.1, 0.1], [1, 1]
    for axis in axes:
        factor = full[axis] / size[axis]
        added = SPREAD * (1.0 - factor**-2)
        sigmas[axis] = max((sigma / factor) ** 2 - added, 1e-2) ** 0.5
        kernel[axis] = 2 * math.ceil(REACH * sigmas[axis]) + 1
    small = values
    if size != [height, width]:
        small = cv2.resize(values, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    border = cv2.BORDER_REFLECT
    ends = (kernel[1], kernel[0])
    small = cv2.GaussianBlur(small, ends, sigmas[1], sigmaY=sigmas[0], borderType=border)
    if size != [height, width]:
        small = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(small, np.float32).reshape(values.shape)
