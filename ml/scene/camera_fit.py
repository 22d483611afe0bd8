"""The camera that took an image, fitted to the network's map of latitudes.

The latitude of a pixel is the angle of its viewing ray above the horizontal. Pitch, roll and focal
length determine it everywhere, so all pixels together determine these three, far beyond the
accuracy of any one of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from ...geometry.core.camera import FloatArray, Vector

SAMPLES = 24
"""Rows and columns of the grid of samples."""
TOLERANCE = 0.03
"""Error of a latitude, in radians, beyond which a sample counts less."""
USUAL_FOCAL, FOCAL_SPREAD = 1.0, 0.35
"""Focal length, as a fraction of the image's longer side, that is expected before looking, and the
standard deviation of its logarithm."""
ROLL_SPREAD = 0.1
"""Standard deviation, in radians, of the roll expected before looking: most photos are level."""
ERROR_OF_THE_MAP = 0.006
"""Standard deviation, in radians, of an error that the whole map shares in one of its slopes: how
strongly the map counts against the expectations."""
MAX_PITCH = 1.4
"""Radians, up or down."""


@dataclass(frozen=True)
class CameraFit:
    """The camera of an image.

    Attributes:
        focal: Focal length in pixels.
        pitch: Radians by which the camera looks up.
        roll: Radians by which the horizon is turned clockwise in the image.
        horizon: Row of the horizon at the middle column, in pixels; may lie outside the image.
    """

    focal: float
    pitch: float
    roll: float
    horizon: float


def fit_camera(latitude: FloatArray, height: int, width: int) -> CameraFit:
    """Fit a camera to a map of latitudes.

    Args:
        latitude: (h, w), radians, over the whole image.
        height, width: Of the image in pixels; its principal point is in its middle.
    """
    longer = max(height, width)
    x, y, seen = _samples(latitude, height / longer, width / longer)
    strength = ERROR_OF_THE_MAP * np.sqrt(len(seen))

    def residuals(parameters: Vector) -> Vector:
        pitch, roll, log_focal = parameters
        error = latitudes(x, y, float(np.exp(log_focal)), pitch, roll) - seen
        robust = TOLERANCE * np.sqrt(np.log1p((error / TOLERANCE) ** 2))  # Cauchy's loss
        expected = ((log_focal - np.log(USUAL_FOCAL)) / FOCAL_SPREAD, roll / ROLL_SPREAD)
        return np.append(robust / strength, expected)

    start = (np.clip(np.median(seen), -MAX_PITCH, MAX_PITCH), 0.0, np.log(USUAL_FOCAL))
    limits = ((-1.5, -0.8, np.log(0.2)), (1.5, 0.8, np.log(10.0)))
    pitch, roll, log_focal = (float(v) for v in least_squares(residuals, start, bounds=limits).x)
    focal = float(np.exp(log_focal))
    pitch = float(np.clip(pitch, -MAX_PITCH, MAX_PITCH))
    horizon = 0.5 * height + longer * focal * np.tan(pitch) / np.cos(roll)
    return CameraFit(longer * focal, pitch, roll, float(horizon))


def latitudes(x: Vector, y: Vector, focal: float, pitch: float, roll: float) -> Vector:
    """Return the latitudes, in radians, of pixels at x, y from the principal point.

    x is right and y is down, in the unit of the focal length.
    """
    up = np.cos(pitch) * (x * np.sin(roll) - y * np.cos(roll)) + focal * np.sin(pitch)
    return np.arcsin(np.clip(up / np.sqrt(x**2 + y**2 + focal**2), -1.0, 1.0))


def _samples(latitude: FloatArray, height: float, width: float) -> tuple[Vector, Vector, Vector]:
    """Return x and y from the middle of an image of this size, and the latitude, of samples."""
    rows, columns = (
        np.unique(np.linspace(0, n - 1, SAMPLES).round().astype(int)) for n in latitude.shape
    )
    y = ((rows + 0.5) / latitude.shape[0] - 0.5) * height
    x = ((columns + 0.5) / latitude.shape[1] - 0.5) * width
    grid = np.meshgrid(x, y)
    seen = latitude[np.ix_(rows, columns)].astype(np.float64)
    return grid[0].ravel(), grid[1].ravel(), seen.ravel()
