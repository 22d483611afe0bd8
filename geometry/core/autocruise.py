"""Autocruise: where to fly next, from the disparity that is seen now.

The heuristic of Infinite Nature (Liu et al., 2021) that the paper takes its camera from: look so
that the sky keeps its share of the picture, turn toward the side with more sky, and rise or sink
until the near ground has its share. Camera frame: x right, y down, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray, Vector, look_rotation

SKY_RAMP = 20.0
NEAR_RAMP = 10.0
NEAR_DISPARITY = 0.4
BALANCE_EPSILON = 1e-8


@dataclass(frozen=True)
class CruiseSettings:
    """speed: scene units per step; horizon: share of the picture above the skyline to aim for;
    sky_fraction: disparity below which a pixel counts as sky; near_fraction: share of near ground
    to aim for; lerp: how far (0..1) a step turns look and move toward their targets."""

    speed: float = 0.6
    horizon: float = 0.4
    sky_fraction: float = 0.1
    near_fraction: float = 0.25
    lerp: float = 1.0


@dataclass(frozen=True, eq=False)
class CruiseState:
    """Camera position, and the running look and move directions (not of unit length between
    targets); down: the camera's down direction before it turned to `look`. All (3,) float64 in the
    camera frame of the photo."""

    position: Vector
    look: Vector
    move: Vector
    down: Vector = field(default_factory=lambda: np.array([0.0, 1.0, 0.0]))

    @classmethod
    def start(cls) -> CruiseState:
        """The photo's own pose: at the origin, looking and moving along +z."""
        forward = np.array([0.0, 0.0, 1.0])
        return cls(np.zeros(3), forward, forward.copy())


def skyline(
    disparity: FloatArray,
    horizon: float = 0.4,
    sky_fraction: float = 0.1,
    near_fraction: float = 0.25,
) -> tuple[float, float, float]:
    """Where to look and how high to move, in texture coordinates 0..1 of the picture.

    disparity: (H, W) 0..1. Returns (x, y, h): look at (x, y), move toward (0.5, h). The sky is a
    soft mask that is whole at 0.05 below `sky_fraction`; the near ground one that is whole at
    disparity 0.5. Raises ValueError for a map less than two pixels wide or empty.
    """
    height, width = disparity.shape
    if height < 1 or width < 2:
        raise ValueError(f"autocruise needs a map at least two pixels wide, not {width}x{height}")
    values = np.asarray(disparity, np.float64)
    sky = np.clip(SKY_RAMP * (sky_fraction - values), 0.0, 1.0)
    near = np.clip(NEAR_RAMP * (values - NEAR_DISPARITY), 0.0, 1.0)
    left, right = sky[:, : width // 2].mean(), sky[:, width // 2 :].mean()
    x = (right + BALANCE_EPSILON) / (left + right + 2 * BALANCE_EPSILON)
    y = np.clip(0.5 + sky.mean() - horizon, 0.0, 1.0)
    return float(x), float(y), float(horizon + near_fraction - near.mean())


def cruise_step(
    state: CruiseState,
    disparity: FloatArray,
    camera_intrinsics: NDArray[np.floating],
    settings: CruiseSettings,
) -> CruiseState:
    """One step of autocruise on the disparity (H, W) seen from `state`.

    camera_intrinsics: (3, 3) in pixels of the map. As in the authors' program, targets are taken
    along the photo's axes, not the turned camera's, and the mixed directions keep their length.
    """
    height, width = disparity.shape
    x, y, h = skyline(disparity, settings.horizon, settings.sky_fraction, settings.near_fraction)
    look = _mixed(state.look, _ray(x * width, y * height, camera_intrinsics), settings.lerp)
    move = _mixed(state.move, _ray(0.5 * width, h * height, camera_intrinsics), settings.lerp)
    down = world_to_camera(state)[0][1]
    return CruiseState(state.position + settings.speed * move, look, move, down)


def world_to_camera(state: CruiseState) -> tuple[Vector, Vector]:
    """Rotation (3, 3) and translation (3,) of a pose: camera point = R @ world point + t."""
    rotation = look_rotation(state.look, state.down)
    return rotation, -rotation @ state.position


def _ray(u: float, v: float, k: NDArray[np.floating]) -> Vector:
    ray = np.array([(u - k[0, 2]) / k[0, 0], (v - k[1, 2]) / k[1, 1], 1.0], np.float64)
    return ray / np.linalg.norm(ray)


def _mixed(old: Vector, new: Vector, lerp: float) -> Vector:
    return (1.0 - lerp) * old + lerp * new
