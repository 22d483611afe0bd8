"""Haze as a cue of distance: the dark channel (He, Sun and Tang, 2009)."""

from __future__ import annotations

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray

REACH = 0.03
"""Radius of the neighborhood whose darkest value counts, as a share of the longer side."""
DARKEST_AIR = 0.35
"""Air darker than this (a night sky) hides nothing."""


def haze_amount(image: FloatArray, sky: FloatArray) -> FloatArray:
    """Haze (H, W) 0..1 of an image (H, W, 3), sRGB 0..1, with a soft sky mask (H, W).

    The light that the air adds in front of a thing, taken for the darkest channel in its
    neighborhood (eq. 5 there; the sky does not count), relative to the air's own, that of the sky
    (eq. 12). Zero without a bright sky.
    """
    solid = sky < 0.5
    dark = image.min(-1).astype(np.float32)
    if solid.all() or not solid.any():
        return np.zeros(sky.shape, np.float32)
    air = float(np.median(dark[~solid]))
    if air < DARKEST_AIR:
        return np.zeros(sky.shape, np.float32)
    radius = max(1, round(REACH * max(sky.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    # Dark and then bright again over the same reach: the value of each thing's own shadows.
    dark = cv2.dilate(cv2.erode(np.where(solid, dark, 1.0).astype(np.float32), kernel), kernel)
    return np.where(solid, np.clip(dark / air, 0.0, 1.0), 0.0).astype(np.float32)
