"""What stands upright is equally far away from its foot to its top.

In a single picture the network can't tell a wall or a tree from a slope for certain, and settles
for something between: facades and crowns lean back. Where it is sure that something stands,
differences of the disparity along its height are therefore taken out, except for steps, and
everything around follows smoothly (a screened Poisson equation over the logarithm of the
disparity).
"""

from __future__ import annotations

import numpy as np

from ...geometry.core.camera import FloatArray
from ..classical.multigrid import Grid, solve
from .maps import Map, probability
from .neighbors import likeness, neighbor_weights

TRUST, TRUST_UPRIGHT = 3e-3, 3e-4
"""Weight of the network's own value where nothing stands and where something stands upright,
relative to that of the difference between neighbors."""
STEP = 0.5
"""Difference of neighbors, in logarithms of the disparity, at which their weight is a half."""
STEEPNESS = 4
"""Power of the difference with which their weight falls."""
LEAST_WEIGHT = 1e-3
"""Added to the weights of neighbors: across a step too, both sides move a little together."""


def stand_up(maps: FloatArray) -> FloatArray:
    """Return log disparities (h, w) that hardly change along the height of what stands.

    Args:
        maps: (CHANNELS, h, w), of the scene network; see `maps.Map`.
    """
    log_disparity = maps[Map.LOG_DISPARITY]
    solid = (maps[Map.SKY] < 0.0).astype(np.float32)
    upright = np.clip(2.0 * _share_upright(maps) - 1.0, 0.0, 1.0)
    right, below = neighbor_weights(log_disparity, solid, STEP, STEEPNESS, LEAST_WEIGHT)
    rise = np.diff(log_disparity, axis=0)
    unwanted = (
        below * np.minimum(upright[1:], upright[:-1]) * likeness(rise, STEP, STEEPNESS) * rise
    )
    flow = np.zeros_like(log_disparity)
    flow[:-1] += unwanted
    flow[1:] -= unwanted
    trust = (TRUST + (TRUST_UPRIGHT - TRUST) * upright) * solid
    grid = Grid(solid, right, below, np.zeros_like(solid), trust.astype(np.float32))
    return np.asarray(log_disparity + solid * solve(grid.pyramid(), flow), np.float32)


def _share_upright(maps: FloatArray) -> FloatArray:
    """Return the probability (h, w) that a pixel shows something upright."""
    others = [probability(-maps[kind]) for kind in (Map.FLAT, Map.WATER, Map.SKY)]
    return np.asarray(np.prod(others, axis=0), np.float32)
