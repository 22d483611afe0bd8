"""Stage 0: the photo at working size."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ...geometry.core.messages import to_json
from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from ..photo.load import load_photo
from .context import StageContext


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Decode the photo.

    Returns `image` (H, W, 3), `focal_35mm` (1,), the 35 mm equivalent focal length or 0 where the
    file does not tell, and `notes` (n,), sentences for the artist as JSON. Raises
    photo.PhotoError.
    """
    photo = load_photo(Path(settings.photo), settings.size)
    context.report(1.0)
    return {
        "image": photo.image,
        "focal_35mm": np.array([photo.focal_35mm or 0.0], np.float32),
        "notes": np.array([json.dumps(to_json(note)) for note in photo.notes], np.str_),
    }
