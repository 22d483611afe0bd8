"""Stage 2b, matting: mixed pixels along silhouettes are separated before the photo is layered, and
traces of silhouettes are taken out of the sky.

The layers are made from the image behind the silhouettes, in unmixed colors. What was taken off
comes back in the last stage as a fringe of semitransparent points.
"""

from __future__ import annotations

from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from .context import StageContext
from .stage import Stage

MIXED_EDGE = 1 / 512
"""Width of the mixed pixels along a silhouette as a fraction of the size."""
SOLID = 0.9
"""Opacity above which a fringe hides what is behind it."""


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Separate the silhouettes of `outpainted`.

    Returns:
        back: (Hw, Ww, 3), the image behind the fringe.
        back_disparity, back_sky: (Hw, Ww), disparity and sky of `back`.
        peeled: (Hw, Ww) bool, where the fringe hides `back`.
        fringe_opacity: (Hw, Ww) 0..1.
        fringe_color: (Hw, Ww, 3).
        fringe_source: (Hw, Ww), flat index of the pixel that the fringe belongs to.
    """
    from ...geometry.core.halos import peel_sky
    from ...geometry.core.matting import matte_edges

    image, disparity = inputs["outpainted"], inputs["disparity"]
    matte = matte_edges(image, disparity, max(1, round(MIXED_EDGE * settings.size)))
    matte = peel_sky(matte, image, inputs["sky"].ravel()[matte.far] > 0.5, settings.size)
    context.report(1.0)
    return {
        "back": matte.far_color,
        "back_disparity": disparity.ravel()[matte.far],
        "back_sky": inputs["sky"].ravel()[matte.far],
        "peeled": matte.opacity > SOLID,
        "fringe_opacity": matte.opacity,
        "fringe_color": matte.near_color,
        "fringe_source": matte.near,
    }


STAGE = Stage(
    name="matte",
    label="Separating silhouettes",
    run=run,
    needs=("outpaint", "depth"),
    settings=("size",),
    weight=1,
    version=3,
)
