"""Autocruise: choose where to look and to move from the disparity that the camera sees.

The heuristic of Infinite Nature (Liu et al., 2021), which the paper uses for its camera: look so
that the sky keeps its fraction of the image, turn toward the side with more sky, and rise or sink
until near ground fills its fraction. Camera frame: x right, y down, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray, Vector, look_rotation

SKY_RAMP = 20.0
"""Slope of the soft sky mask: it rises from 0 to 1 over 1 / 20 of disparity."""
NEAR_RAMP = 10.0
"""Slope of the soft mask of near ground, likewise."""
NEAR_DISPARITY = 0.4
"""Disparity at which the mask of near ground begins."""
BALANCE_EPSILON = 1e-8
"""Keeps the left-right balance defined if there is no sky."""
TOO_NARROW = "autocruise needs a disparity map at least 2 pixels wide, not {width}x{height}"


@dataclass(frozen=True)
class CruiseSettings:
    """Settings of a step of autocruise.

    Attributes:
        speed: Scene units per step.
        horizon: Fraction of the image above the skyline to aim for.
        sky_fraction: Disparity below which a pixel counts as sky.
        near_fraction: Fraction of the image filled by near ground to aim for.
        lerp: How far a step turns look and move toward their targets, 0 to 1.
    """

    speed: float = 0.6
    horizon: float = 0.4
    sky_fraction: float = 0.1
    near_fraction: float = 0.25
    lerp: float = 1.0


@dataclass(frozen=True, eq=False)
class CruiseState:
    """A pose during the cruise. All vectors are (3,) float64 in the camera frame of the photo.

    Attributes:
        position: Position of the camera in scene units.
        look: Running look direction, not of unit length between targets.
        move: Running move direction, not of unit length between targets.
        down: Down direction of the camera before it turned to `look`.
    """

    position: Vector
    look: Vector
    move: Vector
    down: Vector = field(default_factory=lambda: np.array([0.0, 1.0, 0.0]))

    @classmethod
    def start(cls) -> CruiseState:
        """Return the photo's pose: at the origin, looking and moving along +z."""
        forward = np.array([0.0, 0.0, 1.0])
        return cls(np.zeros(3), forward, forward.copy())


def skyline(
    disparity: FloatArray,
    horizon: float = 0.4,
    sky_fraction: float = 0.1,
    near_fraction: float = 0.25,
) -> tuple[float, float, float]:
    """Return where to look and how high to move, in texture coordinates 0..1 of the image.

    The sky is a soft mask that is full 0.05 below `sky_fraction`; near ground is one that is full
    at disparity 0.5. See `CruiseSettings` for the other arguments.

    Args:
        disparity: Map (H, W), 0..1.

    Returns:
        (x, y, h): look at (x, y), move toward (0.5, h).

    Raises ValueError if the map is empty or less than two pixels wide.
    """
    height, width = disparity.shape
    if height < 1 or width < 2:
        raise ValueError(TOO_NARROW.format(width=width, height=height))
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
    """Return the pose after one step of autocruise.

    As in the authors' program, targets are taken along the photo's axes, not those of the turned
    camera, and the mixed directions are not normalized.

    Args:
        state: Pose before the step.
        disparity: Map (H, W), 0..1, seen from that pose.
        camera_intrinsics: Matrix (3, 3) in pixels of the map.
        settings: Settings of the step.
    """
    height, width = disparity.shape
    x, y, h = skyline(disparity, settings.horizon, settings.sky_fraction, settings.near_fraction)
    look = _mix(state.look, _ray(x * width, y * height, camera_intrinsics), settings.lerp)
    move = _mix(state.move, _ray(0.5 * width, h * height, camera_intrinsics), settings.lerp)
    down = world_to_camera(state)[0][1]
    return CruiseState(state.position + settings.speed * move, look, move, down)


def world_to_camera(state: CruiseState) -> tuple[Vector, Vector]:
    """Return rotation R (3, 3) and translation t (3,) of a pose: camera point = R @ point + t."""
    rotation = look_rotation(state.look, state.down)
    return rotation, -rotation @ state.position


def _ray(u: float, v: float, k: NDArray[np.floating]) -> Vector:
    """Return the unit direction (3,) of pixel position (u, v) for the intrinsics k (3, 3)."""
    ray = np.array([(u - k[0, 2]) / k[0, 0], (v - k[1, 2]) / k[1, 1], 1.0], np.float64)
    return ray / np.linalg.norm(ray)


def _mix(old: Vector, new: Vector, lerp: float) -> Vector:
    return (1.0 - lerp) * old + lerp * new
