"""Flow in pixels of what moves over a level plane: water below the viewer, clouds above him.

A plane at height h shows itself at depth Z = f h / (y - horizon), so one velocity in the scene
moves near water faster, in pixels, than far water, and all of it toward or from one vanishing point
(pinhole camera, whose horizon is taken for level). Velocities (Vx, Vz) are to the right and away
from the viewer, in speeds of the plane: 1 is the speed that crosses the picture's lowest (or
highest) row at `fastest` pixels a frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.core.camera import FloatArray, Intrinsics

LEAST_REACH = 0.25
"""Least distance from the horizon to the picture's border, as a share of its height."""
NEAREST_HORIZON = 0.02
"""Share of that distance below which directions on the plane are no longer told apart."""


@dataclass(frozen=True)
class Plane:
    """A level plane as a camera sees it.

    horizon: its row in pixels; below: whether the plane lies below the viewer; fastest: pixels a
    frame of a speed of 1 at the picture's border farthest from the horizon.
    """

    camera: Intrinsics
    horizon: float
    below: bool
    fastest: float

    @property
    def reach(self) -> float:
        """Distance in pixels from the horizon to the picture's border."""
        height = self.camera.height
        return max(height - self.horizon if self.below else self.horizon, LEAST_REACH * height)

    def nearness(self, y: FloatArray) -> FloatArray:
        """1 / depth of the plane at rows y (...), 1 at the border, 0 at the horizon and beyond."""
        away = (y - self.horizon) if self.below else (self.horizon - y)
        return np.clip(away / self.reach, 0.0, 1.0).astype(np.float32)

    def ground(self, pixels: FloatArray) -> FloatArray:
        """Places (n, 2) on the plane, right and away, that pixels (n, 2) see."""
        near = np.maximum(self.nearness(pixels[:, 1]), NEAREST_HORIZON)
        x = (pixels[:, 0] - self.camera.cx) / self.camera.focal
        return np.stack([x / near, 1.0 / near], axis=-1).astype(np.float32)

    def flow(self, velocity: FloatArray) -> FloatArray:
        """Flow (H, W, 2) in pixels a frame of velocities (H, W, 2) on the plane."""
        height, width = velocity.shape[:2]
        near = self.nearness(np.arange(height, dtype=np.float32) + 0.5)[:, None]
        x = (np.arange(width, dtype=np.float32) + 0.5 - self.camera.cx) / self.camera.focal
        # y - horizon shrinks as 1 / Z: what goes away moves toward the horizon.
        toward = near * near * self.reach / self.camera.focal * (-1 if self.below else 1)
        u = near * (velocity[..., 0] - x[None] * velocity[..., 1])
        v = toward * velocity[..., 1]
        return (self.fastest * np.stack([u, v], axis=-1)).astype(np.float32)
