"""Stage 2: disparity of the wide photo."""

from __future__ import annotations

import numpy as np

from ...geometry.core.ldi import widen_near
from ..builtin.depth import estimate_disparity
from ..cache import Arrays
from ..context import Context
from ..settings import JobSettings

MIXED_EDGE = 2 / 512
"""Width of a silhouette's mixed pixels as a share of the size."""


def run(inputs: Arrays, settings: JobSettings, context: Context) -> Arrays:
    """Estimate `wide`'s disparity.

    Returns `disparity` (Hw, Ww) 0..1, normalised over the wide photo, `sky` (Hw, Ww) 0..1 and
    `horizon` (1,), a row of the wide photo in pixels.
    """
    estimate = estimate_disparity(inputs["wide"])
    context.report(1.0)
    disparity = widen_near(_normalised(estimate.disparity), round(MIXED_EDGE * settings.size))
    return {
        "disparity": disparity,
        "sky": np.where(disparity > 0, 0.0, estimate.sky).astype(np.float32),
        "horizon": np.array([estimate.horizon], np.float32),
    }


def _normalised(disparity: np.ndarray) -> np.ndarray:
    peak = float(disparity.max())
    return (disparity / peak if peak > 0 else disparity).astype(np.float32)
