"""Stage 1, outpainting (paper, eq. 1): a wider picture round the photo."""

from __future__ import annotations

import numpy as np

from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from ..models.backends import outpaint_photo
from .context import StageContext


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Grow `image` by the margin on every side.

    Returns `wide` (Hw, Ww, 3), the photo unchanged in its middle, and `margins` (4,): top, right,
    bottom, left in pixels.
    """
    image = inputs["image"]
    margin = round(settings.margin * max(image.shape[:2]))
    margins = (margin, margin, margin, margin)
    outpainted = outpaint_photo(image, margins, settings, context)
    return {"outpainted": outpainted, "margins": np.array(margins, np.int32)}
