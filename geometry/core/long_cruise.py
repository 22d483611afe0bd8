"""A long flight: autocruise in many steps, each on what the camera would see next."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .autocruise import CruiseSettings
from .camera import FloatArray, Intrinsics
from .camera_path import CameraPath

NO_BORDER = np.zeros((0, 3), np.float32)


@dataclass(frozen=True)
class LongCruise:
    """length: of the whole flight in scene units; cruise: of each step (its speed: scene units a
    step); clearance: scene units that the camera keeps from every point; avoidance: how strongly
    (0 and up) a step turns away from what is near ahead."""

    length: float = 3.0
    cruise: CruiseSettings = field(default_factory=lambda: CruiseSettings(speed=0.15, lerp=0.3))
    clearance: float = 0.2
    avoidance: float = 1.0


def long_cruise(
    points: FloatArray,
    radius: FloatArray,
    camera: Intrinsics,
    settings: LongCruise,
    border: FloatArray = NO_BORDER,
) -> CameraPath:
    """A path of 3 to 7 waypoints from the photo's pose that goes round or over what stands ahead.

    points (P, 3) and radius (P,) in scene units and the camera frame; camera: the photo's; border
    (n, 3): points of the outpainted picture's border, beyond which the camera doesn't look. The
    path keeps the clearance (less, where the photo was taken nearer to something), and is shorter
    than asked where there is no way on. Raises ValueError where length or speed aren't positive.
    """
    raise NotImplementedError
