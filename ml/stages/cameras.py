"""The camera that took the photo, as far as the stages know it."""

from __future__ import annotations

import math

from ...geometry.core.camera import Intrinsics
from ..cache.stage_cache import Arrays

USUAL_FIELD_OF_VIEW = math.radians(55.0)
"""Radians across the longer side, where nothing else is known."""
NEEDS = ("photo", "outpaint", "depth")
"""Stages whose arrays `cameras` reads."""


def cameras(inputs: Arrays, field_of_view: float) -> tuple[Intrinsics, Intrinsics]:
    """Return the intrinsics of the photo and of the outpainted photo.

    The focal length is the photo file's, else that of the artist's field of view in radians, else,
    if that is 0, the estimated one.
    """
    height, width = inputs["image"].shape[:2]
    focal, depth_focal = (float(inputs[name][0]) for name in ("focal_35mm", "depth_focal"))
    if focal > 0:
        camera = Intrinsics.from_focal_35mm(width, height, focal)
    elif depth_focal > 0 and not field_of_view:
        camera = Intrinsics(depth_focal, width / 2, height / 2, width, height)
    else:
        angle = field_of_view or USUAL_FIELD_OF_VIEW
        camera = Intrinsics.from_field_of_view(width, height, angle)
    top, right, bottom, left = (int(m) for m in inputs["margins"])
    return camera, camera.padded(top, right, bottom, left)
