"""The vanishing point of what runs away from the viewer: where most straight lines meet."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray

WORK_SIZE = 512
MIN_LENGTH = 0.055
"""Shortest line, as a share of the picture's longer side."""
MAX_LINES = 160
TOLERANCE = np.radians(2.0)
"""Spread of a line's direction about the direction to the vanishing point."""
UPRIGHT, LEVEL = np.radians(12.0), np.radians(4.0)
"""Lines nearer to the vertical, or to the horizontal, than this do not tell."""
SECTORS = 12


@dataclass(frozen=True)
class VanishingPoint:
    """Place in pixels and how well lines agree on it, 0..1."""

    x: float
    y: float
    strength: float


def vanishing_point(image: FloatArray, solid: NDArray[np.bool_], highest: float) -> VanishingPoint:
    """Where the lines of an image (H, W, 3), sRGB 0..1, outside of the sky (`solid` (H, W)) meet.

    It is looked for at the row `highest` and below: sky is never seen below the horizon.

    Every pair of long lines proposes its crossing; a proposal is worth the length of the lines that
    point to it, counted by direction so that one bundle of parallel lines is not enough.
    """
    height, width = solid.shape
    scale = min(1.0, WORK_SIZE / max(height, width))
    lines = _segments(image, solid, scale)
    if len(lines) < 4:
        return VanishingPoint(width / 2, height / 2, 0.0)
    middle, direction, length = _described(lines)
    places = _crossings(middle, direction, width * scale, height * scale)
    places = places[places[:, 1] >= highest * scale]
    if not len(places):
        return VanishingPoint(width / 2, height / 2, 0.0)
    scores = _scores(places, middle, direction, length)
    if scores.max() <= 0:
        return VanishingPoint(width / 2, height / 2, 0.0)
    best = places[scores > 0.97 * scores.max()].mean(0)
    strength = float(_scores(best[None], middle, direction, length)[0] / length.sum())
    return VanishingPoint(float(best[0] / scale), float(best[1] / scale), strength)


def _segments(image: FloatArray, solid: NDArray[np.bool_], scale: float) -> FloatArray:
    """Straight lines (n, 4), ends x0, y0, x1, y1 in pixels of the scaled image, longest first."""
    gray = (cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY) * 255).astype(np.uint8)
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    edges = cv2.Canny(cv2.GaussianBlur(gray, (0, 0), 1.0), 40, 100)
    near = cv2.dilate(cv2.resize(solid.astype(np.uint8), size), np.ones((5, 5), np.uint8))
    edges[near == 0] = 0
    shortest = MIN_LENGTH * max(size)
    found = cv2.HoughLinesP(edges, 1, np.pi / 360, 20, minLineLength=shortest, maxLineGap=3)
    if found is None:
        return np.zeros((0, 4), np.float32)
    lines = found.reshape(-1, 4).astype(np.float32)
    run = np.abs(lines[:, 2:] - lines[:, :2])
    slope = np.arctan2(run[:, 1], run[:, 0])
    lines = lines[(slope > LEVEL) & (slope < np.pi / 2 - UPRIGHT)]
    order = np.argsort(-np.hypot(*(lines[:, 2:] - lines[:, :2]).T), kind="stable")
    return lines[order[:MAX_LINES]]


def _described(lines: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    run = lines[:, 2:] - lines[:, :2]
    length = np.hypot(run[:, 0], run[:, 1]).astype(np.float32)
    middle = ((lines[:, 2:] + lines[:, :2]) / 2).astype(np.float32)
    return middle, (run / length[:, None]).astype(np.float32), length


def _crossings(
    middle: FloatArray, direction: FloatArray, width: float, height: float
) -> FloatArray:
    """Crossings (n, 2) of all pairs of lines that fall into the picture or near it."""
    i, j = np.triu_indices(len(middle), 1)
    cross = direction[i, 0] * direction[j, 1] - direction[i, 1] * direction[j, 0]
    fit = np.abs(cross) > 0.1
    i, j, cross = i[fit], j[fit], cross[fit]
    gap = middle[j] - middle[i]
    along = (gap[:, 0] * direction[j, 1] - gap[:, 1] * direction[j, 0]) / cross
    places = middle[i] + along[:, None] * direction[i]
    limit = np.array([width, height])
    inside = ((places > -0.1 * limit) & (places < 1.1 * limit)).all(1)
    return places[inside].astype(np.float32)


def _scores(
    places: FloatArray, middle: FloatArray, direction: FloatArray, length: FloatArray
) -> FloatArray:
    """Length of the lines that point to each place; lines of one bearing count as their root."""
    scores = np.empty(len(places), np.float32)
    for start in range(0, len(places), 2000):
        to = middle[None] - places[start : start + 2000, None]
        distance = np.maximum(np.hypot(to[..., 0], to[..., 1]), 1e-3)
        sine = np.abs(to[..., 0] * direction[:, 1] - to[..., 1] * direction[:, 0]) / distance
        agree = np.exp(-0.5 * (sine / TOLERANCE) ** 2) * length
        sector = (np.arctan2(to[..., 1], to[..., 0]) / (2 * np.pi) * SECTORS).astype(int) % SECTORS
        sums = np.stack([(agree * (sector == s)).sum(1) for s in range(SECTORS)])
        scores[start : start + 2000] = sums.sum(0) * ((sums > 0.06 * sums.sum(0)).sum(0) - 1) / 4
    return scores
