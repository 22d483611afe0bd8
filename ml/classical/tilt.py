"""How far a photo's horizon is tilted, from lines that are horizontal or vertical in the world.

Far water lines, sea horizons and distant shores are horizontal; walls, masts and trunks are
vertical. Each long straight line votes for its angle with its length. There is a result only if the
votes agree in one narrow peak: lines that merely recede from the viewer spread over many angles.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask

WORK_SIZE = 640
"""Longer side, in pixels, of the image in which lines are detected."""
MIN_LENGTH = 0.04
"""Minimum length of a line, as a fraction of the longer side."""
MAX_TILT = np.radians(15.0)
"""Maximum tilt in radians."""
BIN = np.radians(0.1)
"""Step of the angle histogram in radians."""
VOTE_SIGMA = np.radians(0.4)
"""Width of a vote in radians, about the error of a line's angle."""
PEAK_WIDTH = np.radians(1.2)
"""Votes within this angle (radians) of the peak agree with it."""
SKYLINE_WEIGHT = 3.0
"""Weight of lines at the edge of the sky, where the sea's horizon is."""
MIN_VOTES = 4.5
"""Minimum total length of agreeing votes, in image widths."""
MIN_AGREEMENT = 0.5
"""Minimum fraction of all votes that must agree."""
SEA_WIDTH, SEA_TOLERANCE = 0.85, 0.005
"""Alternative to MIN_VOTES: a sea's horizon, of this width (in image widths) along one line at the
edge of the sky, within a tolerance across it."""
MAX_RIVAL = 0.3
"""If another peak reaches this fraction of the highest, the result is ambiguous."""
MIN_VERTICALS = 5
"""Minimum number of vertical lines."""
FRAME_MARGIN_PX = 4.0
"""Lines within this distance of the image border, in pixels, are the border itself."""


@dataclass(frozen=True)
class _Lines:
    """Straight lines, in image widths.

    Attributes:
        middle: (n, 2) relative to the image center.
        length: (n,).
        angle: (n,) radians clockwise from horizontal, -pi/2 to pi/2.
        at_sky: (n,) whether the line lies at the edge of the sky.
    """

    middle: NDArray[np.float64]
    length: NDArray[np.float64]
    angle: NDArray[np.float64]
    at_sky: Mask


def horizon_tilt(image: FloatArray, sky: FloatArray) -> float:
    """Return the clockwise rotation of an image's horizon, in radians.

    Positive if the right end of the horizon is lower; within 15 degrees; 0.0 without clear
    evidence.

    Args:
        image: (H, W, 3) sRGB, 0..1.
        sky: (H, W) soft sky mask, 0..1.
    """
    lines = _detect_lines(image, sky)
    is_horizontal = np.abs(lines.angle) < MAX_TILT
    weight = np.where(lines.at_sky, SKYLINE_WEIGHT, 1.0) * lines.length
    vertical_tilts, vertical_weights = _vertical_tilts(lines)
    angle = np.concatenate([lines.angle[is_horizontal], vertical_tilts])
    tilt, votes = _consensus(angle, np.concatenate([weight[is_horizontal], vertical_weights]))
    return tilt if votes >= MIN_VOTES or _sea_width(lines, tilt) >= SEA_WIDTH else 0.0


def _detect_lines(image: FloatArray, sky: FloatArray) -> _Lines:
    """Detect straight lines outside of the sky."""
    scale = min(1.0, WORK_SIZE / max(sky.shape))
    gray = (cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY) * 255).astype(np.uint8)
    gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    segments = cv2.createLineSegmentDetector(0).detect(gray)[0]
    ends = np.zeros((0, 4)) if segments is None else segments.reshape(-1, 4).astype(float)
    size = np.array(gray.shape[::-1])
    extent, middle = ends[:, 2:] - ends[:, :2], (ends[:, 2:] + ends[:, :2]) / 2
    length = np.hypot(extent[:, 0], extent[:, 1])
    small_sky = cv2.resize(sky.astype(np.float32), tuple(size)) > 0.5
    inside, at_edge = _near_sky(small_sky, middle)
    at_frame = (np.minimum(middle, size - middle) < FRAME_MARGIN_PX).any(axis=1)
    keep = (length > MIN_LENGTH * size.max()) & ~at_frame & ~inside
    angle = _line_angle(np.arctan2(extent[:, 1], extent[:, 0]))
    middle = (middle - size / 2) / size[0]
    return _Lines(middle[keep], length[keep] / size[0], angle[keep], at_edge[keep])


def _near_sky(sky: Mask, points: NDArray[np.float64]) -> tuple[Mask, Mask]:
    """Return which points (n, 2) lie well inside the sky (H, W), and which at its edge."""
    kernel = np.ones((9, 9), np.uint8)
    column, row = points.astype(int).T
    inner = cv2.erode(sky.astype(np.uint8), kernel)[row, column] > 0
    outer = cv2.dilate(sky.astype(np.uint8), kernel)[row, column] > 0
    return inner, outer & ~inner


def _vertical_tilts(lines: _Lines) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the tilts that vertical lines indicate at the image center, and their weights.

    Through a camera that looks up or down, vertical lines converge: their angle changes with the
    column. That trend is fitted robustly and removed.
    """
    angle = _line_angle(lines.angle + np.pi / 2)
    selected = np.abs(angle) < MAX_TILT
    angle, column, weight = angle[selected], lines.middle[selected, 0], lines.length[selected]
    if selected.sum() < MIN_VERTICALS:
        return angle[:0], weight[:0]
    slopes = np.linspace(-0.6, 0.6, 49)
    corrected = angle - slopes[:, None] * column
    best = np.argmax([_histogram_peak(a, weight)[1] for a in corrected])
    return corrected[best], weight


def _consensus(angle: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Return the angle that most votes agree on, and those votes; zeros if they contradict."""
    peak, votes = _histogram_peak(angle, weight)
    near = np.abs(angle - peak) < PEAK_WIDTH
    agreeing = float(weight[near].sum())
    rival = _histogram_peak(angle[~near], weight[~near])[1]
    if agreeing <= MIN_AGREEMENT * weight.sum() or rival > MAX_RIVAL * votes:
        return 0.0, 0.0
    return float((angle * weight)[near].sum() / agreeing), agreeing


def _sea_width(lines: _Lines, tilt: float) -> float:
    """Return the width covered by one line of this tilt along the edge of the sky, in image widths.

    Detected edges may be doubled, so overlapping lines count once.
    """
    selected = lines.at_sky & (np.abs(lines.angle - tilt) < PEAK_WIDTH)
    middle, half_length = lines.middle[selected], lines.length[selected] / 2
    offset = middle @ np.array([-np.sin(tilt), np.cos(tilt)])
    collinear = np.abs(offset[:, None] - offset) < SEA_TOLERANCE
    columns = np.linspace(-0.5, 0.5, 200)[:, None]
    covered = np.abs(columns - middle[:, 0]) < half_length
    return float((collinear @ covered.T).mean(axis=1).max(initial=0.0))


def _histogram_peak(angle: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Return the angle at which blurred votes add up to most, and their sum."""
    grid = np.arange(-MAX_TILT, MAX_TILT, BIN)
    votes = np.exp(-0.5 * ((grid[:, None] - angle) / VOTE_SIGMA) ** 2) @ weight
    best = int(np.argmax(votes))
    return float(grid[best]), float(votes[best])


def _line_angle(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map angles of lines to -pi/2 to pi/2."""
    return (angle + np.pi / 2) % np.pi - np.pi / 2
