"""Where the lines on the ground meet: the vanishing point of roads, piers and rows.

Level lines that run in one direction meet in one point of the horizon. Straight lines found on the
ground vote for where they cross it: a Hough transform in which all candidates lie on the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask

SHORTEST = 0.03
"""Length, relative to the longer side, from which on a line counts."""
BENT = 0.02
"""Error of a line's direction in radians, beside that of about a pixel at one of its ends."""
CANDIDATES, REACH = 200, 1.5
"""Number of columns that are voted for, and how far they reach to both sides, in widths."""
VAGUE = 0.25
"""A line that leaves the column uncertain by so many widths doesn't vote."""
CLEAR = 0.25
"""Least share of all lines, by length, that meet."""
LEAST_LENGTH = 0.6
"""Least length of those, relative to the image's longer side."""


@dataclass(frozen=True)
class Lines:
    """Straight lines in an image, n in all.

    Attributes:
        ends: (n, 4), x and y of both ends in pixels.
        length: (n,), in pixels.
    """

    ends: FloatArray
    length: FloatArray


def vanishing_column(image: FloatArray, ground: Mask, horizon: float) -> float | None:
    """Return the column where the lines on the ground meet the horizon, None if they don't.

    Args:
        image: (H, W, 3) sRGB, 0..1.
        ground: (H, W), where lines count.
        horizon: Row of the horizon.
    """
    height, width = ground.shape
    lines = ground_lines(image, ground, horizon)
    at, doubt = crossings(lines, horizon)
    counted = (np.abs(at - width / 2) < REACH * width) & (doubt < VAGUE * width)
    if not counted.any():
        return None
    step = 2 * REACH * width / CANDIDATES
    candidates = width / 2 + step * (np.arange(CANDIDATES) + 0.5 - CANDIDATES / 2)
    length, doubt = lines.length, np.maximum(doubt, 0.5 * step)
    apart = (candidates - at[counted, None]) / doubt[counted, None]
    votes = length[counted] @ np.exp(-0.5 * apart**2)
    meets = counted & (np.abs(at - candidates[votes.argmax()]) < 2.0 * doubt)
    found = length[meets].sum()
    if found < max(CLEAR * length.sum(), LEAST_LENGTH * max(height, width)):
        return None
    return float(np.average(at[meets], weights=length[meets] / doubt[meets]))


def crossings(lines: Lines, horizon: float) -> tuple[FloatArray, FloatArray]:
    """Return where lines cross the row of the horizon, and how far that may be off, (n,) each."""
    x0, y0, x1, y1 = lines.ends.T
    down = y1 - y0
    at = x0 + (horizon - y0) * (x1 - x0) / np.where(np.abs(down) < 1e-3, 1e-3, down)
    away = np.hypot(at - (x0 + x1) / 2, (y0 + y1) / 2 - horizon)
    sine = np.abs(down) / np.maximum(lines.length, 1e-6)
    return at, away * (1.0 / np.maximum(lines.length, 1e-6) + BENT) / np.maximum(sine, 0.05)


def ground_lines(image: FloatArray, ground: Mask, horizon: float) -> Lines:
    """Return the lines on the ground (H, W) that don't run along the horizon."""
    gray = np.ascontiguousarray((image.mean(2) * 255).clip(0, 255).astype(np.uint8))
    found = cv2.createLineSegmentDetector().detect(gray)[0]
    ends = np.zeros((0, 4), np.float32) if found is None else found.reshape(-1, 4)
    length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    middle = ((ends[:, :2] + ends[:, 2:]) / 2).round().astype(int)
    rows = middle[:, 1].clip(0, ground.shape[0] - 1)
    columns = middle[:, 0].clip(0, ground.shape[1] - 1)
    steep = np.abs(ends[:, 3] - ends[:, 1]) > 0.1 * length
    below = np.minimum(ends[:, 1], ends[:, 3]) > horizon
    long = length > SHORTEST * max(ground.shape)
    kept = ground[rows, columns] & steep & below & long
    return Lines(ends[kept].astype(np.float32), length[kept].astype(np.float32))
