"""Stage 4, layer inpainting (paper, eq. 3): what each layer hides is invented."""

from __future__ import annotations

import numpy as np

from ...geometry.core import ldi
from ...geometry.core.camera import FloatArray
from ..builtin.completion import complete
from ..cache import Arrays
from ..context import Context
from ..settings import JobSettings

CONTEXT_MARGIN = 10 / 512
"""Erosion of a layer's context as a share of the size: about 10 px at 512."""


def run(inputs: Arrays, settings: JobSettings, context: Context) -> Arrays:
    """Complete the picture of every layer behind the first.

    Returns `color` (L, Hw, Ww, 3): layer 0 is the wide photo; layer i > 0 is the wide photo where
    it is at or beyond the layer, and invented elsewhere.
    """
    wide, bins = inputs["wide"], inputs["bins"]
    depth = ldi.depth_from_disparity(inputs["disparity"])
    guide = region_guide(inputs["sky"], float(inputs["horizon"][0]))
    layers = [wide]
    steps = len(bins) - 2
    for i in range(1, len(bins) - 1):
        seen = ldi.layer_context(depth, bins[i], round(CONTEXT_MARGIN * settings.size))
        report = context.part((i - 1) / steps, i / steps)
        filled = complete(wide, ~seen, guide=guide, seed=settings.seed + i, report=report)
        layers.append(np.where((depth >= bins[i])[..., None], wide, filled))
    return {"color": np.stack(layers).astype(np.float32)}


def region_guide(sky: FloatArray, horizon: float) -> FloatArray:
    """Guide channel (H, W, 1) for completion: height above or below the horizon, -1..1.

    It is what makes sky be filled from sky and ground from ground at the same height, also where
    the thing that is removed hid both.
    """
    height, width = sky.shape
    rows = (np.arange(height, dtype=np.float32) + 0.5 - horizon) / height
    return np.repeat(np.clip(rows, -1, 1)[:, None], width, axis=1)[..., None].astype(np.float32)
