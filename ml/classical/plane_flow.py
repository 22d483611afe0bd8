"""Image flow of what moves over a horizontal plane: water below the viewer, clouds above.

A plane at height h appears at depth Z = f h / (y - horizon). One velocity in the scene therefore
moves near water faster, in pixels, than far water, and all of it toward or away from one vanishing
point (pinhole camera with a level horizon). Velocities (Vx, Vz) point right and away from the
viewer, in units of the plane: a speed of 1 crosses the image's lowest (or highest) row at
`max_speed` pixels per frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.core.camera import FloatArray, Intrinsics

MIN_EXTENT = 0.25
"""Minimum distance from the horizon to the image border, as a fraction of the image height."""
MIN_NEARNESS = 0.02
"""Fraction of that distance below which directions on the plane are no longer distinguished."""


@dataclass(frozen=True)
class Plane:
    """A horizontal plane seen by a camera.

    Attributes:
        camera: Intrinsics in pixels.
        horizon: Row of the horizon in pixels.
        below: Whether the plane lies below the viewer.
        max_speed: Pixels per frame of a speed of 1 at the image border farthest from the horizon.
    """

    camera: Intrinsics
    horizon: float
    below: bool
    max_speed: float

    @property
    def extent(self) -> float:
        """Distance in pixels from the horizon to the image border."""
        height = self.camera.height
        return max(height - self.horizon if self.below else self.horizon, MIN_EXTENT * height)

    def nearness(self, y: FloatArray) -> FloatArray:
        """Return 1 / depth at rows `y` (...): 1 at the border, 0 at and beyond the horizon."""
        distance = (y - self.horizon) if self.below else (self.horizon - y)
        return np.clip(distance / self.extent, 0.0, 1.0).astype(np.float32)

    def to_plane(self, pixels: FloatArray) -> FloatArray:
        """Return the points (n, 2) on the plane, right and away, that pixels (n, 2) see."""
        closeness = np.maximum(self.nearness(pixels[:, 1]), MIN_NEARNESS)
        x = (pixels[:, 0] - self.camera.cx) / self.camera.focal
        return np.stack([x / closeness, 1.0 / closeness], axis=-1).astype(np.float32)

    def flow(self, velocity: FloatArray) -> FloatArray:
        """Return the flow (H, W, 2) in pixels per frame of velocities (H, W, 2) on the plane."""
        height, width = velocity.shape[:2]
        closeness = self.nearness(np.arange(height, dtype=np.float32) + 0.5)[:, None]
        x = (np.arange(width, dtype=np.float32) + 0.5 - self.camera.cx) / self.camera.focal
        # y - horizon shrinks as 1 / Z: what recedes moves toward the horizon.
        radial = closeness * closeness * self.extent / self.camera.focal * (-1 if self.below else 1)
        u = closeness * (velocity[..., 0] - x[None] * velocity[..., 1])
        v = radial * velocity[..., 1]
        return (self.max_speed * np.stack([u, v], axis=-1)).astype(np.float32)
