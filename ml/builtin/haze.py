"""Haze as a cue of distance: the dark channel (He, Sun and Tang, 2009)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray

NEAR = 0.15
"""What is nearer than this disparity is not judged by haze: a white wall is no fog."""


def haze_amount(image: FloatArray, labels: NDArray[np.int32], disparity: FloatArray) -> FloatArray:
    """Haze 0..1 of every pixel (h, w) of a segmentation, constant over each piece.

    The darkest channel in a piece's neighbourhood, 10th percentile over the piece, is what light
    the air adds; it is taken relative to the picture's brightest air and fades out where the
    disparity (h, w) is that of something near.
    """
    size = labels.shape[::-1]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).min(-1)
    dark = cv2.erode(small.astype(np.float32), np.ones((3, 3), np.uint8))
    air = max(float(np.percentile(dark, 99)), 0.2)
    haze = np.zeros(labels.shape, np.float32)
    for label in range(labels.max() + 1):
        piece = labels == label
        if piece.any():
            haze[piece] = np.percentile(dark[piece], 10) / air
    far = np.clip(1.0 - disparity / NEAR, 0.0, 1.0)
    return np.clip(haze, 0.0, 1.0) * far
