"""Outpainting: the photo continued past its border by exemplar-based completion.

Guides say what belongs where: sky stays above the skyline, rows continue sideways, things that
stick out of the scene (a tower, a trunk) are not offered for copying.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import cdist

from . import completion, poisson

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Margins = tuple[int, int, int, int]

_SKY_WEIGHT = 0.6
_ROW_WEIGHT = 0.5
_SALIENCE_COST = 0.3
_SALIENCE_SIZE = 96
# Colors nearer than this are of the same kind of thing.
_ALIKE = 0.05
_GROUND_BREADTH = 1.5
_SKY_BREADTH = 0.1
_VERTICAL_BREADTH = 0.2
# Share of the longer side over which the sky's brightness goes on rising or falling outside.
_SKY_TREND = 0.03


def outpaint(
    image: Floats,
    margins: Margins,
    *,
    sky: Floats | None = None,
    seed: int = 0,
    report: Callable[[float], None] | None = None,
) -> Floats:
    """The photo with invented surroundings.

    image: (H, W, 3) float32 0..1; margins: pixels to add (top, right, bottom, left); sky: (H, W)
    0..1, the photo's soft sky mask, or None where it is unknown. seed: of all randomness. report:
    called with 0..1; may raise. Returns (top + H + bottom, left + W + right, 3) with the photo's
    pixels unchanged at (top, left). Raises ValueError for negative margins or a sky of another
    size.
    """
    image = np.asarray(image, np.float32)
    if min(margins) < 0:
        raise ValueError("margins must not be negative")
    if sky is not None and sky.shape != image.shape[:2]:
        raise ValueError("the sky mask has another size than the photo")
    if image.size == 0:
        raise ValueError("the photo has no pixels")
    top, right, bottom, left = margins
    spread = ((top, bottom), (left, right))
    hole = np.pad(np.zeros(image.shape[:2], bool), spread, constant_values=True)
    inner_sky = np.zeros(image.shape[:2], bool) if sky is None else sky > 0.5
    outpainted_sky = extend_sky(inner_sky, margins)
    soft_sky = cv2.GaussianBlur(outpainted_sky.astype(np.float32), (0, 0), 2.0)
    expected = completion.Expectations(
        guide=np.dstack([_row_guide(hole.shape, margins), _SKY_WEIGHT * soft_sky]),
        cost=np.pad(_salience_cost(image, inner_sky), spread),
        looks=_extend_looks(image, inner_sky, outpainted_sky, margins),
        hold=soft_sky,
    )
    outpainted = np.pad(image, (*spread, (0, 0)))
    return completion.complete_expecting(outpainted, hole, expected, seed=seed, report=report)


def _extend_looks(image: Floats, sky: Bools, outpainted_sky: Bools, margins: Margins) -> Floats:
    """Looks expected in the wide picture: sky goes on from sky, ground from ground, (.., 4)."""
    looks = completion.looks_of(image)
    # Looks blur over the skyline: take them from a little inside either region.
    size = max(3, max(image.shape[:2]) // 64)
    square = np.ones((size, size), np.uint8)
    parts = []
    trend = _SKY_TREND * max(image.shape[:2])
    for region, breadth, slope in ((~sky, _GROUND_BREADTH, 0.0), (sky, _SKY_BREADTH, trend)):
        inside = cv2.erode(region.astype(np.uint8), square, borderValue=1) > 0
        inside = inside if inside.any() else region if region.any() else np.ones_like(region)
        parts.append(_carry_on(poisson.smooth_fill(looks, inside), margins, breadth, slope))
    return np.where(outpainted_sky[..., None], parts[1], parts[0])


def _carry_on(looks: Floats, margins: Margins, breadth: float, trend: float) -> Floats:
    """Looks (H, W, C) of the photo carried on into the margins, ever vaguer outwards.

    breadth: see `_outwards`, for the sides; trend: distance in pixels over which a rise or fall
    towards the border goes on outside.
    """
    top, right, bottom, left = margins
    left_part = _outwards(looks, left, breadth, trend)[:, ::-1]
    right_part = _outwards(looks[:, ::-1], right, breadth, trend)
    turned = np.hstack([left_part, looks, right_part]).transpose(1, 0, 2)
    upper = _outwards(turned, top, _VERTICAL_BREADTH, trend)[:, ::-1]
    lower = _outwards(turned[:, ::-1], bottom, _VERTICAL_BREADTH, trend)
    return np.hstack([upper, turned, lower]).transpose(1, 0, 2)


def _outwards(looks: Floats, margin: int, breadth: float, trend: float) -> Floats:
    """Beyond the first column, at distance d: the mean of the columns up to breadth * d.

    Added to it, the change over the last columns, fading with distance `trend`.
    """
    width = looks.shape[1]
    away = np.arange(1, margin + 1)
    sums = np.cumsum(looks, 1, dtype=np.float64)
    last = np.clip((breadth * away).astype(int), min(4, width) - 1, width - 1)
    flat = sums[:, last] / (last + 1)[None, :, None]
    back = max(1, min(width - 1, round(trend)))
    slope = (looks[:, 0] - looks[:, min(back, width - 1)]) / back
    rise = trend * (1.0 - np.exp(-away / trend)) if trend else 0.0 * away
    return (flat + slope[:, None] * rise[None, :, None]).astype(np.float32)


def _row_guide(shape: tuple[int, int], margins: Margins) -> Floats:
    """Rows of the photo, 0 at its top and 1 at its bottom, clamped in the margins."""
    top, _, bottom, _ = margins
    inner = max(1, shape[0] - top - bottom - 1)
    rows = np.clip((np.arange(shape[0], dtype=np.float32) - top) / inner, 0.05, 0.9)
    return _ROW_WEIGHT * np.broadcast_to(rows[:, None, None], (*shape, 1)).astype(np.float32)


def _salience_cost(image: Floats, sky: Bools) -> Floats:
    """Price of copying things that stand inside the photo (a tower, a person), (H, W).

    A thing that reaches the border at the left, right or bottom may well go on outside; one whose
    colors don't occur there at about its height stands alone, and twins of it would be grotesque.
    """
    height, width = sky.shape
    size = (min(width, _SALIENCE_SIZE), min(height, _SALIENCE_SIZE))
    soft = cv2.resize(cv2.GaussianBlur(image, (0, 0), max(1.0, width / 100)), size)
    border = max(1, size[0] // 16)
    ends = np.hstack([soft[:, :border], soft[:, -border:]])
    floor = soft[-max(1, size[1] // 16) :].reshape(-1, 3)
    apart = np.empty(size[::-1], np.float32)
    reach = max(1, size[1] // 12)
    for row in range(size[1]):
        beside = ends[max(0, row - reach) : row + reach + 1].reshape(-1, 3)
        if row > 0.7 * size[1]:
            beside = np.vstack([beside, floor])
        apart[row] = np.sqrt(cdist(soft[row], beside, "sqeuclidean").min(1))
    apart = cv2.resize(apart, (width, height), interpolation=cv2.INTER_LINEAR)
    cost = _SALIENCE_COST * np.clip((apart - _ALIKE) / _ALIKE, 0.0, 1.0)
    return (cost * ~sky).astype(np.float32)


def extend_sky(sky: Bools, margins: Margins) -> Bools:
    """Where the sky is expected in the wide picture; sky: (H, W), of the photo.

    To the sides the skyline runs from its height at the border to its usual height on that side;
    things that reach into the top margin end there in a round top.
    """
    top, right, bottom, left = margins
    middle = np.hstack([_side(sky, left)[:, ::-1], sky, _side(sky[:, ::-1], right)])
    above = _above(middle[0], top)
    below = np.repeat(middle[-1:], bottom, axis=0)
    return np.vstack([above, middle, below])


def _side(sky: Bools, margin: int) -> Bools:
    """The sky beyond the left border, columns ordered outwards: (H, margin)."""
    height, width = sky.shape
    heights = sky.sum(0)
    border = np.median(heights[: max(1, width // 64)])
    usual = np.median(heights[: max(1, width // 3)])
    way = np.clip(np.arange(1, margin + 1) / max(1.0, 0.6 * margin), 0.0, 1.0)
    way = way * way * (3.0 - 2.0 * way)
    skyline = border + (usual - border) * way
    return np.arange(height)[:, None] < skyline[None, :]


def _above(row: Bools, margin: int) -> Bools:
    """The sky above the top row, in picture order: (margin, W)."""
    if not row.any():
        return np.zeros((margin, len(row)), bool)
    runs, count = ndimage.label(~row)
    inside = ndimage.distance_transform_edt(~row)
    half = np.concatenate([[1.0], ndimage.maximum(inside, runs, np.arange(1, count + 1))])[runs]
    height = np.sqrt(np.maximum(inside * (2.0 * half - inside), 0.0))
    return np.arange(margin, 0, -1)[:, None] > height[None, :]
