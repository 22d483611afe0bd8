"""Stage 5, what every layer shows (paper, eq. 4 and 5): above all its depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...geometry.core.camera import FloatArray
from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from .context import StageContext
from .stage import Stage

if TYPE_CHECKING:
    from ..scene.reading import SceneReading


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Compute the depth of every layer and which pixels belong to it.

    Returns:
        depth: (L, Hw, Ww), scene units.
        member: (L, Hw, Ww) bool, the pixels of the layer; the last layer has all of them.
        observed: (L, Hw, Ww) bool, the pixels seen in the photo.
        layer_sky, layer_water, layer_falls: (L, Hw, Ww) 0..1, of each layer's completed image.
    """
    from ...geometry.core import ldi
    from ..models.backends import read_image

    bins, seen_depth = inputs["bins"], ldi.depth_from_disparity(inputs["back_disparity"])
    layer = inputs["layer"]
    depths, members = [seen_depth], [layer == 0]
    regions = {"sky": [inputs["back_sky"]], "water": [inputs["water"]], "falls": [inputs["falls"]]}
    count = len(bins) - 1
    for i in range(1, count):
        part = context.within((i - 1) / (count - 1), i / (count - 1))
        reading = read_image(inputs["color"][i], settings, part)
        depth = _layer_depth(reading, inputs, settings, i)
        depth = np.where(layer < i, np.maximum(depth, depths[-1] * ldi.PUSH_BACK), depth)
        depths.append(np.minimum(depth, bins[-1] * ldi.PUSH_BACK**i).astype(np.float32))
        last = i == count - 1
        members.append((layer == i) | ((layer < i) & (last | (depth < bins[i + 1]))))
        for name, masks in regions.items():
            masks.append(getattr(reading, name))
        context.report(i / (count - 1))
    seen = ~inputs["peeled"]
    observed = [(layer == i) & seen for i in range(count)]
    if len(inputs["color"]) > count:
        # The sky behind everything, beyond the last layer, wherever the sky itself isn't seen.
        depths.append(np.full_like(seen_depth, float(bins[-1]) * ldi.PUSH_BACK**count))
        members.append(inputs["back_sky"] <= 0.5)
        for name, masks in regions.items():
            masks.append(np.full_like(seen_depth, float(name == "sky")))
        observed.append(np.zeros_like(layer, bool))
    return {
        "depth": np.stack(depths),
        "member": np.stack(members),
        "observed": np.stack(observed),
        **{f"layer_{name}": np.stack(masks) for name, masks in regions.items()},
    }


def _layer_depth(
    reading: SceneReading, inputs: Arrays, settings: JobSettings, i: int
) -> FloatArray:
    from ...geometry.core import ldi

    bins, disparity = inputs["bins"], inputs["back_disparity"]
    seen = inputs["layer"] >= i
    if settings.layer_depth == "paper":
        depth = ldi.depth_from_disparity(reading.disparity)
        everywhere = np.ones_like(seen)
        return ldi.remap_layer_depth(depth, everywhere, float(bins[i]), float(bins[i + 1]))
    return ldi.align_layer_depth(
        reading.disparity, disparity, seen, float(bins[i]), float(bins[-1])
    )


STAGE = Stage(
    name="layer_depth",
    label="Estimating layer depth",
    result_label="Layer Depth",
    run=run,
    needs=("depth", "matte", "cluster", "inpaint"),
    settings=("layer_depth",),
    models=("depth", "motion"),
    weight=15,
    version=5,
)
