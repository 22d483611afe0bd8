"""Stage 2b, matting: the mixed pixels of silhouettes are taken apart before layers are cut.

The layers are made of what is left behind the silhouettes, in clean colors; what was taken off
comes back at the end, as a fringe of points that let through what is behind.
"""

from __future__ import annotations

from ...geometry.core.matting import matte_edges
from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from .context import StageContext

MIXED_EDGE = 1 / 512
"""Width of a silhouette's mixed pixels as a share of the size."""
SOLID = 0.9
"""Opacity from which a fringe hides what is behind it."""


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Take the silhouettes of `wide` apart.

    Returns `back` (Hw, Ww, 3), `back_disparity`, `back_sky` (Hw, Ww): the picture behind the
    fringe, with the depth stage's maps as they are there; `peeled` (Hw, Ww) bool, where that was
    hidden by what is near; `fringe_opacity` (Hw, Ww), `fringe_color` (Hw, Ww, 3) and
    `fringe_source` (Hw, Ww), the flat index of the pixel that the fringe belongs to.
    """
    disparity = inputs["disparity"]
    matte = matte_edges(inputs["outpainted"], disparity, max(1, round(MIXED_EDGE * settings.size)))
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
