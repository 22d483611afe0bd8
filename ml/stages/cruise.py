"""Stage 7, autocruise: where the camera flies (paper, section 3.4)."""

from __future__ import annotations

import numpy as np

from ...geometry.core import path_limits
from ...geometry.core.camera import FloatArray, Intrinsics, pixel_centers, unproject
from ...geometry.core.camera_path import scaled_path
from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from . import cameras
from .context import StageContext
from .stage import Stage


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Take one autocruise step from the photo's pose, as far as the outpainted photo covers.

    Returns:
        positions, look: (3, 3), waypoints in the camera frame.
        fraction: (1,), how much of autocruise's step was kept.
    """
    camera, outpainted_camera = cameras.cameras(inputs, settings.field_of_view)
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
    return {
        "positions": flown.positions,
        "look": flown.looks,
        "fraction": np.array([fraction], np.float32),
    }


def border_points(depth: FloatArray, camera: Intrinsics) -> FloatArray:
    """Return the points (n, 3) of the outermost pixels of a depth map (H, W)."""
    points = unproject(pixel_centers(*depth.shape), depth, camera)
    return np.concatenate([points[0], points[-1], points[:, 0], points[:, -1]])


STAGE = Stage(
    name="cruise",
    label="Planning the camera path",
    run=run,
    needs=(*cameras.NEEDS, "layer_depth"),
    settings=("fly", "field_of_view"),
    weight=1,
    version=2,
)
