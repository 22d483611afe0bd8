"""The camera that took the photo, as far as the stages know it."""

from __future__ import annotations

from ...geometry.core.camera import Intrinsics
from ..cache.stage_cache import Arrays

NEEDS = ("photo", "outpaint", "depth")
"""Stages whose arrays `cameras` reads."""


def cameras(inputs: Arrays, field_of_view: float) -> tuple[Intrinsics, Intrinsics]:
    """Return the intrinsics of the photo and of the outpainted photo.

    The focal length is the photo file's, else the depth model's, else that of the field of view in
    radians.
    """
    height, width = inputs["image"].shape[:2]
    focal, depth_focal = (float(inputs[name][0]) for name in ("focal_35mm", "depth_focal"))
    if focal > 0:
        camera = Intrinsics.from_focal_35mm(width, height, focal)
    elif depth_focal > 0:
        camera = Intrinsics(depth_focal, width / 2, height / 2, width, height)
    else:
        camera = Intrinsics.from_field_of_view(width, height, field_of_view)
    top, right, bottom, left = (int(m) for m in inputs["margins"])
    return camera, camera.padded(top, right, bottom, left)
