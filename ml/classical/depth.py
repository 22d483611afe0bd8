"""Disparity of a photo without a network: sky, a ground plane, and upright superpixels standing on
it.

The ground's disparity grows with the distance below the horizon. The vanishing point of a street or
a bridge adds walls (layout.py). Elsewhere the image is cut into superpixels. Those that rise above
the horizon, or resemble and adjoin one that does, are upright and stand on their lower end
(relief.py); haze moves distant ones back. Every discontinuity of depth lies on the border of a
superpixel and thus on an image edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.core.camera import FloatArray
from .guided import global_smooth
from .haze import haze_amount
from .layout import FAR, Layout, Mask, scene_layout, with_room_walls
from .relief import flat_fraction, superpixel_disparity, superpixel_graph, uprightness
from .sky import sky_region
from .superpixels import Labels, mean_over

SMOOTHING_RADIUS = 0.02
"""Radius of the final smoothing, as a fraction of the longer side."""
MIN_GROUND = 0.2
"""Minimum fraction of the area below the horizon that must be flat for appearance to be
informative."""
MAX_HAZE_DISPARITY = 0.4
"""Haze moves back only what has a smaller disparity than this: closer by, bright is merely
bright."""
DISPARITY_STEP = 0.02
"""Disparity step across which smoothing has weakened to 1/e."""


@dataclass(frozen=True)
class DepthEstimate:
    """The depth of an image.

    Attributes:
        disparity: (H, W) float32, 0..1; 1 is nearest, exactly 0 in the sky.
        horizon: Row of the horizon in pixels; may lie outside the image.
        sky: (H, W) float32 soft sky mask, 0..1.
    """

    disparity: FloatArray
    horizon: float
    sky: FloatArray


def estimate_disparity(
    image: FloatArray, sky: FloatArray | None = None, horizon: float | None = None
) -> DepthEstimate:
    """Estimate the disparity of an image.

    Args:
        image: (H, W, 3) sRGB, 0..1.
        sky: (H, W) soft sky mask, 0..1; estimated by default.
        horizon: Row of the horizon in pixels, may lie outside the image; estimated by default.
    """
    sky = sky_region(image) if sky is None else sky
    layout = scene_layout(image, sky, horizon)
    solid = sky < 0.5
    if not solid.any():
        return DepthEstimate(np.zeros(sky.shape, np.float32), layout.horizon, sky)
    template = layout.template
    if not layout.corridor:
        template = _with_upright_pieces(image, sky, layout)
    smoothed = _smoothed(template, solid)
    disparity = np.where(solid, np.clip(smoothed, FAR, 1.0), 0.0)
    return DepthEstimate(disparity.astype(np.float32), float(layout.horizon), sky)


def _with_upright_pieces(image: FloatArray, sky: FloatArray, layout: Layout) -> FloatArray:
    """Return the disparity (H, W) with upright superpixels standing on the ground."""
    solid = sky < 0.5
    graph = superpixel_graph(image, solid)
    upright = uprightness(image, graph, layout)
    if flat_fraction(upright, graph, layout) < MIN_GROUND:
        # Above and below the horizon look alike: appearance doesn't show what is upright.
        return with_room_walls(image, layout, solid).template
    disparity = superpixel_disparity(graph, upright, layout)
    haze = mean_over(graph.labels, haze_amount(image, sky)) * upright
    far = np.clip(1.0 - disparity / MAX_HAZE_DISPARITY, 0.0, 1.0)
    disparity = (FAR + (disparity - FAR) * (1.0 - haze * far)).astype(np.float32, copy=False)
    return _pixel_disparity(graph.labels, disparity, upright, layout.template)


def _pixel_disparity(
    labels: Labels, levels: FloatArray, upright: FloatArray, template: FloatArray
) -> FloatArray:
    """Return the disparity (H, W) of superpixels, slanted like the template where they lie flat."""
    index = np.maximum(labels, 0)
    offset = template - mean_over(labels, template)[index]
    return levels[index] + (1.0 - upright[index]) * offset


def _smoothed(disparity: FloatArray, solid: Mask) -> FloatArray:
    """Smooth small steps and keep large ones; the sky is not mixed with the rest."""
    strength = (SMOOTHING_RADIUS * max(disparity.shape)) ** 2
    right = np.exp(-np.abs(np.diff(disparity, axis=1)) / DISPARITY_STEP) * (
        solid[:, 1:] & solid[:, :-1]
    )
    down = np.exp(-np.abs(np.diff(disparity, axis=0)) / DISPARITY_STEP) * (solid[1:] & solid[:-1])
    return global_smooth(disparity, right, down, strength)
