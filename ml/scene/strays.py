"""Stray pieces of sky: dark rock or a shadow that the network takes for sky.

Sky that shows through leaves or an arch has the colors of the rest of the sky. A small piece of
other colors isn't sky.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import cKDTree

from ...geometry.core.camera import FloatArray

SMALL = 0.25
"""Pieces of up to this part of the largest one's size may be strays."""
UNLIKE = 0.15
"""Distance of colors (RGB, 0..1) from which on a piece is unlike the sky."""
COLORS = 400
"""About so many colors of the largest piece are compared with."""


def without_strays(sky: FloatArray, image: FloatArray) -> FloatArray:
    """Return a map of sky (h, w), 0..1, without the pieces whose colors aren't the sky's.

    Args:
        sky: (h, w) share of sky.
        image: (H, W, 3) sRGB, 0..1.
    """
    inside = (sky > 0.5).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    if count <= 2:
        return sky
    colors = image
    if image.shape[:2] != sky.shape:
        colors = cv2.resize(image, sky.shape[::-1], interpolation=cv2.INTER_AREA)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    largest = 1 + int(areas[1:].argmax())
    known = colors[labels == largest]
    known = known[:: max(1, len(known) // COLORS)]
    sums = [np.bincount(labels.ravel(), colors[..., c].ravel(), count) for c in range(3)]
    apart = cKDTree(known).query(np.stack(sums, axis=1) / areas[:, None])[0]
    stray = (apart > UNLIKE) & (areas <= SMALL * areas[largest])
    stray[0] = False
    around = cv2.dilate(stray[labels].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return np.where(around & ((inside == 0) | stray[labels]), 0.0, sky).astype(np.float32)
