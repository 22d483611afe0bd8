"""Stage 4, layer inpainting (paper, eq. 3): what each layer hides is invented."""

from __future__ import annotations

import numpy as np

from ...geometry.core import ldi
from ...geometry.core.camera import FloatArray
from ..builtin.completion import complete
from ..cache import Arrays
from ..settings import JobSettings
from ..stage_context import StageContext
from ..ways import fill_hole

CONTEXT_MARGIN = 10 / 512
"""Erosion of a layer's context as a share of the size: about 10 px at 512."""

MIN_SKY = 0.005
"""Share of the wide photo from which a sky is worth a layer of its own."""


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Complete the picture of every layer behind the first.

    Returns `color` (L or L + 1, Hw, Ww, 3): layer 0 is the wide photo without fringes; layer i > 0
    is that where it is at or beyond the layer, and invented elsewhere. Where there is a sky, one
    layer more is the sky alone, going on behind everything: far things share the last depth
    interval with it, and beside them it is what comes into view. It is always continued from the
    sky itself: a model would paint what its prompt says, a valley say, onto the sky.
    """
    back, bins = inputs["back"], inputs["bins"]
    depth = ldi.depth_from_disparity(inputs["back_disparity"])
    seen = [depth >= near for near in bins[1:-1]]
    count = len(seen)
    sky = inputs["back_sky"] > 0.5
    if sky.mean() > MIN_SKY:
        seen.append(sky)
    guide = height_guide(depth.shape[0], depth.shape[1], float(inputs["horizon"][0]))
    layers = [back]
    for i, visible in enumerate(seen):
        context_mask = ldi.layer_context(visible, round(CONTEXT_MARGIN * settings.size))
        part = context.within(i / len(seen), (i + 1) / len(seen))
        seed = settings.seed + 1 + i
        if i == count:  # the sky
            filled = complete(back, ~context_mask, guide=guide, seed=seed, report=part.report)
        else:
            filled = fill_hole(back, ~context_mask, guide, seed, settings, part)
        layers.append(np.where(visible[..., None], back, filled))
    return {"color": np.stack(layers).astype(np.float32)}


def height_guide(height: int, width: int, horizon: float) -> FloatArray:
    """Guide channel (H, W, 1) for completion: height above or below the horizon, -1..1.

    It is what makes sky be filled from sky and ground from ground at the same height, also where
    the thing that is removed hid both.
    """
    rows = (np.arange(height, dtype=np.float32) + 0.5 - horizon) / height
    return np.repeat(np.clip(rows, -1, 1)[:, None], width, axis=1)[..., None].astype(np.float32)
