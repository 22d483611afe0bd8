"""The maps of an outpainted photo, with those of the photo itself in its middle.

Seen alone, the photo is larger, so that more details show, and nothing invented misleads the
network. In the margins, what is seen in the whole image goes on from there.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from .maps import Map

Margins = tuple[int, int, int, int]
"""Pixels that no camera has seen, at the top, right, bottom and left of an image."""
FADE = 4.0
"""Width, in pixels of the maps, of the seam along which masks change from one to the other."""
DEPTH_FADE = 0.12
"""The same for the disparity, relative to the photo's shorter side: surfaces must not bend."""


def merged_maps(
    whole: FloatArray, photo: FloatArray, size: tuple[int, int], margins: Margins
) -> FloatArray:
    """Return the maps (CHANNELS, h, w) of an image at the scale of the photo's own.

    Args:
        whole: (CHANNELS, ...), of the whole image.
        photo: (CHANNELS, ...), of the photo within the margins.
        size: Height and width of the image in pixels.
        margins: Around the photo.
    """
    top, right, bottom, left = margins
    rows, columns = photo.shape[1:]
    down, across = rows / (size[0] - top - bottom), columns / (size[1] - left - right)
    first = (round(top * down), round(left * across))
    last = (round(bottom * down), round(right * across))
    height, width = first[0] + rows + last[0], first[1] + columns + last[1]
    merged = np.stack([cv2.resize(part, (width, height)) for part in whole]).astype(np.float32)
    inside = (slice(first[0], first[0] + rows), slice(first[1], first[1] + columns))
    depth = int(Map.LOG_DISPARITY)
    solid = (merged[Map.SKY][inside] < 0.0) & (photo[Map.SKY] < 0.0)
    change = photo - merged[:, *inside]
    # Disparities are compared up to a factor.
    offset = float(np.median(change[depth][solid])) if solid.any() else 0.0
    change[depth] -= offset
    inner = _distance_inward((rows, columns), (*first, *last))
    share = np.clip(inner / FADE, 0.0, 1.0)
    depth_share = np.clip(inner / (DEPTH_FADE * min(rows, columns)), 0.0, 1.0)
    weights = np.repeat(share[None], len(photo), axis=0)
    weights[depth] = depth_share
    merged[:, *inside] += weights * change
    return merged


def _distance_inward(size: tuple[int, int], margins: Margins) -> FloatArray:
    """Return each pixel's distance (h, w) to the nearest side of a photo that has a margin.

    margins: At the top, left, bottom and right.
    """
    rows, columns = size
    y, x = np.indices(size, np.float32) + 0.5
    distances = [y, x, rows - y, columns - x]
    counted = [d for d, margin in zip(distances, margins, strict=True) if margin > 0]
    far = np.full(size, np.inf, np.float32)
    return np.minimum.reduce([far, *counted])
