"""Depth before the sky: edges and thin things are as far away as what they belong to.

Beside the sky the network is least sure of depth: it sees eaves, sails and twigs too near, and one
side of them nearer than the other. There its disparity is replaced by one that varies as little as
possible from what lies farther inside, and across no step that the network sees (a screened Poisson
equation over the logarithm of the disparity).
"""

from __future__ import annotations

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ..classical.multigrid import Grid, solve
from .neighbors import neighbor_weights

REACH = 6.0
"""Distance from the sky, in pixels of the maps, from which on the network is trusted."""
LEAST_TRUST, FULL_TRUST = 0.01, 10.0
"""Weight of the network's own value at the sky and from REACH on, relative to that of the
difference between neighbors."""
STEP = 0.3
"""Difference of neighbors, in logarithms of the disparity, at which their weight is a half."""
STEEPNESS = 6
"""Power of the difference with which their weight falls."""


def calm_outlines(log_disparity: FloatArray, sky: FloatArray) -> FloatArray:
    """Return log disparities (h, w) that are even along the outlines of what stands before the sky.

    Args:
        log_disparity: (h, w), up to an offset.
        sky: (h, w) share of sky, 0..1.
    """
    solid = sky < 0.5
    if solid.all() or not solid.any():
        return log_disparity
    away = cv2.distanceTransform(solid.astype(np.uint8), cv2.DIST_L2, 5)
    growth = np.clip((away - 1.0) / REACH, 0.0, 1.0)
    trust = LEAST_TRUST * (FULL_TRUST / LEAST_TRUST) ** growth
    inside = solid.astype(np.float32)
    right, below = neighbor_weights(log_disparity, inside, STEP, STEEPNESS)
    trust = (trust * inside).astype(np.float32)
    grid = Grid(inside, right, below, np.zeros_like(inside), trust)
    middle = float(np.median(log_disparity[solid]))
    calm = middle + solve(grid.pyramid(), trust * (log_disparity - middle))
    return np.where(solid, calm, log_disparity).astype(np.float32)
