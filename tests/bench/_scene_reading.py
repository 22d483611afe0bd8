"""How the built-in methods read a picture: the benchmark's only access to the product."""

from __future__ import annotations

from dataclasses import dataclass

from _quality_runs import quiet_context
from make_4d.geometry.core.camera import FloatArray
from make_4d.ml.common.job_settings import JobSettings
from make_4d.ml.models.backends import read_image


@dataclass(frozen=True, eq=False)
class Reading:
    """What a method sees in a picture (H, W). Masks are float32, 0..1.

    Attributes:
        sky: The sky.
        water: Still or drifting water.
        falls: Falling water.
        flat: What lies flat, against what stands upright; meaningless in the sky. None if the
            method doesn't say.
        disparity: 1 / depth in any unit, 0 in the sky.
        horizon: Row of the horizon in pixels, may lie outside the picture.
    """

    sky: FloatArray
    water: FloatArray
    falls: FloatArray
    flat: FloatArray | None
    disparity: FloatArray
    horizon: float


def read(image: FloatArray) -> Reading:
    """Read a picture (H, W, 3), sRGB 0..1, with the functions that the stages call."""
    settings, context = JobSettings("photo.png", size=max(image.shape[:2])), quiet_context()
    seen = read_image(image, settings, context)
    return Reading(seen.sky, seen.water, seen.falls, seen.flat, seen.disparity, seen.horizon)
