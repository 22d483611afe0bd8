"""Previews of what a diffusion model is generating, without running its decoder.

Latents are nearly a linear image of the colors. The map is fitted by least squares to the photo,
whose latents are known, so it suits any model.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray

PREVIEW_SIDE = 128
"""Longer side of a preview in pixels."""
_RIDGE_STRENGTH = 1e-3


class LatentColors:
    """A linear map from latents to sRGB."""

    def __init__(self, latents: FloatArray, image: FloatArray) -> None:
        """Fit the map to the latents (C, h, w) of an image (H, W, 3), sRGB 0..1.

        Ridge regression on centered values: a photo of few colors leaves the map undetermined, and
        then it stays small.
        """
        channels, height, width = latents.shape
        colors = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).reshape(-1, 3)
        values = latents.reshape(channels, -1).T.astype(np.float64)
        self._mean, self._color = values.mean(axis=0), colors.mean(axis=0)
        values = values - self._mean
        gram = values.T @ values / len(values) + _RIDGE_STRENGTH * np.eye(channels)
        self._matrix = np.linalg.solve(gram, values.T @ (colors - self._color) / len(values))

    def decode(self, latents: FloatArray) -> FloatArray:
        """Return the image (h, w, 3), sRGB 0..1, of latents (C, h, w)."""
        values = np.nan_to_num(np.moveaxis(latents.astype(np.float64), 0, -1)) - self._mean
        return np.clip(values @ self._matrix + self._color, 0.0, 1.0).astype(np.float32)


def thumbnail(image: FloatArray) -> FloatArray:
    """Return an image (H, W, ...) reduced to at most PREVIEW_SIDE pixels on its longer side."""
    height, width = image.shape[:2]
    scale = PREVIEW_SIDE / max(height, width)
    if scale >= 1.0:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
