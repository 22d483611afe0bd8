"""How far a photo's horizon is turned, from lines that are level or upright in the world.

Far water lines, sea horizons and far shores lie level; walls, masts and trunks stand upright. Each
long straight line votes for its angle with its length; only where the votes meet in one narrow
peak is there an answer. Lines that merely run away from the viewer spread over many angles.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray

Mask = NDArray[np.bool_]

WORK_SIZE = 640
MIN_LENGTH = 0.04
"""Shortest line that votes, as a share of the picture's longer side."""
LARGEST = np.radians(15.0)
BIN = np.radians(0.1)
SPREAD = np.radians(0.4)
"""Width of a vote: about the error of a line's angle."""
PEAK = np.radians(1.2)
"""Votes so near to the peak agree with it."""
SKYLINE_WEIGHT = 3.0
"""Lines at the sky's edge count so much more: there the sea's horizon is."""
LEAST_VOTES = 4.5
LEAST_SHARE = 0.5
"""What must agree: votes of this length in all, in widths of the picture, and of all votes."""
SEA_LENGTH, SEA_PLAY = 0.85, 0.005
"""Or so much of one straight line at the sky's edge, with this play across it: a sea's horizon."""
RIVAL = 0.3
"""Another peak as high as this share of the highest leaves it open which one tells."""
LEAST_UPRIGHT = 5
FRAME_PX = 4.0
"""Lines so near to the picture's frame are its own edge."""


@dataclass(frozen=True)
class _Lines:
    """Straight lines: middle (n, 2) from the picture's middle and length (n,), in widths of the
    picture; angle (n,): radians clockwise from level, -pi/2 to pi/2; at_sky (n,): at its edge."""

    middle: NDArray[np.float64]
    length: NDArray[np.float64]
    angle: NDArray[np.float64]
    at_sky: NDArray[np.bool_]


def horizon_tilt(image: FloatArray, sky: FloatArray) -> float:
    """Radians by which the horizon of an image (H, W, 3), sRGB 0..1, is turned clockwise.

    sky: (H, W) 0..1. Positive where the horizon's right end is the lower; within 15 degrees; 0.0
    where there is no clear evidence.
    """
    lines = _find_lines(image, sky)
    level = np.abs(lines.angle) < LARGEST
    weight = np.where(lines.at_sky, SKYLINE_WEIGHT, 1.0) * lines.length
    upright, upright_weight = _upright(lines)
    angle = np.concatenate([lines.angle[level], upright])
    tilt, votes = _agreed(angle, np.concatenate([weight[level], upright_weight]))
    return tilt if votes >= LEAST_VOTES or _sea_length(lines, tilt) >= SEA_LENGTH else 0.0


def _find_lines(image: FloatArray, sky: FloatArray) -> _Lines:
    scale = min(1.0, WORK_SIZE / max(sky.shape))
    gray = (cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY) * 255).astype(np.uint8)
    gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = cv2.createLineSegmentDetector(0).detect(gray)[0]
    ends = np.zeros((0, 4)) if found is None else found.reshape(-1, 4).astype(float)
    size = np.array(gray.shape[::-1])
    run, middle = ends[:, 2:] - ends[:, :2], (ends[:, 2:] + ends[:, :2]) / 2
    length = np.hypot(run[:, 0], run[:, 1])
    small_sky = cv2.resize(sky.astype(np.float32), tuple(size)) > 0.5
    inside, beside = _near_sky(small_sky, middle)
    framed = (np.minimum(middle, size - middle) < FRAME_PX).any(axis=1)
    keep = (length > MIN_LENGTH * size.max()) & ~framed & ~inside
    angle = _half_turn(np.arctan2(run[:, 1], run[:, 0]))
    middle = (middle - size / 2) / size[0]
    return _Lines(middle[keep], length[keep] / size[0], angle[keep], beside[keep])


def _near_sky(sky: NDArray[np.bool_], places: NDArray[np.float64]) -> tuple[Mask, Mask]:
    """Which places (n, 2) lie well inside of the sky (H, W), and which at its edge."""
    kernel = np.ones((9, 9), np.uint8)
    column, row = places.astype(int).T
    inner = cv2.erode(sky.astype(np.uint8), kernel)[row, column] > 0
    outer = cv2.dilate(sky.astype(np.uint8), kernel)[row, column] > 0
    return inner, outer & ~inner


def _upright(lines: _Lines) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Angles that upright lines tell in the picture's middle, and their weights.

    A camera that looks up or down sees them meet above or below: their angle changes with their
    place across the picture. That is fitted, robustly, and taken off.
    """
    angle = _half_turn(lines.angle + np.pi / 2)
    chosen = np.abs(angle) < LARGEST
    angle, across, weight = angle[chosen], lines.middle[chosen, 0], lines.length[chosen]
    if chosen.sum() < LEAST_UPRIGHT:
        return angle[:0], weight[:0]
    slopes = np.linspace(-0.6, 0.6, 49)
    flattened = angle - slopes[:, None] * across
    best = np.argmax([_peak(a, weight)[1] for a in flattened])
    return flattened[best], weight


def _agreed(angle: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """The angle that most votes agree on and how many do; zeros where they contradict."""
    peak, votes = _peak(angle, weight)
    near = np.abs(angle - peak) < PEAK
    agreeing = float(weight[near].sum())
    rival = _peak(angle[~near], weight[~near])[1]
    if agreeing <= LEAST_SHARE * weight.sum() or rival > RIVAL * votes:
        return 0.0, 0.0
    return float((angle * weight)[near].sum() / agreeing), agreeing


def _sea_length(lines: _Lines, tilt: float) -> float:
    """Width of what lies on one line of this tilt along the sky's edge; edges may be doubled."""
    chosen = lines.at_sky & (np.abs(lines.angle - tilt) < PEAK)
    middle, half = lines.middle[chosen], lines.length[chosen] / 2
    across = middle @ np.array([-np.sin(tilt), np.cos(tilt)])
    together = np.abs(across[:, None] - across) < SEA_PLAY
    columns = np.linspace(-0.5, 0.5, 200)[:, None]
    covers = np.abs(columns - middle[:, 0]) < half
    return float((together @ covers.T).mean(axis=1).max(initial=0.0))


def _peak(angle: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Where votes of width SPREAD add up to most, and to how much."""
    grid = np.arange(-LARGEST, LARGEST, BIN)
    votes = np.exp(-0.5 * ((grid[:, None] - angle) / SPREAD) ** 2) @ weight
    best = int(np.argmax(votes))
    return float(grid[best]), float(votes[best])


def _half_turn(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles of lines, -pi/2 to pi/2."""
    return (angle + np.pi / 2) % np.pi - np.pi / 2
