"""Appearance descriptors of an image at working size: color, texture, streaks and edges.

They are what the search for water and waterfalls works on.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray

WORKING_SIZE = 384
"""Longer side, in pixels, of the image in which water is searched."""
TEXTURE_SIGMA = 0.008
"""Radius of the window over which texture is measured, as a fraction of the longer side."""
EDGE_CONTRAST = 4.0
"""Difference of neighboring CIELAB colors at which a link has weakened to exp(-1/2)."""


@dataclass(frozen=True)
class AppearanceMaps:
    """Descriptors of an image at working size (H, W).

    Attributes:
        lab: (H, W, 3) CIELAB color.
        texture: (H, W) root mean square gradient of the lightness, per pixel.
        streaks: (H, W) -1..1; 1 where streaks are horizontal, -1 where they are vertical.
        sky: (H, W) soft sky mask 0..1.
        below_horizon: (H, 1) distance of each row below the horizon, as a fraction of the image
            height.
        link_right: (H, W-1) weight 0..1 between horizontal neighbors, 0 across an edge.
        link_down: (H-1, W) weight 0..1 between vertical neighbors, 0 across an edge.
    """

    lab: FloatArray
    texture: FloatArray
    streaks: FloatArray
    sky: FloatArray
    below_horizon: FloatArray
    link_right: FloatArray
    link_down: FloatArray

    @property
    def chroma(self) -> FloatArray:
        """Colorfulness (H, W) in CIELAB, 0 for gray."""
        return np.hypot(self.lab[..., 1], self.lab[..., 2])


def appearance_maps(image: FloatArray, sky: FloatArray, horizon: float) -> AppearanceMaps:
    """Measure the descriptors of an image.

    Args:
        image: (H, W, 3) sRGB, 0..1.
        sky: (H, W) soft sky mask, 0..1.
        horizon: Row of the horizon in pixels; may lie outside the image.
    """
    height, width = image.shape[:2]
    scale = min(1.0, WORKING_SIZE / max(height, width))
    size = (max(round(width * scale), 2), max(round(height * scale), 2))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32), cv2.COLOR_RGB2Lab)
    texture, streaks = _texture_and_streaks(lab[..., 0])
    below_horizon = (np.arange(size[1], dtype=np.float32)[:, None] + 0.5) / size[
        1
    ] - horizon / height
    return AppearanceMaps(
        lab,
        texture,
        streaks,
        cv2.resize(sky.astype(np.float32), size, interpolation=cv2.INTER_AREA),
        below_horizon,
        _edge_links(lab, axis=1),
        _edge_links(lab, axis=0),
    )


def _texture_and_streaks(lightness: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return texture and streaks (H, W) of a lightness image, from its structure tensor."""
    smooth = cv2.GaussianBlur(lightness, (0, 0), 0.8)
    gradient_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125)
    gradient_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125)
    sigma = TEXTURE_SIGMA * max(lightness.shape)
    energy_x = cv2.GaussianBlur(gradient_x * gradient_x, (0, 0), sigma)
    energy_y = cv2.GaussianBlur(gradient_y * gradient_y, (0, 0), sigma)
    return np.sqrt(energy_x + energy_y), (energy_y - energy_x) / (energy_y + energy_x + 0.02)


def _edge_links(lab: FloatArray, axis: int) -> FloatArray:
    """Return the weights between neighbors along an axis, 0..1."""
    contrast = np.square(np.diff(lab, axis=axis)).sum(-1)
    return np.exp(-contrast / (2 * EDGE_CONTRAST**2)).astype(np.float32)
