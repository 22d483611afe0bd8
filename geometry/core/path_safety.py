"""How far a camera's path can go: what of each frame is beyond the picture, or invented.

From low views along the path. Where a view shows nothing, it has left the outpainted picture or
looks into a gap; where the nearest point was never seen in the photo, an invented area is open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .camera import FloatArray, Intrinsics
from .camera_path import CameraPath, zoomed
from .low_view import low_camera, render_low

MAX_UNCOVERED, MAX_INPAINTED = 0.005, 0.1
"""Shares of the frame up to which a path counts as safe unless told otherwise."""


@dataclass(frozen=True, eq=False)
class PathSafety:
    """Shares 0..1 of the frame, (n,) float32 each, at n poses along a path: uncovered, where
    nothing is; invented, where the nearest point was made up."""

    uncovered: FloatArray
    inpainted: FloatArray


def check_path(
    points: FloatArray,
    radius: FloatArray,
    observed: FloatArray,
    camera: Intrinsics,
    poses: CameraPath,
) -> PathSafety:
    """What the frame shows at each of `poses`, taken as they are, for example from `sampled_path`.

    points (P, 3) and radius (P,) in scene units and the camera frame; known (P,): 1 seen, 0
    invented; camera: of the rendered picture.
    """
    shares = np.zeros((2, poses.count), np.float32)
    small = low_camera(camera)
    for i, (position, look, focal) in enumerate(
        zip(poses.positions, poses.looks, poses.focal, strict=True)
    ):
        view = render_low(points, radius, zoomed(small, float(focal)), position, look)
        shown = view.index[view.index >= 0]
        inpainted = (observed[shown] < 0.5).sum() / view.index.size
        shares[:, i] = view.uncovered, inpainted
    return PathSafety(shares[0], shares[1])
