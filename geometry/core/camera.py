"""The pinhole camera: intrinsics, projection, and the only conversion to Blender's axes.

Camera frame everywhere in `geometry/core` and `ml`: x right, y down, z forward. Pixel (column i,
row j) has its center at (i + 0.5, j + 0.5), so an image spans [0, width] x [0, height].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Vector = NDArray[np.float64]

SENSOR_WIDTH_MM = 36.0
"""Width of the full-frame sensor to which equivalent focal lengths refer."""


@dataclass(frozen=True)
class Intrinsics:
    """Intrinsics of a pinhole camera with square pixels.

    Attributes:
        focal: Focal length in pixels.
        cx, cy: Principal point in pixels.
        width, height: Size of the image in pixels.
    """

    focal: float
    cx: float
    cy: float
    width: int
    height: int

    @classmethod
    def from_field_of_view(cls, width: int, height: int, angle: float) -> Intrinsics:
        """Return intrinsics of a centered image whose longer side spans `angle` radians."""
        focal = 0.5 * max(width, height) / math.tan(0.5 * angle)
        return cls(focal, 0.5 * width, 0.5 * height, width, height)

    @classmethod
    def from_focal_35mm(cls, width: int, height: int, focal_mm: float) -> Intrinsics:
        """Return intrinsics from a 35 mm equivalent focal length (EXIF FocalLengthIn35mmFilm)."""
        focal = focal_mm / SENSOR_WIDTH_MM * max(width, height)
        return cls(focal, 0.5 * width, 0.5 * height, width, height)

    @property
    def lens_mm(self) -> float:
        """Focal length in mm on a 36 mm sensor fitted to the image's width."""
        return self.focal / self.width * SENSOR_WIDTH_MM

    @property
    def matrix(self) -> Vector:
        """The usual matrix K (3, 3) of focal length and principal point, in pixels."""
        return np.array([[self.focal, 0.0, self.cx], [0.0, self.focal, self.cy], [0.0, 0.0, 1.0]])

    def padded(self, top: int, right: int, bottom: int, left: int) -> Intrinsics:
        """Return intrinsics of the same camera with margins (pixels) added around the image."""
        return Intrinsics(
            self.focal,
            self.cx + left,
            self.cy + top,
            self.width + left + right,
            self.height + top + bottom,
        )

    def scaled(self, width: int, height: int) -> Intrinsics:
        """Return intrinsics of the same view resampled to width x height pixels."""
        factor = width / self.width
        return Intrinsics(
            self.focal * factor, self.cx * factor, self.cy * height / self.height, width, height
        )


def unproject(pixels: FloatArray, depth: FloatArray, camera: Intrinsics) -> FloatArray:
    """Lift pixel positions to points in space.

    Args:
        pixels: Positions (..., 2), x and y in pixels.
        depth: Depth z (...) in scene units.
        camera: Intrinsics of the image.

    Returns:
        Points (..., 3) float32 in the camera frame.
    """
    x = (pixels[..., 0] - camera.cx) / camera.focal * depth
    y = (pixels[..., 1] - camera.cy) / camera.focal * depth
    return np.stack([x, y, np.broadcast_to(depth, x.shape)], axis=-1).astype(np.float32)


def project(points: FloatArray, camera: Intrinsics) -> FloatArray:
    """Project points (..., 3) in the camera frame, z > 0, to pixel positions (..., 2)."""
    inverse = camera.focal / points[..., 2]
    u = points[..., 0] * inverse + camera.cx
    v = points[..., 1] * inverse + camera.cy
    return np.stack([u, v], axis=-1).astype(np.float32)


def pixel_centers(height: int, width: int) -> FloatArray:
    """Return the positions (height, width, 2) of all pixel centers, x then y."""
    grid = np.empty((height, width, 2), np.float32)
    grid[..., 0] = np.arange(width, dtype=np.float32) + 0.5
    grid[..., 1] = (np.arange(height, dtype=np.float32) + 0.5)[:, None]
    return grid


def look_rotation(look: Vector, down: Vector) -> Vector:
    """Return the world-to-camera rotation (3, 3) of a camera that looks along `look` (3,).

    Its right axis is down x look, so it doesn't roll against `down` (3,). Neither vector needs to
    be of unit length.
    """
    forward = look / np.linalg.norm(look)
    right = np.cross(down, forward)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])


def blender_from_camera(vectors: NDArray[np.floating]) -> FloatArray:
    """Convert vectors (..., 3) from the camera frame to Blender's world: (x, y, z) -> (x, z, -y).

    The photo's camera then stands at the origin and looks along Blender's +y, z up. Positions,
    directions and displacements are converted alike.
    """
    v = np.asarray(vectors)
    return np.stack([v[..., 0], v[..., 2], -v[..., 1]], axis=-1).astype(np.float32)


def camera_from_blender(vectors: NDArray[np.floating]) -> FloatArray:
    """Invert `blender_from_camera`: (x, y, z) -> (x, -z, y), vectors (..., 3)."""
    v = np.asarray(vectors)
    return np.stack([v[..., 0], -v[..., 2], v[..., 1]], axis=-1).astype(np.float32)
