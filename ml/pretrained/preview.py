"""Pictures of what a diffusion model is just making, without its decoder.

Latents are nearly a linear picture of the colors. The map is found by least squares on the photo
itself, whose latents are known, so it suits any model.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LONGEST = 128
"""Longer side of a preview in pixels."""
_RIDGE = 1e-3


class LatentColors:
    """A linear map from latents to sRGB."""

    def __init__(self, latents: Floats, picture: Floats) -> None:
        """Fit to the latents (C, h, w) of a picture (H, W, 3), sRGB 0..1.

        Ridge regression between values less their means: a photo of few colors leaves the map
        undetermined, and it then stays small.
        """
        channels, height, width = latents.shape
        colors = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).reshape(-1, 3)
        values = latents.reshape(channels, -1).T.astype(np.float64)
        self._mean, self._color = values.mean(axis=0), colors.mean(axis=0)
        values = values - self._mean
        gram = values.T @ values / len(values) + _RIDGE * np.eye(channels)
        self._matrix = np.linalg.solve(gram, values.T @ (colors - self._color) / len(values))

    def picture(self, latents: Floats) -> Floats:
        """The picture (h, w, 3), sRGB 0..1, of latents (C, h, w)."""
        values = np.nan_to_num(np.moveaxis(latents.astype(np.float64), 0, -1)) - self._mean
        return np.clip(values @ self._matrix + self._color, 0.0, 1.0).astype(np.float32)


def thumbnail(picture: Floats) -> Floats:
    """A picture (H, W, ...) reduced to at most LONGEST pixels a side."""
    height, width = picture.shape[:2]
    scale = LONGEST / max(height, width)
    if scale >= 1.0:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
