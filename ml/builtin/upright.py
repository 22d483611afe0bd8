"""Upright pieces: what rises above the horizon gets the disparity of where it stands."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray

Mask = NDArray[np.bool_]

FOOT_PERCENTILE = 85
MIN_PLANE_WIDTH = 0.08
MIN_FIT = 0.5
"""Share of the foot's variance that a slanted line has to explain."""
SOFT_CONTRAST = 28.0
"""Difference of colour (CIELAB) up to which one piece rests on another."""
GROUND_CONTRAST = 16.0
"""Difference of colour (CIELAB) up to which a piece looks like the ground before the camera."""
UNDER_UPRIGHT = 0.6
MAX_WIDTH = 0.3
RESTS = 12


@dataclass(frozen=True)
class _Piece:
    """A piece of the picture: its pixels and, a column, its highest row and the row below it."""

    mask: Mask
    columns: NDArray[np.int64]
    tops: NDArray[np.int64]
    feet: NDArray[np.int64]


def upright_disparity(labels: NDArray[np.int32], ground: FloatArray, lab: FloatArray) -> FloatArray:
    """Disparity (h, w) of a segmented picture.

    labels (h, w): pieces, -1 for the sky; ground (h, w): disparity of the ground plane, constant a
    row; lab (h, w, 3): colours. Pieces below the horizon keep the ground's disparity unless they
    are the lower part of something upright.
    """
    rows = ground[:, 0]
    result = np.where(labels >= 0, ground, 0.0).astype(np.float32)
    upright, low = _split(_pieces(labels), rows)
    upright = upright + _lower_parts(upright, low, lab)
    standing = np.zeros(labels.shape, bool)
    for piece in upright:
        standing |= piece.mask
    stops = _first_below(~standing)
    resting = []
    for piece in upright:
        plane = _plane(piece, stops[piece.feet, piece.columns], rows)
        if plane is None:
            resting.append(piece)
        else:
            result[piece.mask] = plane[np.nonzero(piece.mask)[1]]
    return _rested(resting, result, lab)


def _pieces(labels: NDArray[np.int32]) -> list[_Piece]:
    found = []
    for label in range(labels.max() + 1):
        mask = labels == label
        columns = np.flatnonzero(mask.any(0))
        if len(columns):
            tops = mask.argmax(0)[columns]
            feet = mask.shape[0] - mask[::-1].argmax(0)[columns]
            found.append(_Piece(mask, columns, tops, feet))
    return found


def _split(pieces: list[_Piece], rows: FloatArray) -> tuple[list[_Piece], list[_Piece]]:
    """Pieces that rise above the horizon by more than a tenth of themselves, and the others."""
    above = (rows <= rows.min() + 1e-6)[:, None]
    rises = [(p.mask & above).sum() > 0.1 * p.mask.sum() for p in pieces]
    upright = [p for p, r in zip(pieces, rises, strict=True) if r]
    return upright, [p for p, r in zip(pieces, rises, strict=True) if not r]


def _lower_parts(upright: list[_Piece], low: list[_Piece], lab: FloatArray) -> list[_Piece]:
    """Pieces below the horizon that hang under upright ones and don't look like the ground."""
    if not upright:
        return []
    standing = np.any([p.mask for p in upright], axis=0)
    ground_color = _ground_color(lab)
    found = []
    for piece in sorted(low, key=lambda p: float(np.median(p.tops))):
        over = standing[np.maximum(piece.tops - 1, 0), piece.columns] & (piece.tops > 0)
        differs = np.linalg.norm(lab[piece.mask].mean(0) - ground_color) > GROUND_CONTRAST
        # Water and meadows lie wide under what stands behind them.
        flat = len(piece.columns) > MAX_WIDTH * lab.shape[1]
        if differs and not flat and over.mean() > UNDER_UPRIGHT:
            standing |= piece.mask
            found.append(piece)
    return found


def _ground_color(lab: FloatArray) -> FloatArray:
    """Median colour just before the camera."""
    height, width = lab.shape[:2]
    middle = lab[int(0.85 * height) :, int(0.25 * width) : max(1, int(0.75 * width))]
    return np.median(middle.reshape(-1, 3), axis=0)


def _first_below(open_ground: Mask) -> NDArray[np.int64]:
    """For every pixel the first row at or below it that is open ground (h + 1, w); h if none."""
    height, width = open_ground.shape
    first = np.full((height + 1, width), height, np.int64)
    for row in range(height - 1, -1, -1):
        first[row] = np.where(open_ground[row], row, first[row + 1])
    return first


def _plane(piece: _Piece, feet: NDArray[np.int64], rows: FloatArray) -> FloatArray | None:
    """Disparity by column (w,) of a piece that stands on the ground, None where it does not."""
    height, width = piece.mask.shape
    disparity = rows[np.minimum(feet, height - 1)]
    foot = float(np.percentile(disparity, FOOT_PERCENTILE))
    if foot <= rows.min() + 0.02:
        return None
    if len(piece.columns) > MIN_PLANE_WIDTH * width:
        slope, offset, fit = _line(piece.columns, disparity)
        if fit > MIN_FIT:
            line = slope * np.arange(width) + offset
            return np.clip(line, disparity.min(), disparity.max()).astype(np.float32)
    return np.full(width, foot, np.float32)


def _line(x: NDArray[np.int64], y: FloatArray) -> tuple[float, float, float]:
    """Slope, offset and explained share of variance of a least-squares line."""
    slope, offset = np.polyfit(x, y, 1)
    spread = float(y.var())
    left = float(((slope * x + offset - y) ** 2).mean())
    return float(slope), float(offset), 1.0 - left / spread if spread > 1e-8 else 0.0


def _rested(pieces: list[_Piece], result: FloatArray, lab: FloatArray) -> FloatArray:
    """Give pieces that end above the horizon the disparity of what they rest on."""
    for _ in range(RESTS):
        for piece in pieces:
            support = _support(piece, result, lab)
            if support is not None:
                result[piece.mask] = support
    return result


def _support(piece: _Piece, result: FloatArray, lab: FloatArray) -> float | None:
    """Median disparity just below the piece, where colours meet softly; else None."""
    height = piece.mask.shape[0]
    inside = piece.feet < height
    below, columns = piece.feet[inside], piece.columns[inside]
    if not len(below):
        return None
    contrast = np.linalg.norm(lab[below, columns] - lab[below - 1, columns], axis=-1)
    mean = lab[piece.mask].mean(0)
    ring = cv2.dilate(piece.mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    alike = np.linalg.norm(lab[ring & ~piece.mask] - mean, axis=-1) < SOFT_CONTRAST
    soft = np.median(contrast) < SOFT_CONTRAST and alike.mean() > 0.25
    return float(np.median(result[below, columns])) if soft else None
