"""What a landscape gives to the renderer: its light, its haze, and the camera's path."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .materials import Air
from .sky import Sky

FIELD_OF_VIEW = math.radians(55.0)
"""Across the longer side of the image."""
DURATION = 20.0
"""Time in frames from the first pose to the last. It sets how far clouds and water move, no matter
how many frames of the path are rendered."""


@dataclass(frozen=True)
class CameraPath:
    """The camera's path: it starts at x = y = 0, looking along y.

    Attributes:
        eye: Height of the camera in meters.
        pitch: Angle above the horizon at the start, in degrees.
        forward: Distance from start to end along y, in meters.
        side: The same along x, in meters.
        up: The same along z, in meters.
        turn: Rotation to the right from start to end, in degrees.
        nod: Rotation upward from start to end, in degrees.
    """

    eye: float = 1.7
    pitch: float = -3.0
    forward: float = 2.5
    side: float = 0.0
    up: float = 0.0
    turn: float = 0.0
    nod: float = 0.0

    def pose(self, fraction: float) -> NDArray[np.float64]:
        """Return camera-to-world (4, 4) in Blender's axes at a fraction 0..1 of the path."""
        pitch = math.radians(90 + self.pitch + fraction * self.nod)
        yaw = -math.radians(fraction * self.turn)
        c, s = math.cos(pitch), math.sin(pitch)
        tilt = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
        c, s = math.cos(yaw), math.sin(yaw)
        pose = np.eye(4)
        pose[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ tilt
        pose[:3, 3] = (
            fraction * self.side,
            fraction * self.forward,
            self.eye + fraction * self.up,
        )
        return pose


@dataclass(frozen=True)
class Setting:
    """A landscape's light, haze and camera path.

    Attributes:
        sky: Sky, clouds and sun.
        air: The haze in front of everything.
        camera_path: Where the camera moves.
        exposure: In stops.
    """

    sky: Sky
    air: Air
    camera_path: CameraPath
    exposure: float = 0.0
