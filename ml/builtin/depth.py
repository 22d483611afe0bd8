"""Disparity of a photo without a network: sky, a ground plane, upright pieces that stand on it.

What lies below the horizon is ground and comes nearer row by row; a piece of the picture that rises
above the horizon is upright: it stands on its foot and has its foot's disparity, or, where its
foot runs aslant like a row of houses, that of a vertical plane. A piece that ends above the horizon
rests on the piece below it where their colours meet softly; else it is far away.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import snap_depth_edges
from .guided import guided_filter
from .haze import haze_amount
from .horizon import horizon_row
from .segments import segment
from .sky import sky_region
from .upright import upright_disparity

FAR = 0.025
"""Disparity of the farthest ground; the sky's is 0."""
SEGMENTS = 48
EDGE_EPSILON = 4e-4


@dataclass(frozen=True)
class DepthEstimate:
    """disparity (H, W) float32 0..1, 1 nearest, exactly 0 in the sky; horizon: its row in pixels;
    sky (H, W) float32 0..1."""

    disparity: FloatArray
    horizon: float
    sky: FloatArray


def estimate_disparity(
    image: FloatArray, sky: FloatArray | None = None, horizon: float | None = None
) -> DepthEstimate:
    """Estimate the disparity of an image (H, W, 3), sRGB 0..1.

    sky (H, W) and horizon (row in pixels, may lie outside) are estimated where they are not given.
    """
    sky = sky_region(image) if sky is None else sky
    horizon = horizon_row(sky) if horizon is None else horizon
    solid = sky < 0.5
    labels = segment(image, solid, SEGMENTS)
    ground = ground_disparity(
        labels.shape[0], labels.shape[1], horizon * labels.shape[0] / image.shape[0]
    )
    small = upright_disparity(labels, ground, _small_lab(image, labels))
    small *= 1.0 - 0.5 * haze_amount(image, labels, small)
    disparity = _at_full_size(image, small, labels >= 0, solid)
    return DepthEstimate(np.clip(disparity, 0.0, 1.0), float(horizon), sky)


def ground_disparity(height: int, width: int, horizon: float) -> FloatArray:
    """Disparity (H, W) of a ground plane that vanishes at the row `horizon`, 1 at the bottom."""
    rows = np.arange(height, dtype=np.float32) + 0.5 - horizon
    rise = np.clip(rows / max(height - horizon, 1.0), 0.0, 1.0)
    return np.repeat((FAR + (1.0 - FAR) * rise)[:, None], width, axis=1).astype(np.float32)


def _small_lab(image: FloatArray, labels: NDArray[np.int32]) -> FloatArray:
    small = cv2.resize(image, labels.shape[::-1], interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small.astype(np.float32), cv2.COLOR_RGB2Lab)


def _at_full_size(
    image: FloatArray, small: FloatArray, known: NDArray[np.bool_], solid: NDArray[np.bool_]
) -> FloatArray:
    """Enlarge a disparity map; its steps move onto the image's edges, the sky's edge stays put."""
    height, width = solid.shape
    if not known.any():
        return np.zeros((height, width), np.float32)
    # The sky's zeros must not bleed into what stands before it.
    weight = cv2.resize(known.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    value = cv2.resize(small * known, (width, height), interpolation=cv2.INTER_LINEAR)
    radius = max(2, max(height, width) // 64)
    value = guided_filter(image, value * solid, radius, EDGE_EPSILON)
    weight = guided_filter(image, weight * solid, radius, EDGE_EPSILON)
    smooth = np.clip(value / np.maximum(weight, 0.05), FAR, 1.0).astype(np.float32)
    return np.where(solid, snap_depth_edges(smooth), 0.0).astype(np.float32)
