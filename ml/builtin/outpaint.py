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

from . import completion, poisson

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Margins = tuple[int, int, int, int]

_SKY_WEIGHT = 0.6
_ROW_WEIGHT = 0.5
_SALIENCE_COST = 0.04
_GROUND_BREADTH = 1.5
_SKY_BREADTH = 0.2
_VERTICAL_BREADTH = 0.3


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
    wide_sky = extend_sky(inner_sky, margins)
    soft_sky = cv2.GaussianBlur(wide_sky.astype(np.float32), (0, 0), 2.0)
    expected = completion.Expectations(
        guide=np.dstack([_row_guide(hole.shape, margins), _SKY_WEIGHT * soft_sky]),
        cost=np.pad(_salience_cost(image, inner_sky), spread),
        looks=_extend_looks(image, inner_sky, wide_sky, margins),
        hold=soft_sky,
    )
    wide = np.pad(image, (*spread, (0, 0)))
    return completion.complete_expecting(wide, hole, expected, seed=seed, report=report)


def _extend_looks(image: Floats, sky: Bools, wide_sky: Bools, margins: Margins) -> Floats:
    """Looks expected in the wide picture: sky goes on from sky, ground from ground, (.., 4)."""
    looks = completion.looks_of(image)
    # Looks blur over the skyline: take them from a little inside either region.
    size = max(3, max(image.shape[:2]) // 64)
    square = np.ones((size, size), np.uint8)
    parts = []
    for region, breadth in ((~sky, _GROUND_BREADTH), (sky, _SKY_BREADTH)):
        inside = cv2.erode(region.astype(np.uint8), square, borderValue=1) > 0
        inside = inside if inside.any() else region if region.any() else np.ones_like(region)
        parts.append(_carry_on(poisson.smooth_fill(looks, inside), margins, breadth))
    return np.where(wide_sky[..., None], parts[1], parts[0])


def _carry_on(looks: Floats, margins: Margins, breadth: float) -> Floats:
    """Looks (H, W, C) of the photo carried on into the margins, ever vaguer outwards."""
    top, right, bottom, left = margins
    left_part = _outwards(looks, left, breadth)[:, ::-1]
    right_part = _outwards(looks[:, ::-1], right, breadth)
    turned = np.hstack([left_part, looks, right_part]).transpose(1, 0, 2)
    upper = _outwards(turned, top, _VERTICAL_BREADTH)[:, ::-1]
    lower = _outwards(turned[:, ::-1], bottom, _VERTICAL_BREADTH)
    return np.hstack([upper, turned, lower]).transpose(1, 0, 2)


def _outwards(looks: Floats, margin: int, breadth: float) -> Floats:
    """Beyond the first column, at distance d: the mean of the columns up to breadth * d."""
    width = looks.shape[1]
    sums = np.cumsum(looks, 1, dtype=np.float64)
    last = np.clip((breadth * np.arange(1, margin + 1)).astype(int), min(4, width) - 1, width - 1)
    return (sums[:, last] / (last + 1)[None, :, None]).astype(np.float32)


def _row_guide(shape: tuple[int, int], margins: Margins) -> Floats:
    """Rows of the photo, 0 at its top and 1 at its bottom, clamped in the margins."""
    top, _, bottom, _ = margins
    inner = max(1, shape[0] - top - bottom - 1)
    rows = np.clip((np.arange(shape[0], dtype=np.float32) - top) / inner, 0.05, 0.9)
    return _ROW_WEIGHT * np.broadcast_to(rows[:, None, None], (*shape, 1)).astype(np.float32)


def _salience_cost(image: Floats, sky: Bools) -> Floats:
    """Price of copying what stands out of its surroundings (a tower, a person), (H, W).

    What stands out is far in colour, at a scale of some percent of the width, from the usual
    colours of its row; the sky never does.
    """
    sigma = max(1.0, max(image.shape[:2]) / 60.0)
    soft = cv2.GaussianBlur(image, (0, 0), sigma)
    usual = np.median(soft, 1, keepdims=True)
    usual = ndimage.gaussian_filter1d(usual, 2 * sigma, axis=0, mode="nearest")
    apart = np.linalg.norm(soft - usual, axis=2)
    cost = _SALIENCE_COST * np.clip(apart / 0.25, 0.0, 1.0) ** 2
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
