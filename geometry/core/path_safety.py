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

SAMPLES = 20
MAX_UNCOVERED, MAX_INVENTED = 0.005, 0.25


@dataclass(frozen=True, eq=False)
class PathSafety:
    """Shares 0..1 of the frame, (n,) float32 each, at n poses along a path: uncovered, where
    nothing is; invented, where the nearest point was made up."""

    uncovered: FloatArray
    invented: FloatArray

    def within(self, max_uncovered: float, max_invented: float) -> np.ndarray:
        """Which poses (n,) keep both shares at their limits or below."""
        return (self.uncovered <= max_uncovered) & (self.invented <= max_invented)


def check_path(
    points: FloatArray,
    radius: FloatArray,
    known: FloatArray,
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
        invented = (known[shown] < 0.5).sum() / view.index.size
        shares[:, i] = view.uncovered, invented
    return PathSafety(shares[0], shares[1])


def safe_share(
    report: PathSafety,
    max_uncovered: float = MAX_UNCOVERED,
    max_invented: float = MAX_INVENTED,
) -> float:
    """How far along evenly spaced poses every frame keeps the limits: 0 (not even at first) to 1.

    A share s of n poses: pose s * (n - 1) is the last before the first that breaks a limit.
    """
    broken = np.flatnonzero(~report.within(max_uncovered, max_invented))
    last = (broken[0] if len(broken) else len(report.uncovered)) - 1
    return max(0.0, last / max(1, len(report.uncovered) - 1))
