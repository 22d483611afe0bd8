"""The camera's path: from autocruise's pose to waypoints that keep inside the outpainted picture.

Poses are a position (3,) and a unit look direction (3,) in the camera frame of the photo; the down
direction of the picture stays that of the photo.
"""

from __future__ import annotations

import numpy as np

from .camera import FloatArray, Intrinsics, Vector, look_rotation
from .camera_path import DOWN, FORWARD, slerp

RESERVE_PX = 2.0
MAX_TURN = 0.5


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


def waypoints(
    position: Vector, look: Vector, fraction: float, count: int
) -> tuple[FloatArray, FloatArray]:
    """Positions and looks (count, 3) from the photo's pose to `fraction` of the way to the end.

    Positions by linear, looks by spherical interpolation, as the paper interpolates its poses.
    """
    steps = np.linspace(0.0, fraction, count)
    positions = np.stack([position * s for s in steps])
    looks = np.stack([slerp(FORWARD, look, s) for s in steps])
    return positions.astype(np.float32), looks.astype(np.float32)


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


def safe_fraction(
    border: FloatArray, camera: Intrinsics, position: Vector, look: Vector, steps: int = 12
) -> float:
    """Largest share (0..1) of the path to (position, look) that never shows the border.

    Bisection on the end pose; between the photo and a safe end pose the border is checked at
    quarter steps too.
    """

    def safe(fraction: float) -> bool:
        parts = [fraction * k / 4 for k in (1, 2, 3, 4)]
        return all(
            border_stays_outside(border, camera, position * p, slerp(FORWARD, look, p))
            for p in parts
        )

    if safe(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(steps):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if safe(middle) else (low, middle)
    return low
