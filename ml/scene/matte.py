"""The edge of the sky at the image's full size: leaves, twigs and lattices against it stay fine.

The network tells how much of each of its pixels is sky. Where it is a mixture, or not sure, the
colors decide: each one is a mixture of the colors of the sky and of what stands before it nearby
(alpha matting).
"""

from __future__ import annotations

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray

NEIGHBORHOOD = 3.0
"""Standard deviation, in pixels of the maps, of the neighborhood whose mean colors count."""
CERTAINTY = 3
"""Power of a pixel's share with which it counts for the color of a side: mixed ones hardly do."""
FULL_NEARBY = 0.1
"""Share of the neighborhood that both sides must have for colors to count fully: a dark cloud far
from the ground is no ground."""
MIN_SCALE = 2.0
"""Size of the image relative to the maps up to which these show all that the image does."""
MIN_CONTRAST, FULL_CONTRAST = 0.06, 0.16
"""Distance of the colors of both sides (RGB, 0..1) from which on colors count, and fully."""
MAX_RESIDUAL = 0.6
"""Largest distance of a mixed color from the line between both, relative to its length."""
EVIDENCE = 3.0
"""How much a pure color adds to the logarithm of the odds that a pixel is sky, where the network
has no opinion: the surer it is, the less colors count."""
SMALLEST = 1e-3
"""Smallest share of either side that is told apart from none."""


def matte_sky(sky: FloatArray, small_sky: FloatArray, image: FloatArray) -> FloatArray:
    """Return a sky mask whose edge is decided by color.

    Args:
        sky: (H, W) share of sky, 0..1, interpolated.
        small_sky: (h, w) share of sky of the network.
        image: (H, W, 3) sRGB, 0..1.
    """
    size = (small_sky.shape[1], small_sky.shape[0])
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    shares = [share**CERTAINTY for share in (small_sky, 1.0 - small_sky)]
    sides = [cv2.resize(local_mean(small, share), image.shape[1::-1]) for share in shares]
    nearby = np.minimum(*(cv2.GaussianBlur(share, (0, 0), NEIGHBORHOOD) for share in shares))
    trust = np.clip(cv2.resize(nearby, image.shape[1::-1]) / FULL_NEARBY, 0.0, 1.0)
    trust *= np.clip(max(sky.shape) / max(small_sky.shape) - MIN_SCALE, 0.0, 1.0)
    axis, offset = sides[0] - sides[1], image - sides[1]
    length = np.sqrt((axis**2).sum(-1))
    position = (offset * axis).sum(-1) / np.maximum(length**2, 1e-6)
    nearest = np.clip(position, 0.0, 1.0)[..., None] * axis
    residual = np.sqrt(((offset - nearest) ** 2).sum(-1))
    trust *= np.clip((length - MIN_CONTRAST) / (FULL_CONTRAST - MIN_CONTRAST), 0.0, 1.0)
    trust *= residual < MAX_RESIDUAL * length
    prior = np.clip(sky, SMALLEST, 1.0 - SMALLEST)
    unsure = 4.0 * prior * (1.0 - prior)
    evidence = EVIDENCE * unsure * trust * np.clip(2.0 * position - 1.0, -1.0, 1.0)
    odds = np.exp(np.log(prior / (1.0 - prior)) + evidence)
    return (odds / (1.0 + odds)).astype(np.float32)


def local_mean(image: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the weighted mean color (H, W, 3) around each pixel, by normalized convolution."""
    total = cv2.GaussianBlur(weight, (0, 0), NEIGHBORHOOD) + np.float32(1e-9)
    value = cv2.GaussianBlur(image * weight[..., None], (0, 0), NEIGHBORHOOD)
    return np.asarray(value / total[..., None], np.float32)
