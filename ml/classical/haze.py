"""Haze as a depth cue: the dark channel prior (He, Sun and Tang, 2009)."""

from __future__ import annotations

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray

RADIUS = 0.03
"""Radius of the neighborhood whose darkest value counts, as a fraction of the longer side."""
MIN_AIR_LIGHT = 0.35
"""Minimum brightness of the air light: a darker sky, as at night, hides nothing."""


def haze_amount(image: FloatArray, sky: FloatArray) -> FloatArray:
    """Estimate the amount of haze (H, W), 0..1; zero if there is no bright sky.

    The light that the air adds in front of an object is taken as the darkest channel in its
    neighborhood without the sky (eq. 5), relative to the air light, which is that of the sky (eq.
    12).

    Args:
        image: (H, W, 3) sRGB, 0..1.
        sky: (H, W) soft sky mask, 0..1.
    """
    solid = sky < 0.5
    dark_channel = image.min(-1).astype(np.float32)
    if solid.all() or not solid.any():
        return np.zeros(sky.shape, np.float32)
    air_light = float(np.median(dark_channel[~solid]))
    if air_light < MIN_AIR_LIGHT:
        return np.zeros(sky.shape, np.float32)
    radius = max(1, round(RADIUS * max(sky.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    # Erosion and then dilation over the same radius keep the value of each object's own shadows.
    dark_channel = cv2.dilate(
        cv2.erode(np.where(solid, dark_channel, 1.0).astype(np.float32), kernel), kernel
    )
    return np.where(solid, np.clip(dark_channel / air_light, 0.0, 1.0), 0.0).astype(np.float32)
