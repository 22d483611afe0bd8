"""How far a camera path may go inside the outpainted photo, and the paper's own path.

A pose is a position (3,) and a unit look direction (3,) in the camera frame of the photo; down in
the image stays down in the photo.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .autocruise import CruiseSettings, CruiseState, cruise_step
from .camera import FloatArray, Intrinsics, Vector, look_rotation
from .camera_path import DOWN, FORWARD, CameraPath, sampled_path, scaled_path, slerp, zoomed

RESERVE_PX = 2.0
"""Distance in pixels that the photo's border keeps from the frame."""
MAX_TURN = 0.5
"""Largest turn of autocruise, as a fraction of the angle to the frame's nearer edge."""
CHECKS = 8
"""Poses along a path at which the border is looked for."""


def cruise_pose(disparity: FloatArray, camera: Intrinsics) -> tuple[Vector, Vector]:
    """Return position and look after one step of the paper's autocruise from the photo's pose.

    disparity: map (H, W), 0..1, that `camera` sees. The turn of the look is limited.
    """
    state = cruise_step(CruiseState.start(), disparity, camera.matrix, CruiseSettings())
    return np.asarray(state.position, float), limited_turn(np.asarray(state.look, float), camera)


def limited_turn(look: Vector, camera: Intrinsics) -> Vector:
    """Limit a look direction to a turn of MAX_TURN times the angle to the frame's nearer edge.

    In a photo without sky, autocruise looks up until the subject has left the frame.
    """
    largest = MAX_TURN * np.arctan(0.5 * min(camera.width, camera.height) / camera.focal)
    angle = float(np.arccos(np.clip(look @ FORWARD, -1.0, 1.0)))
    return look if angle <= largest else slerp(FORWARD, look, largest / angle)


def backward_from(position: Vector, look: Vector) -> tuple[Vector, Vector]:
    """Return the last pose of a flight out: the flight in, continued backward from the photo."""
    mirrored = 2 * (look @ FORWARD) * FORWARD - look
    return -position, mirrored


def straight_path(position: Vector, look: Vector, count: int = 3) -> CameraPath:
    """Return `count` waypoints from the photo's pose straight to a position (3,) and look (3,).

    Positions are interpolated linearly, unit looks spherically, as in the paper.
    """
    steps = np.linspace(0.0, 1.0, count)
    positions = np.stack([position * s for s in steps])
    return CameraPath.through(positions, np.stack([slerp(FORWARD, look, s) for s in steps]))


def border_stays_outside(
    border: FloatArray, camera: Intrinsics, position: Vector, look: Vector
) -> bool:
    """Whether no point of the outpainted photo's border (n, 3) is visible from a pose.

    Then the frame shows nothing beyond the outpainted photo.
    """
    local = (border - position) @ look_rotation(look, DOWN).T
    ahead = local[local[:, 2] > 1e-6]
    u = camera.focal * ahead[:, 0] / ahead[:, 2] + camera.cx
    v = camera.focal * ahead[:, 1] / ahead[:, 2] + camera.cy
    inside = (u > -RESERVE_PX) & (u < camera.width + RESERVE_PX)
    inside &= (v > -RESERVE_PX) & (v < camera.height + RESERVE_PX)
    return not bool(inside.any())


def stays_inside(border: FloatArray, camera: Intrinsics, path: CameraPath) -> bool:
    """Whether the border (n, 3) is visible nowhere along a path; its first pose isn't tested."""
    poses = sampled_path(path, CHECKS + 1)
    last = CHECKS if path.closed else CHECKS + 1
    return all(
        border_stays_outside(
            border, zoomed(camera, float(poses.focal[i])), poses.positions[i], poses.looks[i]
        )
        for i in range(1, last)
    )


def safe_fraction(border: FloatArray, camera: Intrinsics, path: CameraPath) -> float:
    """Return how far, 0..1, a path can be scaled so that it never shows the border (n, 3)."""
    return largest_safe_fraction(
        lambda fraction: stays_inside(border, camera, scaled_path(path, fraction))
    )


def largest_safe_fraction(safe: Callable[[float], bool], steps: int = 12) -> float:
    """Return the largest safe fraction, 0..1, by bisection in `steps` steps; 1 is tried first."""
    if safe(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(steps):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if safe(middle) else (low, middle)
    return low
