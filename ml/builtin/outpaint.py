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

from . import completion

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Margins = tuple[int, int, int, int]

_SKY_WEIGHT = 0.6
_ROW_WEIGHT = 0.5
_SALIENCE_COST = 0.04


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
    top, right, bottom, left = margins
    spread = ((top, bottom), (left, right))
    hole = np.pad(np.zeros(image.shape[:2], bool), spread, constant_values=True)
    if image.size == 0:
        raise ValueError("the photo has no pixels")
    wide = np.pad(image, (*spread, (0, 0)))
    guide = _row_guide(hole.shape, margins)
    cost = np.pad(_salience_cost(image, sky), spread)
    if sky is not None:
        skyline = extend_sky(sky > 0.5, margins)
        guide = np.concatenate([guide, _SKY_WEIGHT * skyline[..., None].astype(np.float32)], 2)
    return completion.complete(wide, hole, guide=guide, cost=cost, seed=seed, report=report)


def _row_guide(shape: tuple[int, int], margins: Margins) -> Floats:
    """Rows of the photo, 0 at its top and 1 at its bottom, clamped in the margins."""
    top, _, bottom, _ = margins
    inner = max(1, shape[0] - top - bottom - 1)
    rows = np.clip((np.arange(shape[0], dtype=np.float32) - top) / inner, 0.05, 0.9)
    return _ROW_WEIGHT * np.broadcast_to(rows[:, None, None], (*shape, 1)).astype(np.float32)


def _salience_cost(image: Floats, sky: Floats | None) -> Floats:
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
    return (cost if sky is None else cost * (sky < 0.5)).astype(np.float32)


def extend_sky(sky: Bools, margins: Margins) -> Bools:
    """Where the sky is expected in the wide picture; sky: (H, W), of the photo.

    To the sides the skyline runs from its height at the border to its usual height on that side;
    things that reach into the top margin end there in a taper.
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
    inside = ndimage.distance_transform_edt(~row)
    up = np.arange(margin, 0, -1)[:, None]
    return up > 1.5 * inside[None, :]
