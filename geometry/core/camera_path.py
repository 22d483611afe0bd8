"""A camera's path: a few waypoints, and the poses of a camera on the curve through them.

A pose is a position (3,) and a unit look direction (3,) in the camera frame of the photo; down in
the image stays down in the photo. The curve is the one that Blender draws through the waypoints
with automatic handles, so measurements of it hold in Blender too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray, Intrinsics, Vector
from .messages import UserError
from .travel import Values, bezier_samples

FORWARD = np.array([0.0, 0.0, 1.0])
DOWN = np.array([0.0, 1.0, 0.0])
HANDLE = 2.5614
"""Constant of Blender's automatic handles, with which four points make a circle."""


class PathError(UserError):
    """A camera path can't be planned or used."""


@dataclass(frozen=True, eq=False)
class CameraPath:
    """Waypoints of a camera; the first one usually is the photo's pose.

    Attributes:
        positions: Positions (n, 3) in scene units, in the camera frame.
        looks: Unit look directions (n, 3) in the camera frame.
        focal: Factors (n,) on the photo's focal length, 1 except for a dolly zoom.
        closed: Whether the curve leads from the last waypoint back to the first.
    """

    positions: FloatArray
    looks: FloatArray
    focal: FloatArray
    closed: bool = False

    @classmethod
    def through(
        cls, positions: Values | FloatArray, looks: Values | FloatArray, closed: bool = False
    ) -> CameraPath:
        """Return a path with the photo's focal length.

        positions: (n, 3) in scene units; looks: directions (n, 3) of any length.
        """
        directions = np.asarray(looks, float)
        directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        count = len(directions)
        ones = np.ones(count, np.float32)
        points = np.asarray(positions, np.float32)
        return cls(points, directions.astype(np.float32), ones, closed)

    @property
    def count(self) -> int:
        """Number of waypoints."""
        return len(self.positions)


def slerp(start: Vector, end: Vector, fraction: float) -> Vector:
    """Return the unit vector (3,) at `fraction` of the arc between two unit vectors."""
    angle = float(np.arccos(np.clip(start @ end, -1.0, 1.0)))
    if angle < 1e-9:
        return start
    a, b = np.sin((1 - fraction) * angle), np.sin(fraction * angle)
    mixed = (a * start + b * end) / np.sin(angle)
    return mixed / np.linalg.norm(mixed)


def zoomed(camera: Intrinsics, factor: float) -> Intrinsics:
    """Return the camera with its focal length multiplied by `factor`."""
    return Intrinsics(camera.focal * factor, camera.cx, camera.cy, camera.width, camera.height)


def scaled_path(path: CameraPath, factor: float) -> CameraPath:
    """Scale a path about the photo's pose: 0 stays there, 1 is the path itself.

    Positions and focal factors are interpolated linearly, looks spherically.
    """
    looks = [slerp(FORWARD, np.asarray(look, float), factor) for look in path.looks]
    focal = 1.0 + (path.focal - 1.0) * factor
    positions = (path.positions * factor).astype(np.float32)
    return CameraPath(positions, np.array(looks, np.float32), focal.astype(np.float32), path.closed)


def auto_handles(points: Values, closed: bool = False) -> tuple[Values, Values]:
    """Return the left and right handles (n, 3) that Blender's type AUTO gives points (n, 3).

    A handle points along the mean of the directions from and to the neighbors; its length is the
    distance to the neighbor divided by HANDLE. An open curve continues straight at its ends. If
    both neighbors of a point lie in the same direction, its handles have no length.
    """
    points = np.asarray(points, float)
    if closed or len(points) == 1:
        before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    else:
        before = np.concatenate([2 * points[:1] - points[1:2], points[:-1]])
        after = np.concatenate([points[1:], 2 * points[-1:] - points[-2:-1]])
    to_before, to_after = points - before, after - points
    lengths = [np.linalg.norm(v, axis=1, keepdims=True) for v in (to_before, to_after)]
    units = [v / np.maximum(d, 1e-12) for v, d in zip((to_before, to_after), lengths, strict=True)]
    along = units[0] + units[1]
    size = np.linalg.norm(along, axis=1, keepdims=True)
    along = np.where(size > 1e-6, along / np.maximum(size * HANDLE, 1e-12), 0.0)
    return points - along * lengths[0], points + along * lengths[1]


def sampled_path(path: CameraPath, count: int) -> CameraPath:
    """Return `count` >= 1 poses, evenly spaced along the curve from the first waypoint to the last.

    A closed path is sampled up to its first waypoint again. Looks and focal factors are
    interpolated by the fraction traveled between two waypoints. If the camera doesn't move, the
    poses are spaced evenly from waypoint to waypoint.
    """
    order = np.append(np.arange(path.count), 0) if path.closed else np.arange(path.count)
    if len(order) == 1:
        order = np.zeros(2, int)
    positions, waypoint = _curve(path, order)
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    traveled = np.append(0.0, np.cumsum(steps))
    if traveled[-1] < 1e-9:
        traveled = waypoint
    even = np.linspace(0.0, traveled[-1], count)
    columns = [np.interp(even, traveled, column) for column in (*positions.T, waypoint)]
    looks, focal = _between(path, order, columns[3])
    return CameraPath(np.stack(columns[:3], axis=1).astype(np.float32), looks, focal)


def _curve(path: CameraPath, order: NDArray[np.intp]) -> tuple[Values, Values]:
    """Sample the curve through the waypoints `order` (indices).

    Returns positions (m, 3), and for each one the number (m,) of the waypoint before it plus the
    fraction traveled to the next.
    """
    points = path.positions.astype(float)
    left, right = auto_handles(points, path.closed)
    samples = bezier_samples(points[order], left[order], right[order])
    lengths = np.cumsum(np.linalg.norm(np.diff(samples, axis=1), axis=-1), axis=1)
    even = np.linspace(0.0, 1.0, lengths.shape[1] + 1)[1:]
    whole = lengths[:, -1:]
    fractions = np.where(whole > 1e-9, lengths / np.maximum(whole, 1e-9), even)
    fractions += np.arange(len(samples))[:, None]
    positions = np.concatenate([samples[0, :1], samples[:, 1:].reshape(-1, 3)])
    return positions, np.append(0.0, fractions.ravel())


def _between(
    path: CameraPath, order: NDArray[np.intp], waypoint: Values
) -> tuple[FloatArray, FloatArray]:
    """Interpolate looks (m, 3) and focal factors (m,) at fractional waypoint numbers (m,)."""
    looks = path.looks[order].astype(float)
    piece = np.minimum(waypoint.astype(int), len(order) - 2)
    turned = [slerp(looks[p], looks[p + 1], s - p) for p, s in zip(piece, waypoint, strict=True)]
    focal = np.interp(waypoint, np.arange(len(order)), path.focal[order])
    return np.array(turned, np.float32), focal.astype(np.float32)
