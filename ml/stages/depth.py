"""Stage 2: disparity of the wide photo."""

from __future__ import annotations

import numpy as np

from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from ..models.backends import estimate_depth
from .context import StageContext


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Estimate `wide`'s disparity.

    Returns `disparity` (Hw, Ww) 0..1, normalized over the wide photo, `sky` (Hw, Ww) 0..1,
    `horizon` (1,), a row of the wide photo in pixels, and what a depth model told of the lens and
    the scene's size, 0 where none did: `depth_focal` (1,) pixels, `meters_per_unit` (1,).
    """
    estimate = estimate_depth(inputs["outpainted"], settings, context)
    context.report(1.0)
    peak = float(estimate.disparity.max()) or 1.0
    disparity = (estimate.disparity / peak).astype(np.float32)
    return {
        "disparity": disparity,
        "sky": np.where(disparity > 0, 0.0, estimate.sky).astype(np.float32),
        "horizon": np.array([estimate.horizon], np.float32),
        "depth_focal": np.array([estimate.focal], np.float32),
        "meters_per_unit": np.array([estimate.meters_per_unit / peak], np.float32),
    }
