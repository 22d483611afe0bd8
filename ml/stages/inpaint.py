"""Stage 4, layer inpainting (paper, eq. 3): what nearer layers hide is filled in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...geometry.core.camera import FloatArray
from ..cache.stage_cache import Arrays
from ..common.job_settings import DIFFUSION, PER_LAYER, JobSettings
from .context import StageContext
from .stage import Stage

if TYPE_CHECKING:
    from ...geometry.core.ldi import Mask

CONTEXT_MARGIN = 10 / 512
"""Erosion of a layer's context as a fraction of the size: about 10 px at 512."""

MIN_SKY = 0.005
"""Fraction of the outpainted photo above which the sky gets a layer of its own."""

SKY_WEIGHT = 0.6
"""How much sky and anything else differ for the built-in backend, in units of black and white."""


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Complete the image of every layer behind the first.

    Layer 0 is the outpainted photo without fringes. Layer i > 0 equals it at and beyond the
    layer's depth, and is inpainted elsewhere. Where there is a sky, a last layer holds the sky
    alone, continued behind everything: far things share the last depth interval with the sky, and
    the sky is what comes into view beside them. It is always continued from the sky itself: a
    model would paint what its prompt says, such as a valley, into the sky.

    Returns:
        color: (L or L + 1, Hw, Ww, 3).
    """
    back, layer = inputs["back"], inputs["layer"]
    visible_areas = [layer >= i for i in range(1, len(inputs["bins"]) - 1)]
    count = len(visible_areas)
    sky = inputs["back_sky"] > 0.5
    if sky.mean() > MIN_SKY:
        visible_areas.append(sky)
    layers = [back]
    for i, visible in enumerate(visible_areas):
        part = context.within(i / len(visible_areas), (i + 1) / len(visible_areas))
        inpaint = partial(_inpaint, inputs, visible, i + 1, i == count, settings, part)
        filled = part.recall(_choice(settings, i + 1), inpaint)["filled"]
        layers.append(np.where(visible[..., None], back, filled))
    return {"color": np.stack(layers).astype(np.float32)}


def _choice(settings: JobSettings, layer: int) -> dict[str, Any]:
    """Return what a layer's inpainting depends on beside the inputs of the stage."""
    own = settings.subset(("size", *DIFFUSION))
    seed, prompt = settings.seed_of(layer), settings.prompt_of(layer)
    return own | {"layer": layer, "seed": seed, "prompt": prompt}


def _inpaint(
    inputs: Arrays,
    visible: Mask,
    layer: int,
    is_sky: bool,
    settings: JobSettings,
    context: StageContext,
) -> Arrays:
    """Return `filled` (Hw, Ww, 3): the image, inpainted where it is not `visible` (Hw, Ww)."""
    from ...geometry.core import ldi
    from ..classical.completion import complete, continue_sideways
    from ..models.backends import fill_hole

    back = inputs["back"]
    hole = ~ldi.layer_context(visible, round(CONTEXT_MARGIN * settings.size))
    height, width = visible.shape
    guide = height_guide(height, width, float(inputs["horizon"][0]))
    if is_sky:
        seed = settings.seed_of(layer)
        filled = complete(back, hole, descriptors=guide, seed=seed, report=context.report)
    else:

        def with_sky() -> FloatArray:
            """Return the guide with the share of sky, continued into the hole."""
            sky = inputs["back_sky"][..., None]
            sky = np.where(hole[..., None], continue_sideways(sky, ~hole), sky)
            return np.concatenate([guide, SKY_WEIGHT * sky], axis=2)

        filled = fill_hole(back, hole, with_sky, layer, settings, context)
    return {"filled": filled.astype(np.float32)}


def height_guide(height: int, width: int, horizon: float) -> FloatArray:
    """Return a guide channel (H, W, 1) for completion: height relative to the horizon, -1..1.

    It makes sky fill from sky and ground from ground at the same height, even where the removed
    object hid both.
    """
    rows = (np.arange(height, dtype=np.float32) + 0.5 - horizon) / height
    return np.repeat(np.clip(rows, -1, 1)[:, None], width, axis=1)[..., None].astype(np.float32)


STAGE = Stage(
    name="inpaint",
    label="Inpainting hidden areas",
    result_label="Inpainting",
    run=run,
    needs=("depth", "matte", "cluster"),
    settings=("seed", "size", *DIFFUSION, *PER_LAYER),
    models=("inpaint",),
    weight=40,
    version=4,
)
