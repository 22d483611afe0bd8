"""Waterfalls and rapids: white, ragged, streaked areas between dark rocks, and the pool below.

A white wall is as bright but stands among straight lines; snow borders on the sky. Whatever isn't
clearly white water is left still.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from .appearance import AppearanceMaps
from .guided import global_smooth

MIN_LIGHTNESS = 72.0
"""Minimum CIELAB lightness of white water."""
MAX_CHROMA = 12.0
"""Maximum CIELAB chroma of white water."""
MIN_AREA = 0.004
"""Minimum area of one component of white water, as a fraction of the image."""
MIN_TOTAL_AREA = 0.015
"""Minimum area of all white water, as a fraction of the image."""
MAX_SURROUNDING_LIGHTNESS = 42.0
"""Maximum median lightness around white water that counts as dark rock."""
MIN_TEXTURE = 1.2
MAX_TEXTURE = 9.0
"""Range of the median texture of white water."""
MIN_LINE_LENGTH = 0.06
"""Minimum length of a long straight line, as a fraction of the longer side."""
MAX_LINE_LENGTH = 2.0
"""Total length of long straight lines, in longer sides of the image, above which the scene counts
as built."""
MAX_POOL_DISTANCE = 0.12
"""Maximum distance of the pool from white water, as a fraction of the longer side."""
MIN_POOL_LIGHTNESS = 40.0
"""Minimum CIELAB lightness of the pool."""
SMOOTHING_STRENGTH = 60.0
"""Smoothing over which the pool grows, in squared pixels."""


def white_water(maps: AppearanceMaps) -> tuple[FloatArray, FloatArray]:
    """Find waterfalls and their pools.

    Returns soft masks (fall, pool), each (H, W) 0..1 at working size: falling water, and the water
    it runs off into.
    """
    white = _white_water_mask(maps)
    if not white.any():
        empty = np.zeros(white.shape, np.float32)
        return empty, empty.copy()
    water = _with_pool(maps, white)
    steep = _steepness(water)
    return water * steep, water * (1 - steep)


def _white_water_mask(maps: AppearanceMaps) -> Mask:
    """Return the mask of white water (H, W)."""
    mask = (maps.lab[..., 0] > MIN_LIGHTNESS) & (maps.chroma < MAX_CHROMA) & (maps.sky < 0.2)
    mask = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    if mask.mean() < MIN_TOTAL_AREA or _straight_lines(maps) > MAX_LINE_LENGTH:
        return np.zeros(mask.shape, bool)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    accepted = np.zeros(mask.shape, bool)
    for label in range(1, len(stats)):
        if stats[label, cv2.CC_STAT_AREA] < MIN_AREA * mask.size:
            continue
        component = labels == label
        if _is_water(maps, component):
            accepted |= component
    return accepted if accepted.mean() > MIN_TOTAL_AREA else np.zeros_like(accepted)


def _is_water(maps: AppearanceMaps, component: Mask) -> bool:
    """Whether a white component has the texture of water and dark surroundings."""
    kernel_size = 2 * (max(component.shape) // 60) + 1
    kernel = np.ones((kernel_size, kernel_size), np.uint8)
    dilated = cv2.dilate(component.astype(np.uint8), kernel, iterations=2) > 0
    ring = dilated & ~(cv2.dilate(component.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    if not ring.any() or (maps.sky[dilated] > 0.5).mean() > 0.01:
        return False
    if float(np.median(maps.lab[..., 0][ring])) > MAX_SURROUNDING_LIGHTNESS:
        return False
    return MIN_TEXTURE < float(np.median(maps.texture[component])) < MAX_TEXTURE


def _straight_lines(maps: AppearanceMaps) -> float:
    """Return the total length of long straight lines, in longer sides of the image."""
    size = max(maps.sky.shape)
    gray = np.clip(maps.lab[..., 0] * 2.55, 0, 255).astype(np.uint8)
    lines = cv2.createLineSegmentDetector().detect(gray)[0]
    if lines is None:
        return 0.0
    x0, y0, x1, y1 = lines.reshape(-1, 4).T
    lengths = np.hypot(x1 - x0, y1 - y0)
    return float(lengths[lengths > MIN_LINE_LENGTH * size].sum() / size)


def _with_pool(maps: AppearanceMaps, white: Mask) -> FloatArray:
    """Return white water and the bright, colorless water it runs into, up to the rocks' edges."""
    max_distance = MAX_POOL_DISTANCE * max(white.shape)
    distance = cv2.distanceTransform((~white).astype(np.uint8), cv2.DIST_L2, 5)
    below = np.maximum.accumulate(white.any(axis=1))[:, None]
    bright = (maps.lab[..., 0] > MIN_POOL_LIGHTNESS) & (maps.chroma < 1.5 * MAX_CHROMA)
    likely = cv2.blur(bright.astype(np.float32), (7, 7))
    possible = below & (distance < max_distance) & (maps.sky < 0.3)
    confidence = np.where(white | ~possible, 1.0, 0.1).astype(np.float32)
    values = np.where(white, 1.0, np.where(possible, likely, 0.0)).astype(np.float32)
    return global_smooth(values, maps.link_right, maps.link_down, SMOOTHING_STRENGTH, confidence)


def _steepness(water: FloatArray) -> FloatArray:
    """Return 1 where water falls and 0 from the wide foot of the falls on, (H, W), smooth."""
    widths = (water > 0.5).sum(axis=1).astype(np.float32)
    rows = np.flatnonzero(widths > 0)
    if not len(rows):
        return np.zeros_like(water)
    growth = np.maximum.accumulate(widths) / widths.max()
    foot = np.argmax(growth > 0.6)
    ramp = max(0.06 * len(widths), 1.0)
    fall = np.clip((foot - np.arange(len(widths))) / ramp + 0.5, 0.0, 1.0)
    return np.repeat(fall[:, None], water.shape[1], axis=1).astype(np.float32)
