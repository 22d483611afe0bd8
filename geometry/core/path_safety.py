"""How much of each frame along a camera path is uncovered or inpainted.

It is measured in low-resolution views along the path. A view is uncovered where it shows nothing:
the camera looks past the outpainted photo or into a gap. It is inpainted where the nearest point
wasn't observed in the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .camera import FloatArray, Intrinsics
from .camera_path import CameraPath, zoomed
from .low_view import low_camera, render_low

MAX_UNCOVERED, MAX_INPAINTED = 0.005, 0.1
"""Default limits, as fractions of the frame, up to which a path counts as safe."""


@dataclass(frozen=True, eq=False)
class PathSafety:
    """Fractions 0..1 of the frame, each (n,) float32, at n poses along a path.

    Attributes:
        uncovered: Where there is no point.
        inpainted: Where the nearest point is inpainted.
    """

    uncovered: FloatArray
    inpainted: FloatArray


def check_path(
    points: FloatArray,
    radius: FloatArray,
    observed: FloatArray,
    camera: Intrinsics,
    poses: CameraPath,
) -> PathSafety:
    """Measure what the frame shows at each pose.

    Args:
        points: Positions (P, 3) in scene units and the camera frame.
        radius: Radii (P,) in scene units.
        observed: 1 for observed points, 0 for inpainted points, (P,).
        camera: Intrinsics of the rendered image.
        poses: The poses, for example from `sampled_path`.
    """
    fractions = np.zeros((2, poses.count), np.float32)
    small = low_camera(camera)
    for i, (position, look, focal) in enumerate(
        zip(poses.positions, poses.looks, poses.focal, strict=True)
    ):
        view = render_low(points, radius, zoomed(small, float(focal)), position, look)
        shown = view.index[view.index >= 0]
        inpainted = (observed[shown] < 0.5).sum() / view.index.size
        fractions[:, i] = view.uncovered, inpainted
    return PathSafety(fractions[0], fractions[1])
