"""Stage 0: the photo at working size."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ...geometry.core.messages import to_json
from ..cache.stage_cache import Arrays
from ..common.errors import no_photo
from ..common.job_settings import JobSettings
from .context import StageContext
from .stage import FileInput, Stage


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Decode the photo.

    Returns:
        image: (H, W, 3), sRGB 0..1.
        focal_35mm: (1,), 35 mm equivalent focal length, 0 if the file doesn't record it.
        notes: (n,), messages for the artist as JSON.

    Raises PhotoError.
    """
    from ..photo.load import load_photo

    photo = load_photo(Path(settings.photo), settings.size)
    context.report(1.0)
    return {
        "image": photo.image,
        "focal_35mm": np.array([photo.focal_35mm or 0.0], np.float32),
        "notes": np.array([json.dumps(to_json(note)) for note in photo.notes], np.str_),
    }


STAGE = Stage(
    name="photo",
    label="Reading the photo",
    run=run,
    settings=("size",),
    files=(FileInput("photo", missing=no_photo),),
    weight=1,
)
