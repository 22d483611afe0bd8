"""The camera's path within the picture: autocruise's one step, and how far a path may go.

Poses are a position (3,) and a unit look direction (3,) in the camera frame of the photo; the down
direction of the picture stays that of the photo.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .autocruise import CruiseSettings, CruiseState, cruise_step
from .camera import FloatArray, Intrinsics, Vector, look_rotation
from .camera_path import DOWN, FORWARD, CameraPath, sampled_path, scaled_path, slerp, zoomed

RESERVE_PX = 2.0
MAX_TURN = 0.5
CHECKS = 8
"""Poses along a path where the border is looked for."""


def cruise_pose(disparity: FloatArray, camera: Intrinsics) -> tuple[Vector, Vector]:
    """Where one step of the paper's autocruise leads from the photo's pose.

    disparity: (H, W) 0..1, what `camera` sees. The look is a unit vector, limited in its turn.
    """
    state = cruise_step(CruiseState.start(), disparity, camera.matrix, CruiseSettings())
    return np.asarray(state.position, float), limited_turn(np.asarray(state.look, float), camera)


def limited_turn(look: Vector, camera: Intrinsics) -> Vector:
    """The look direction, turned at most MAX_TURN of the way to the frame's nearer edge.

    Without a sky, autocruise looks up until the photo's subject has left the frame.
    """
    largest = MAX_TURN * np.arctan(0.5 * min(camera.width, camera.height) / camera.focal)
    angle = float(np.arccos(np.clip(look @ FORWARD, -1.0, 1.0)))
    return look if angle <= largest else slerp(FORWARD, look, largest / angle)


def backward_from(position: Vector, look: Vector) -> tuple[Vector, Vector]:
    """The end of the flight out of the photo: the flight in, continued backward from the photo."""
    mirrored = 2 * (look @ FORWARD) * FORWARD - look
    return -position, mirrored


def straight_path(position: Vector, look: Vector, count: int = 3) -> CameraPath:
    """`count` waypoints from the photo's pose straight to a position (3,) and unit look (3,).

    Positions by linear, looks by spherical interpolation, as the paper interpolates its poses.
    """
    steps = np.linspace(0.0, 1.0, count)
    positions = np.stack([position * s for s in steps])
    return CameraPath.through(positions, np.stack([slerp(FORWARD, look, s) for s in steps]))


def border_stays_outside(
    border: FloatArray, camera: Intrinsics, position: Vector, look: Vector
) -> bool:
    """Whether no point of the outpainted picture's border (n, 3) is seen from a pose.

    As long as that holds, the frame shows nothing beyond what was outpainted.
    """
    local = (border - position) @ look_rotation(look, DOWN).T
    front = local[local[:, 2] > 1e-6]
    u = camera.focal * front[:, 0] / front[:, 2] + camera.cx
    v = camera.focal * front[:, 1] / front[:, 2] + camera.cy
    inside = (u > -RESERVE_PX) & (u < camera.width + RESERVE_PX)
    inside &= (v > -RESERVE_PX) & (v < camera.height + RESERVE_PX)
    return not bool(inside.any())


def stays_inside(border: FloatArray, camera: Intrinsics, path: CameraPath) -> bool:
    """Whether the border (n, 3) is seen nowhere along a path; its first pose isn't looked at."""
    poses = sampled_path(path, CHECKS + 1)
    last = CHECKS if path.closed else CHECKS + 1
    return all(
        border_stays_outside(
            border, zoomed(camera, float(poses.focal[i])), poses.positions[i], poses.looks[i]
        )
        for i in range(1, last)
    )


def safe_fraction(border: FloatArray, camera: Intrinsics, path: CameraPath) -> float:
    """Largest fraction (0..1), about the photo's pose, of a path that never shows the border."""
    return largest_safe_fraction(
        lambda fraction: stays_inside(border, camera, scaled_path(path, fraction))
    )


def largest_safe_fraction(safe: Callable[[float], bool], steps: int = 12) -> float:
    """Largest share, 0..1, up to which something is safe, by bisection; 1 is tried first."""
    if safe(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(steps):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if safe(middle) else (low, middle)
    return low
