"""A camera's path as a handful of waypoints, and the poses that a camera on its curve goes through.

Poses are a position (3,) and a unit look direction (3,) in the camera frame of the photo; the down
direction of the picture stays that of the photo. The curve is the one that Blender draws through
the waypoints with automatic handles, so what is measured here holds for what is flown there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray, Intrinsics, Vector
from .travel import Values, bezier_samples

FORWARD = np.array([0.0, 0.0, 1.0])
DOWN = np.array([0.0, 1.0, 0.0])
HANDLE = 2.5614
"""Blender's automatic handles: this makes four points a circle."""


@dataclass(frozen=True, eq=False)
class CameraPath:
    """Waypoints of a camera.

    positions (n, 3) in scene units, looks (n, 3) of unit length, both in the camera frame; focal
    (n,): factor on the photo's focal length, 1 but for a dolly zoom; closed: the curve leads from
    the last waypoint back to the first. The first pose usually is the photo's own.
    """

    positions: FloatArray
    looks: FloatArray
    focal: FloatArray
    closed: bool = False

    @classmethod
    def through(
        cls, positions: Values | FloatArray, looks: Values | FloatArray, closed: bool = False
    ) -> CameraPath:
        """A path with the photo's focal length; positions (n, 3), looks (n, 3) of any length."""
        directions = np.asarray(looks, float)
        directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        count = len(directions)
        ones = np.ones(count, np.float32)
        places = np.asarray(positions, np.float32)
        return cls(places, directions.astype(np.float32), ones, closed)

    @property
    def count(self) -> int:
        """Number of waypoints."""
        return len(self.positions)


def slerp(start: Vector, end: Vector, fraction: float) -> Vector:
    """Unit vector (3,) at `fraction` of the great arc from `start` to `end` (unit vectors)."""
    angle = float(np.arccos(np.clip(start @ end, -1.0, 1.0)))
    if angle < 1e-9:
        return start
    a, b = np.sin((1 - fraction) * angle), np.sin(fraction * angle)
    mixed = (a * start + b * end) / np.sin(angle)
    return mixed / np.linalg.norm(mixed)


def zoomed(camera: Intrinsics, factor: float) -> Intrinsics:
    """The camera with its focal length times `factor`."""
    return Intrinsics(camera.focal * factor, camera.cx, camera.cy, camera.width, camera.height)


def scaled_path(path: CameraPath, factor: float) -> CameraPath:
    """The path about the photo's pose, `factor` times as far: 0 stays there, 1 is the path.

    Positions and focal factors by linear, looks by spherical interpolation.
    """
    looks = [slerp(FORWARD, np.asarray(look, float), factor) for look in path.looks]
    focal = 1.0 + (path.focal - 1.0) * factor
    positions = (path.positions * factor).astype(np.float32)
    return CameraPath(positions, np.array(looks, np.float32), focal.astype(np.float32), path.closed)


def auto_handles(points: Values, closed: bool = False) -> tuple[Values, Values]:
    """Left and right handles (n, 3) that Blender's type "AUTO" gives points (n, 3) of a curve.

    Along the mean of the directions from and to the neighbors, as long as the way to the neighbor
    over HANDLE; an open curve goes straight on at its ends. Where a point's neighbors lie in one
    direction, its handles have no length.
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
    """`count` poses evenly along the curve, from the first waypoint to the last; count >= 1.

    A closed path is sampled round to its first waypoint again. Looks and focal factors are
    interpolated by the share of the way between two waypoints. Where the camera stands still, the
    poses are spaced evenly from waypoint to waypoint.
    """
    order = np.append(np.arange(path.count), 0) if path.closed else np.arange(path.count)
    if len(order) == 1:
        order = np.zeros(2, int)
    places, share = _curve(path, order)
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    traveled = np.append(0.0, np.cumsum(steps))
    if traveled[-1] < 1e-9:
        traveled = share
    wanted = np.linspace(0.0, traveled[-1], count)
    columns = [np.interp(wanted, traveled, column) for column in (*places.T, share)]
    looks, focal = _between(path, order, columns[3])
    positions = np.stack(columns[:3], axis=1).astype(np.float32)
    return CameraPath(positions, looks, focal)


def _curve(path: CameraPath, order: NDArray[np.intp]) -> tuple[Values, Values]:
    """Places (m, 3) along the curve through the waypoints `order`, and for each the waypoint that
    it follows plus the share of the way to the next."""
    points = path.positions.astype(float)
    left, right = auto_handles(points, path.closed)
    samples = bezier_samples(points[order], left[order], right[order])
    lengths = np.cumsum(np.linalg.norm(np.diff(samples, axis=1), axis=-1), axis=1)
    even = np.linspace(0.0, 1.0, lengths.shape[1] + 1)[1:]
    whole = lengths[:, -1:]
    shares = np.where(whole > 1e-9, lengths / np.maximum(whole, 1e-9), even)
    shares += np.arange(len(samples))[:, None]
    places = np.concatenate([samples[0, :1], samples[:, 1:].reshape(-1, 3)])
    return places, np.append(0.0, shares.ravel())


def _between(
    path: CameraPath, order: NDArray[np.intp], share: Values
) -> tuple[FloatArray, FloatArray]:
    """Looks (m, 3) and focal factors (m,) at places between the waypoints `order`."""
    looks = path.looks[order].astype(float)
    piece = np.minimum(share.astype(int), len(order) - 2)
    turned = [slerp(looks[p], looks[p + 1], s - p) for p, s in zip(piece, share, strict=True)]
    focal = np.interp(share, np.arange(len(order)), path.focal[order])
    return np.array(turned, np.float32), focal.astype(np.float32)
