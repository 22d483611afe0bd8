"""What moves in a photo, found from the image: clouds, water, falling water.

When unsure, a thing stands still: a building that moves is worse than a lake that doesn't.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray
from .guided import guided_filter
from .segments import segment

Mask = NDArray[np.bool_]

SEGMENTS = 64
BELOW_HORIZON = 0.3
"""Water has to begin within this share of the height below the horizon."""
MIN_SHORE = 0.2
"""Share of the width that water has to have where it begins; a road is narrow there."""
SKY_ALIKE = 22.0
"""Difference of chroma (CIELAB a, b) up to which water mirrors the sky."""
WARM = 10.0
"""CIELAB b from which a surface is sand or earth, unless the sky is as warm."""
CALM = 1.3, 1.9
"""Mean horizontal and vertical gradient (CIELAB per pixel) of calm water, at most."""
LEVEL, WAVES = 1.12, 1.6
"""Vertical over horizontal gradient of calm water and of waves, at least: water lies in streaks."""
BLUE = -5.0
"""CIELAB b of a sea with waves, at most."""
LIGHT = 50.0
"""CIELAB lightness from which calm water needs no streaks."""
DARK = 12.5
"""CIELAB lightness below which nothing tells water from a wood at night."""
DARKER = 0.7
"""Share of the water's lightness in the same row below which a thing only looks like water."""
MIN_WATER = 0.02
FALL_LIGHT, FALL_CHROMA, FALL_RING = 50.0, 16.0, 38.0
"""A fall is lighter and less coloured than these (CIELAB), and what surrounds it is darker."""
MIN_FALL, MIN_DROP = 0.006, 0.2
"""A fall's size and height as shares of the picture's, at least."""


@dataclass(frozen=True)
class MotionRegions:
    """Soft masks (H, W) float32 0..1: cloud (the sky), water (level surfaces), fall (falling)."""

    cloud: FloatArray
    water: FloatArray
    fall: FloatArray


@dataclass(frozen=True)
class _Look:
    """Per pixel at working size (h, w): colour, gradients, row, and the horizon's row."""

    lab: FloatArray
    dx: FloatArray
    dy: FloatArray
    horizon: float


def motion_regions(
    image: FloatArray, sky: FloatArray, disparity: FloatArray, horizon: float
) -> MotionRegions:
    """Find what moves in an image (H, W, 3), sRGB 0..1.

    sky (H, W) 0..1; disparity (H, W), by which water must be near where it is low in the picture;
    horizon: its row in pixels.
    """
    labels = segment(image, sky < 0.5, SEGMENTS)
    look = _look(image, labels.shape, horizon * labels.shape[0] / image.shape[0])
    fall = _falls(look, labels >= 0)
    water = _water(look, labels, cv2.resize(sky, labels.shape[::-1])) & ~fall
    solid = 1.0 - sky
    return MotionRegions(
        cloud=sky.astype(np.float32),
        water=_soft(image, water) * solid * _level(disparity),
        fall=_soft(image, fall) * solid,
    )


def _look(image: FloatArray, shape: tuple[int, int], horizon: float) -> _Look:
    def small(picture: FloatArray) -> FloatArray:
        return cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_AREA)

    # Gradients are those of the picture itself: texture is gone from the small one.
    light = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2Lab)[..., 0]
    dx = small(np.abs(cv2.Sobel(light, cv2.CV_32F, 1, 0)) / 8)
    dy = small(np.abs(cv2.Sobel(light, cv2.CV_32F, 0, 1)) / 8)
    lab = cv2.cvtColor(small(image.astype(np.float32)), cv2.COLOR_RGB2Lab)
    return _Look(lab, dx, dy, horizon)


