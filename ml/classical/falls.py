"""Waterfalls and rapids: white, ragged, streaked pieces between dark rocks, and the pool below.

A white wall is as bright, but stands among straight lines; snow lies against the sky. What isn't
clearly white water stands still.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray
from .appearance import Appearance
from .guided import global_smooth

Mask = NDArray[np.bool_]

WHITE = 72.0
MOST_CHROMA = 12.0
LEAST_AREA = 0.004
LEAST_MAIN_AREA = 0.015
LARGEST_RING = 42.0
"""Median lightness round white water up to which it counts as bounded by dark rock."""
LEAST_TEXTURE = 1.2
MOST_TEXTURE = 9.0
LONG_LINE = 0.06
MOST_LINES = 2.0
"""Length of long straight lines in the picture, in widths, from which people have built there."""
POOL_REACH = 0.12
POOL_LIGHTNESS = 40.0
WALK_STRENGTH = 60.0


def white_water(look: Appearance) -> tuple[FloatArray, FloatArray]:
    """Soft masks (fall, pool), (H, W) 0..1 at working size: what runs down and what runs away."""
    pieces = _white_pieces(look)
    if not pieces.any():
        none = np.zeros(pieces.shape, np.float32)
        return none, none.copy()
    whole = _with_pool(look, pieces)
    steep = _steepness(pieces, whole)
    return whole * steep, whole * (1 - steep)


def _white_pieces(look: Appearance) -> Mask:
    white = (look.lab[..., 0] > WHITE) & (look.chroma < MOST_CHROMA) & (look.sky < 0.2)
    white = cv2.morphologyEx(white.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    white = cv2.morphologyEx(white, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    if white.mean() < LEAST_MAIN_AREA or _straight_lines(look) > MOST_LINES:
        return np.zeros(white.shape, bool)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(white)
    sure = np.zeros(white.shape, bool)
    for label in range(1, len(stats)):
        if stats[label, cv2.CC_STAT_AREA] < LEAST_AREA * white.size:
            continue
        piece = labels == label
        if _is_water(look, piece):
            sure |= piece
    return sure if sure.mean() > LEAST_MAIN_AREA else np.zeros_like(sure)


def _is_water(look: Appearance, piece: Mask) -> bool:
    """Whether a white piece has water's texture and dark surroundings."""
    reach = 2 * (max(piece.shape) // 60) + 1
    kernel = np.ones((reach, reach), np.uint8)
    outpainted = cv2.dilate(piece.astype(np.uint8), kernel, iterations=2) > 0
    ring = outpainted & ~(cv2.dilate(piece.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    if not ring.any() or (look.sky[outpainted] > 0.5).mean() > 0.01:
        return False
    if float(np.median(look.lab[..., 0][ring])) > LARGEST_RING:
        return False
    return LEAST_TEXTURE < float(np.median(look.texture[piece])) < MOST_TEXTURE


def _straight_lines(look: Appearance) -> float:
    """Length of all long straight lines as a multiple of the picture's size."""
    size = max(look.sky.shape)
    gray = np.clip(look.lab[..., 0] * 2.55, 0, 255).astype(np.uint8)
    lines = cv2.createLineSegmentDetector().detect(gray)[0]
    if lines is None:
        return 0.0
    x0, y0, x1, y1 = lines.reshape(-1, 4).T
    lengths = np.hypot(x1 - x0, y1 - y0)
    return float(lengths[lengths > LONG_LINE * size].sum() / size)


def _with_pool(look: Appearance, pieces: Mask) -> FloatArray:
    """White water and the bright, colorless water that it runs into, up to the rocks' edges."""
    reach = POOL_REACH * max(pieces.shape)
    away = cv2.distanceTransform((~pieces).astype(np.uint8), cv2.DIST_L2, 5)
    below = np.maximum.accumulate(pieces.any(axis=1))[:, None]
    bright = (look.lab[..., 0] > POOL_LIGHTNESS) & (look.chroma < 1.5 * MOST_CHROMA)
    likely = cv2.blur(bright.astype(np.float32), (7, 7))
    may = below & (away < reach) & (look.sky < 0.3)
    confidence = np.where(pieces | ~may, 1.0, 0.1).astype(np.float32)
    values = np.where(pieces, 1.0, np.where(may, likely, 0.0)).astype(np.float32)
    return global_smooth(values, look.right, look.down, WALK_STRENGTH, confidence)


def _steepness(pieces: Mask, whole: FloatArray) -> FloatArray:
    """1 where water falls, 0 where it has come to the wide foot of the falls (H, W), smooth."""
    widths = (whole > 0.5).sum(axis=1).astype(np.float32)
    rows = np.flatnonzero(widths > 0)
    if not len(rows):
        return np.zeros_like(whole)
    growth = np.maximum.accumulate(widths) / widths.max()
    outpainted = np.argmax(growth > 0.6)
    ramp = max(0.06 * len(widths), 1.0)
    fall = np.clip((outpainted - np.arange(len(widths))) / ramp + 0.5, 0.0, 1.0)
    return np.repeat(fall[:, None], whole.shape[1], axis=1).astype(np.float32)
