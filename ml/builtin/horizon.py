"""Where the ground ends: the row of the horizon."""

from __future__ import annotations

import numpy as np

from ...geometry.core.camera import FloatArray

HIGHEST, LOWEST = 0.2, 0.75
WITHOUT_SKY = 0.3
"""Share of the height at which the horizon is taken to be where no sky is seen."""
MIN_WIDTH = 0.02


def horizon_row(sky: FloatArray) -> float:
    """Row (pixels, from the top) of the horizon of a picture with this sky mask (H, W) 0..1.

    The sky reaches down to the horizon where nothing stands before it: the lowest row that has sky
    over at least a fiftieth of the width, kept within the picture's middle.
    """
    height = sky.shape[0]
    rows = np.flatnonzero((sky > 0.5).mean(1) >= MIN_WIDTH)
    row = float(rows.max() + 1) if len(rows) else WITHOUT_SKY * height
    return float(np.clip(row, HIGHEST * height, LOWEST * height))
