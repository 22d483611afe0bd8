"""Stage 3: the depth intervals of the layers (paper, eq. 2)."""

from __future__ import annotations

import numpy as np

from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from .context import StageContext
from .stage import Stage


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Cluster `back_disparity`.

    Only the photo's own pixels decide where layers begin: the ground outpainted below a photo
    would claim the nearest layer for itself. The first and the last interval are extended to
    include the margins.

    Returns:
        bins: (L + 1,), ascending depths.
        layer: (Hw, Ww) uint8, the layer that each pixel belongs to.
    """
    from ...geometry.core import ldi
    from ..classical.depth_bins import cluster_bins, sample

    disparity = inputs["back_disparity"]
    top, right, bottom, left = (int(m) for m in inputs["margins"])
    height, width = disparity.shape
    photo = disparity[top : height - bottom, left : width - right]
    inner = cluster_bins(sample(photo), settings.layers)[1:-1]
    ends = ldi.depth_from_disparity(np.array([disparity.max(), disparity.min()], np.float32))
    first, last = ends[0] - ldi.END_SLACK, ends[1] + ldi.END_SLACK
    bins = np.concatenate([[first], inner, [last]]).astype(np.float32)
    layer = ldi.layer_of_depth(ldi.depth_from_disparity(disparity), bins)
    context.report(1.0)
    return {"bins": bins, "layer": layer.astype(np.uint8)}


STAGE = Stage(
    name="cluster",
    label="Splitting into layers",
    result_label="Layers",
    run=run,
    needs=("outpaint", "matte"),
    settings=("layers",),
    weight=1,
)
