"""Stage 7, autocruise: where the camera flies (paper, section 3.4)."""

from __future__ import annotations

import numpy as np

from ...geometry.core import path_limits
from ...geometry.core.camera import FloatArray, Intrinsics, pixel_centers, unproject
from ...geometry.core.camera_path import scaled_path
from ..cache.stage_cache import Arrays
from ..classical.tilt import horizon_tilt
from ..common.job_settings import JobSettings
from .context import StageContext


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """One autocruise step from the photo's pose, within what the wide photo can show.

    Returns `positions`, `look` (3, 3) waypoints in the camera frame, `fraction` (1,), the share
    of autocruise's step that could be kept, and `tilt` (1,), radians by which the photo's horizon
    is turned clockwise, 0 where nothing tells.
    """
    camera, outpainted_camera = cameras(inputs, settings)
    top, right, bottom, left = (int(m) for m in inputs["margins"])
    height, width = inputs["disparity"].shape
    inside = slice(top, height - bottom), slice(left, width - right)
    position, look = path_limits.cruise_pose(inputs["disparity"][inside], camera)
    if settings.fly == "out":
        position, look = path_limits.backward_from(position, look)
    whole = path_limits.straight_path(position, look)
    border = border_points(inputs["depth"][0], outpainted_camera)
    fraction = path_limits.safe_fraction(border, camera, whole)
    flown = scaled_path(whole, fraction)
    context.report(1.0)
    tilt = horizon_tilt(inputs["image"], inputs["sky"][inside])
    return {
        "positions": flown.positions,
        "look": flown.looks,
        "fraction": np.array([fraction], np.float32),
        "tilt": np.array([tilt], np.float32),
    }


def cameras(inputs: Arrays, settings: JobSettings) -> tuple[Intrinsics, Intrinsics]:
    """Intrinsics of the photo and of the wide photo.

    The lens is what the file tells, else what the depth model tells, else the setting.
    """
    height, width = inputs["image"].shape[:2]
    focal, depth_focal = (float(inputs[name][0]) for name in ("focal_35mm", "depth_focal"))
    if focal > 0:
        camera = Intrinsics.from_focal_35mm(width, height, focal)
    elif depth_focal > 0:
        camera = Intrinsics(depth_focal, width / 2, height / 2, width, height)
    else:
        camera = Intrinsics.from_field_of_view(width, height, settings.field_of_view)
    top, right, bottom, left = (int(m) for m in inputs["margins"])
    return camera, camera.padded(top, right, bottom, left)


def border_points(depth: FloatArray, camera: Intrinsics) -> FloatArray:
    """Points (n, 3) of the outermost pixels of a depth map (H, W)."""
    points = unproject(pixel_centers(*depth.shape), depth, camera)
    return np.concatenate([points[0], points[-1], points[:, 0], points[:, -1]])
