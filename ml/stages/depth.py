"""Stage 2: disparity of the outpainted photo."""

from __future__ import annotations

import numpy as np

from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from .context import StageContext
from .stage import Stage


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Estimate the disparity of `outpainted`.

    Returns:
        disparity: (Hw, Ww) 0..1, 1 is nearest, normalized over the outpainted photo.
        sky: (Hw, Ww) 0..1.
        horizon: (1,), row of the outpainted photo in pixels.
        depth_focal: (1,), focal length in pixels by the depth model, 0 if it estimates none.
        meters_per_unit: (1,), size of a scene unit by the depth model, 0 if it estimates none.
    """
    from ..models.backends import estimate_depth

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


STAGE = Stage(
    name="depth",
    label="Estimating depth",
    result_label="Disparity",
    run=run,
    needs=("outpaint",),
    models=("depth", "motion"),
    weight=10,
)
