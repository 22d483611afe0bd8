"""What a picture looks like at working size: color, texture, streaks, edges, for finding water."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray

WORKING_SIZE = 384
"""Longer side of the picture that water is looked for in."""
TEXTURE_SIGMA = 0.008
EDGE_SIGMA = 4.0
"""Difference of neighboring CIELAB colors at which an edge begins to hold."""


@dataclass(frozen=True)
class Appearance:
    """Maps (H, W) at working size. lab (H, W, 3) CIELAB; texture: root mean square gradient of
    lightness per pixel; streak: -1..1, 1 where the streaks lie level, -1 where they are upright;
    sky 0..1; rows (H, 1): height below the horizon as a share of the picture's height; right
    (H, W-1), down (H-1, W): links 0..1 between neighbors, 0 across an edge."""

    lab: FloatArray
    texture: FloatArray
    streak: FloatArray
    sky: FloatArray
    rows: FloatArray
    right: FloatArray
    down: FloatArray

    @property
    def chroma(self) -> FloatArray:
        """Colorfulness (H, W), 0 for gray."""
        return np.hypot(self.lab[..., 1], self.lab[..., 2])


def appearance(image: FloatArray, sky: FloatArray, horizon: float) -> Appearance:
    """Measure an image (H, W, 3), sRGB 0..1, with its sky (H, W) and its horizon's row."""
    height, width = image.shape[:2]
    scale = min(1.0, WORKING_SIZE / max(height, width))
    size = (max(round(width * scale), 2), max(round(height * scale), 2))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32), cv2.COLOR_RGB2Lab)
    texture, streak = _texture(lab[..., 0])
    rows = (np.arange(size[1], dtype=np.float32)[:, None] + 0.5) / size[1] - horizon / height
    return Appearance(
        lab,
        texture,
        streak,
        cv2.resize(sky.astype(np.float32), size, interpolation=cv2.INTER_AREA),
        rows,
        _links(lab, axis=1),
        _links(lab, axis=0),
    )


def _texture(lightness: FloatArray) -> tuple[FloatArray, FloatArray]:
    smooth = cv2.GaussianBlur(lightness, (0, 0), 0.8)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125)
    along = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125)
    sigma = TEXTURE_SIGMA * max(lightness.shape)
    ex = cv2.GaussianBlur(across * across, (0, 0), sigma)
    ey = cv2.GaussianBlur(along * along, (0, 0), sigma)
    return np.sqrt(ex + ey), (ey - ex) / (ey + ex + 0.02)


def _links(lab: FloatArray, axis: int) -> FloatArray:
    step = np.square(np.diff(lab, axis=axis)).sum(-1)
    return np.exp(-step / (2 * EDGE_SIGMA**2)).astype(np.float32)
