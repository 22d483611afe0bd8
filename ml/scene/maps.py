"""The maps that the scene network gives for a picture: one output, a channel for each.

The network takes `image`, (1, 3, H, W) float32, sRGB scaled to -1..1 (rgb * 2 - 1), with H and W
multiples of `MULTIPLE`, and gives `maps`, (1, `CHANNELS`, H / 2, W / 2).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from ...geometry.core.camera import FloatArray

INPUT, OUTPUT = "image", "maps"
"""Names of the network's input and output."""
MULTIPLE = 32
"""Height and width of the input must be multiples of this."""
STRIDE = 2
"""One pixel of the output covers so many pixels of the input, in both directions."""


class Map(IntEnum):
    """A channel of the output.

    A logit is the logarithm of the odds: the sigmoid function makes a probability of it.
    """

    LOG_DISPARITY = 0
    """Natural logarithm of the disparity, up to an offset that differs from picture to picture."""
    SKY = 1
    """Logit of how much of the pixel is sky."""
    CLOUDS = 2
    """Logit of how dense the clouds are; meaningless off the sky."""
    WATER = 3
    """Logit of water, falling water included."""
    FALLS = 4
    """Logit of falling or white, rushing water."""
    FLAT = 5
    """Logit of flat ground or water against what stands upright; meaningless in the sky."""
    SILHOUETTES = 6
    """Logit of a silhouette: depth steps at this pixel."""
    LATITUDE = 7
    """Elevation angle of the viewing ray above the horizontal, in radians."""


CHANNELS = len(Map)


def probability(logits: FloatArray) -> FloatArray:
    """Return the probabilities of logits of any shape; that of the opposite has the other sign."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * logits), np.float32)
