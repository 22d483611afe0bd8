"""Disparity of a photo without a network: sky, a ground plane, upright pieces that stand on it.

The ground's disparity grows with the distance below the horizon. A street's or a bridge's vanishing
point adds walls (layout). Elsewhere the picture is cut into superpixels; those that rise above the
horizon, or look like and adjoin what does, are upright and stand on their feet (relief); haze sets
far ones back. Every step of depth lies on a superpixel's border, thus on an edge of the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.core.camera import FloatArray
from .guided import global_smooth
from .haze import haze_amount
from .layout import FAR, Layout, Mask, enclosed, scene_layout
from .relief import cut_pieces, ground_share, superpixel_disparity, uprightness
from .sky import sky_region
from .superpixels import Labels, mean_over

SMOOTHING = 0.02
"""Reach of the last smoothing, as a share of the longer side."""
MIN_GROUND = 0.2
"""Share of what is below the horizon that must lie flat for the looks to be believed."""
HAZY = 0.4
"""Haze pushes back what stands farther than this disparity: nearer, bright is only bright."""
STEP = 0.02
"""Disparity step over which neighbors are smoothed together to 1/e."""


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
    layout = scene_layout(image, sky, horizon)
    solid = sky < 0.5
    if not solid.any():
        return DepthEstimate(np.zeros(sky.shape, np.float32), layout.horizon, sky)
    template = layout.template
    if not layout.corridor:
        template = _with_upright_pieces(image, sky, layout)
    smooth = _smoothed(template, solid)
    disparity = np.where(solid, np.clip(smooth, FAR, 1.0), 0.0)
    return DepthEstimate(disparity.astype(np.float32), float(layout.horizon), sky)


def _with_upright_pieces(image: FloatArray, sky: FloatArray, layout: Layout) -> FloatArray:
    solid = sky < 0.5
    pieces = cut_pieces(image, solid)
    upright = uprightness(image, pieces, layout)
    if ground_share(upright, pieces, layout) < MIN_GROUND:
        # All looks alike, above the horizon and below: looks don't tell what stands.
        return enclosed(image, layout, solid).template
    level = superpixel_disparity(pieces, upright, layout)
    haze = mean_over(pieces.labels, haze_amount(image, sky)) * upright
    far = np.clip(1.0 - level / HAZY, 0.0, 1.0)
    level = FAR + (level - FAR) * (1.0 - haze * far)
    return _painted(pieces.labels, level, upright, layout.template)


def _painted(
    labels: Labels, level: FloatArray, upright: FloatArray, template: FloatArray
) -> FloatArray:
    """Disparity (H, W): superpixels at their levels, slanted as the template where they lie."""
    index = np.maximum(labels, 0)
    offset = template - mean_over(labels, template)[index]
    return level[index] + (1.0 - upright[index]) * offset


def _smoothed(disparity: FloatArray, solid: Mask) -> FloatArray:
    """Join small steps and keep large ones; the sky is cut off."""
    strength = (SMOOTHING * max(disparity.shape)) ** 2
    right = np.exp(-np.abs(np.diff(disparity, axis=1)) / STEP) * (solid[:, 1:] & solid[:, :-1])
    down = np.exp(-np.abs(np.diff(disparity, axis=0)) / STEP) * (solid[1:] & solid[:-1])
    return global_smooth(disparity, right, down, strength)