def _soft(image: FloatArray, mask: Mask) -> FloatArray:
    """Enlarge a mask and fit its edge to the image's."""
    height, width = image.shape[:2]
    full = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    fitted = guided_filter(image, full, max(3, max(height, width) // 100), 1e-3)
    return np.clip(1.5 * fitted - 0.25, 0.0, 1.0).astype(np.float32)


def _level(disparity: FloatArray) -> FloatArray:
    """1 where the surface comes nearer downward or is even, 0 on what stands upright and near."""
    fall_off = cv2.Sobel(cv2.blur(disparity, (9, 9)), cv2.CV_32F, 0, 1) / 8
    upright = (fall_off < 2e-4) & (disparity > 0.2)
    return 1.0 - cv2.blur(upright.astype(np.float32), (5, 5))


def _water(look: _Look, labels: NDArray[np.int32], sky: FloatArray) -> Mask:
    """Pieces that look like water, joined to some that begin widely just below the horizon."""
    height, width = labels.shape
    alike = np.zeros(labels.shape, bool)
    sky_chroma = _sky_chroma(look.lab, sky)
    for label in range(labels.max() + 1):
        piece = labels == label
        if piece.any() and _looks_like_water(look, piece, sky_chroma):
            alike |= piece
    alike[: int(look.horizon)] = False
    alike &= ~_darker_than_its_row(look.lab[..., 0], alike)
    closed = cv2.morphologyEx(alike.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, parts = cv2.connectedComponents(closed, connectivity=4)
    water = np.zeros(labels.shape, bool)
    begin = slice(int(look.horizon), int(look.horizon + BELOW_HORIZON * height) + 2)
    for part in range(1, count):
        area = parts == part
        if area[begin].any(0).sum() > MIN_SHORE * width and area.mean() > MIN_WATER:
            water |= area & alike
    return water


def _sky_chroma(lab: FloatArray, sky: FloatArray) -> FloatArray | None:
    """Median a and b of the sky, None where there is hardly any."""
    inside = sky > 0.5
    return np.median(lab[inside][:, 1:], axis=0) if inside.mean() > 0.02 else None


def _looks_like_water(look: _Look, piece: Mask, sky_chroma: FloatArray | None) -> bool:
    if sky_chroma is None or np.nonzero(piece)[0].mean() < look.horizon:
        return False
    a, b = np.median(look.lab[piece][:, 1:], axis=0)
    mirrors = float(np.hypot(a - sky_chroma[0], b - sky_chroma[1])) < SKY_ALIKE
    warm = b > WARM and b > sky_chroma[1] + 6.0
    return mirrors and not warm and _lies_in_streaks(look, piece, float(b))


def _lies_in_streaks(look: _Look, piece: Mask, b: float) -> bool:
    dx, dy = float(look.dx[piece].mean()), float(look.dy[piece].mean())
    streaks = dy / max(dx, 1e-3)
    lightness = float(np.median(look.lab[piece][:, 0]))
    if lightness < DARK:
        return False
    calm = dx < CALM[0] and dy < CALM[1] and (streaks > LEVEL or lightness > LIGHT)
    return calm or (streaks > WAVES and b < BLUE)


def _darker_than_its_row(light: FloatArray, water: Mask) -> Mask:
    """What is much darker than the water beside it: a pier, a boat, a rock."""
    reference = np.zeros(light.shape[0], np.float32)
    for row in range(light.shape[0]):
        band = slice(max(row - 1, 0), row + 2)
        values = light[band][water[band]]
        reference[row] = np.percentile(values, 75) if len(values) else 0.0
    return light < DARKER * reference[:, None]


def _falls(look: _Look, solid: Mask) -> Mask:
    """Light, colourless, lively areas among dark ones."""
    chroma = np.hypot(look.lab[..., 1], look.lab[..., 2])
    light = solid & (look.lab[..., 0] > FALL_LIGHT) & (chroma < FALL_CHROMA)
    count, parts = cv2.connectedComponents(light.astype(np.uint8), connectivity=8)
    found = np.zeros(light.shape, bool)
    for part in range(1, count):
        area = parts == part
        if area.mean() > MIN_FALL and _is_fall(look, area, solid):
            found |= area
    closed = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return closed.astype(bool)


def _is_fall(look: _Look, area: Mask, solid: Mask) -> bool:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    ring = cv2.dilate(area.astype(np.uint8), kernel).astype(bool) & ~area
    touches_sky = (ring & ~solid).any()
    falls = np.ptp(np.flatnonzero(area.any(1))) > MIN_DROP * area.shape[0]
    dark = ring.any() and float(np.median(look.lab[ring][:, 0])) < FALL_RING
    inner = cv2.erode(area.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    lively = inner.any() and float((look.dx + look.dy)[inner].mean()) > 0.8
    return bool(dark and lively and falls and not touches_sky)
