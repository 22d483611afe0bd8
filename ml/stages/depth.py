"""Stage 2: what the outpainted photo shows: disparity, sky, water, horizon, camera."""

from __future__ import annotations

import json

import numpy as np

from ...geometry.core.messages import Message, to_json
from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from .context import StageContext
from .stage import Stage

UNCERTAIN = "Depth is uncertain: a pretrained model will do better."
MIN_CONFIDENCE = 0.5
"""Confidence below which the artist is told, and the photo counts as level."""
MIN_TILT, MAX_TILT = 0.06, 0.4
"""Radians; a horizon that is tilted less counts as level, one that is tilted more as unknown."""


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Read what `outpainted` shows.

    Returns:
        disparity: (Hw, Ww) 0..1, 1 is nearest, normalized over the outpainted photo.
        sky: (Hw, Ww) 0..1.
        water, falls: (Hw, Ww) 0..1, still or drifting water and falling water.
        horizon: (1,), row of the outpainted photo in pixels.
        tilt: (1,), radians by which the horizon is turned clockwise, 0 if level or unknown.
        depth_focal: (1,), estimated focal length in pixels, 0 if unknown.
        meters_per_unit: (1,), size of a scene unit by the depth model, 0 if it estimates none.
        depth_notes: (n,), messages for the artist as JSON.
    """
    from ..models.backends import read_image

    top, right, bottom, left = (int(m) for m in inputs["margins"])
    margins = (top, right, bottom, left)
    reading = read_image(inputs["outpainted"], settings, context, margins)
    context.report(1.0)
    peak = float(reading.disparity.max()) or 1.0
    disparity = (reading.disparity / peak).astype(np.float32)
    is_certain = reading.confidence >= MIN_CONFIDENCE
    is_tilted = is_certain and MIN_TILT <= abs(reading.roll) <= MAX_TILT
    notes = [] if is_certain else [Message(UNCERTAIN)]
    return {
        "disparity": disparity,
        "sky": np.where(disparity > 0, 0.0, reading.sky).astype(np.float32),
        "water": reading.water,
        "falls": reading.falls,
        "horizon": np.array([reading.horizon], np.float32),
        "tilt": np.array([reading.roll if is_tilted else 0.0], np.float32),
        "depth_focal": np.array([reading.focal if is_certain else 0.0], np.float32),
        "meters_per_unit": np.array([reading.meters_per_unit / peak], np.float32),
        "depth_notes": np.array([json.dumps(to_json(note)) for note in notes], np.str_),
    }


STAGE = Stage(
    name="depth",
    label="Estimating depth",
    result_label="Disparity",
    run=run,
    needs=("outpaint",),
    models=("depth", "motion"),
    weight=10,
    version=5,
)
