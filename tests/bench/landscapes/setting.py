"""What a scene tells the renderer: its light, its air and how the camera flies."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .materials import Air
from .sky import Sky

FIELD_OF_VIEW = math.radians(55.0)
"""Of the picture's longer side."""
FULL_FLIGHT = 20.0
"""Time in frames from the first pose to the last: how far clouds and water move, however many
frames are rendered of it."""


@dataclass(frozen=True)
class SceneData:
    """The camera's way, meters and degrees; it stands at x = y = 0 and looks along y.

    eye: its height; pitch: how far it looks up; forward, side, up: where it flies to; turn, nod: by
    how much it has turned to the right and up at the end.
    """

    eye: float = 1.7
    pitch: float = -3.0
    forward: float = 2.5
    side: float = 0.0
    up: float = 0.0
    turn: float = 0.0
    nod: float = 0.0

    def pose(self, share: float) -> NDArray[np.float64]:
        """World-from-camera (4, 4) in Blender's axes after a share 0..1 of the flight."""
        pitch = math.radians(90 + self.pitch + share * self.nod)
        yaw = -math.radians(share * self.turn)
        c, s = math.cos(pitch), math.sin(pitch)
        tilt = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
        c, s = math.cos(yaw), math.sin(yaw)
        pose = np.eye(4)
        pose[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ tilt
        pose[:3, 3] = share * self.side, share * self.forward, self.eye + share * self.up
        return pose


@dataclass(frozen=True)
class Setting:
    """A scene's light, air and flight; exposure in stops."""

    sky: Sky
    air: Air
    flight: SceneData
    exposure: float = 0.0
