"""Stage 1, outpainting (paper, eq. 1): the photo continued past its borders."""

from __future__ import annotations

import numpy as np

from ..cache.stage_cache import Arrays
from ..common.job_settings import DIFFUSION, JobSettings
from .context import StageContext
from .stage import Stage


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Extend `image` by the margin on every side.

    Returns:
        outpainted: (Hw, Ww, 3), with the photo unchanged in its middle.
        margins: (4,), pixels added at the top, right, bottom and left.
    """
    from ..models.backends import outpaint_photo

    image = inputs["image"]
    margin = round(settings.margin * max(image.shape[:2]))
    margins = (margin, margin, margin, margin)
    outpainted = outpaint_photo(image, margins, settings, context)
    return {"outpainted": outpainted, "margins": np.array(margins, np.int32)}


STAGE = Stage(
    name="outpaint",
    label="Outpainting the photo",
    result_label="Outpainted Photo",
    run=run,
    needs=("photo",),
    settings=("margin", "seed", *DIFFUSION),
    models=("inpaint", "motion"),
    weight=30,
    version=5,
)
