"""The vanishing point of a scene: where most of its straight lines meet."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask

WORK_SIZE = 512
"""Longer side, in pixels, of the image in which lines are detected."""
MIN_LENGTH = 0.055
"""Minimum length of a line, as a fraction of the longer side."""
MAX_LINES = 160
"""Number of the longest lines that are used."""
ANGLE_SIGMA = np.radians(2.0)
"""Spread of a line's direction around the direction to the vanishing point, in radians."""
VERTICAL_MARGIN, HORIZONTAL_MARGIN = np.radians(12.0), np.radians(4.0)
"""Lines closer to vertical, or to horizontal, than these angles (radians) are ignored."""
SECTORS = 12
"""Number of direction sectors for which support is counted separately."""


@dataclass(frozen=True)
class VanishingPoint:
    """Position in pixels and the fraction of line length, 0..1, that agrees on it."""

    x: float
    y: float
    strength: float


def vanishing_point(image: FloatArray, solid: Mask, highest: float) -> VanishingPoint:
    """Find where the lines of an image meet.

    Every pair of long lines proposes its crossing. A proposal is worth the length of the lines that
    point to it, counted by direction so that a single bundle of parallel lines is not enough.

    Args:
        image: (H, W, 3) sRGB, 0..1.
        solid: (H, W) mask of everything but the sky.
        highest: Topmost row in pixels: the sky is never seen below the horizon.

    Returns strength 0 at the image center if there are too few lines.
    """
    height, width = solid.shape
    scale = min(1.0, WORK_SIZE / max(height, width))
    lines = _line_segments(image, solid, scale)
    if len(lines) < 4:
        return VanishingPoint(width / 2, height / 2, 0.0)
    middle, direction, length = _line_geometry(lines)
    points = _crossings(middle, direction, width * scale, height * scale)
    points = points[points[:, 1] >= highest * scale]
    if not len(points):
        return VanishingPoint(width / 2, height / 2, 0.0)
    scores = _scores(points, middle, direction, length)
    if scores.max() <= 0:
        return VanishingPoint(width / 2, height / 2, 0.0)
    best = points[scores > 0.97 * scores.max()].mean(0)
    strength = float(_scores(best[None], middle, direction, length)[0] / length.sum())
    return VanishingPoint(float(best[0] / scale), float(best[1] / scale), strength)


def _line_segments(image: FloatArray, solid: Mask, scale: float) -> FloatArray:
    """Return straight lines (n, 4), x0, y0, x1, y1 in pixels of the scaled image, longest first."""
    gray = (cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY) * 255).astype(np.uint8)
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    edges = cv2.Canny(cv2.GaussianBlur(gray, (0, 0), 1.0), 40, 100)
    near = cv2.dilate(cv2.resize(solid.astype(np.uint8), size), np.ones((5, 5), np.uint8))
    edges[near == 0] = 0
    shortest = MIN_LENGTH * max(size)
    segments = cv2.HoughLinesP(edges, 1, np.pi / 360, 20, minLineLength=shortest, maxLineGap=3)
    if segments is None:
        return np.zeros((0, 4), np.float32)
    lines = segments.reshape(-1, 4).astype(np.float32)
    extent = np.abs(lines[:, 2:] - lines[:, :2])
    slope = np.arctan2(extent[:, 1], extent[:, 0])
    lines = lines[(slope > HORIZONTAL_MARGIN) & (slope < np.pi / 2 - VERTICAL_MARGIN)]
    order = np.argsort(-np.hypot(*(lines[:, 2:] - lines[:, :2]).T), kind="stable")
    return lines[order[:MAX_LINES]]


def _line_geometry(lines: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return middle (n, 2), unit direction (n, 2) and length (n,) of lines (n, 4)."""
    extent = lines[:, 2:] - lines[:, :2]
    length = np.hypot(extent[:, 0], extent[:, 1]).astype(np.float32)
    middle = ((lines[:, 2:] + lines[:, :2]) / 2).astype(np.float32)
    return middle, (extent / length[:, None]).astype(np.float32), length


def _crossings(
    middle: FloatArray, direction: FloatArray, width: float, height: float
) -> FloatArray:
    """Return the crossings (n, 2) of all pairs of lines that lie in the image or near it."""
    i, j = np.triu_indices(len(middle), 1)
    cross = direction[i, 0] * direction[j, 1] - direction[i, 1] * direction[j, 0]
    crossing_well = np.abs(cross) > 0.1
    i, j, cross = i[crossing_well], j[crossing_well], cross[crossing_well]
    separation = middle[j] - middle[i]
    parameter = (separation[:, 0] * direction[j, 1] - separation[:, 1] * direction[j, 0]) / cross
    points = middle[i] + parameter[:, None] * direction[i]
    limit = np.array([width, height])
    inside = ((points > -0.1 * limit) & (points < 1.1 * limit)).all(1)
    return points[inside].astype(np.float32)


def _scores(
    candidates: FloatArray, middle: FloatArray, direction: FloatArray, length: FloatArray
) -> FloatArray:
    """Return the support of each candidate point (n,): the length of the lines that point to it.

    Lines are counted in sectors of direction; a candidate supported from few sectors is worth less.
    """
    scores = np.empty(len(candidates), np.float32)
    for start in range(0, len(candidates), 2000):
        offset = middle[None] - candidates[start : start + 2000, None]
        distance = np.maximum(np.hypot(offset[..., 0], offset[..., 1]), 1e-3)
        sine = (
            np.abs(offset[..., 0] * direction[:, 1] - offset[..., 1] * direction[:, 0]) / distance
        )
        support = np.exp(-0.5 * (sine / ANGLE_SIGMA) ** 2) * length
        sector = (np.arctan2(offset[..., 1], offset[..., 0]) / (2 * np.pi) * SECTORS).astype(
            int
        ) % SECTORS
        sums = np.stack([(support * (sector == s)).sum(1) for s in range(SECTORS)])
        scores[start : start + 2000] = sums.sum(0) * ((sums > 0.06 * sums.sum(0)).sum(0) - 1) / 4
    return scores
