"""Stage 4, layer inpainting (paper, eq. 3): what each layer hides is invented."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...geometry.core import ldi
from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from ..cache.stage_cache import Arrays
from ..classical.completion import complete
from ..common.job_settings import DIFFUSION, JobSettings
from ..models.backends import fill_hole
from .context import StageContext

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
    back, layer = inputs["back"], inputs["layer"]
    seen = [layer >= i for i in range(1, len(inputs["bins"]) - 1)]
    count = len(seen)
    sky = inputs["back_sky"] > 0.5
    if sky.mean() > MIN_SKY:
        seen.append(sky)
    layers = [back]
    for i, visible in enumerate(seen):
        part = context.within(i / len(seen), (i + 1) / len(seen))
        paint = partial(_painted, inputs, visible, i + 1, i == count, settings, part)
        filled = part.recall(_choice(settings, i + 1), paint)["filled"]
        layers.append(np.where(visible[..., None], back, filled))
    return {"color": np.stack(layers).astype(np.float32)}


def _choice(settings: JobSettings, layer: int) -> dict[str, Any]:
    """What a layer's painting depends on, beside what all layers do."""
    own = settings.subset(("size", *DIFFUSION))
    seed, prompt = settings.seed_of(layer), settings.prompt_of(layer)
    return own | {"layer": layer, "seed": seed, "prompt": prompt}


def _painted(
    inputs: Arrays,
    visible: Mask,
    layer: int,
    is_sky: bool,
    settings: JobSettings,
    context: StageContext,
) -> Arrays:
    """`filled` (Hw, Ww, 3): the picture with what is not `visible` (Hw, Ww) invented."""
    back = inputs["back"]
    height, width = visible.shape
    guide = height_guide(height, width, float(inputs["horizon"][0]))
    hole = ~ldi.layer_context(visible, round(CONTEXT_MARGIN * settings.size))
    seed = settings.seed_of(layer)
    if is_sky:
        filled = complete(back, hole, descriptors=guide, seed=seed, report=context.report)
    else:
        own = replace(settings, prompt=settings.prompt_of(layer))
        filled = fill_hole(back, hole, guide, seed, own, context)
    return {"filled": filled.astype(np.float32)}


def height_guide(height: int, width: int, horizon: float) -> FloatArray:
    """Guide channel (H, W, 1) for completion: height above or below the horizon, -1..1.

    It is what makes sky be filled from sky and ground from ground at the same height, also where
    the thing that is removed hid both.
    """
    rows = (np.arange(height, dtype=np.float32) + 0.5 - horizon) / height
    return np.repeat(np.clip(rows, -1, 1)[:, None], width, axis=1)[..., None].astype(np.float32)
