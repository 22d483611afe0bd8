"""Outpainting: the photo is extended past its borders by exemplar-based completion.

Guidance keeps the content in place: sky stays above the skyline, rows continue sideways, and
objects that stand out from the scene (a tower, a trunk) are expensive to copy.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import cdist

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from . import completion, poisson
from .blur import wide_blur

Margins = tuple[int, int, int, int]
"""Pixels to add (top, right, bottom, left)."""

_SKY_WEIGHT = 0.6
_ROW_WEIGHT = 0.5
_SALIENCE_COST = 0.3
_SALIENCE_SIDE = 96
# Colors closer than this belong to the same kind of object.
_SIMILAR_COLOR = 0.05
_GROUND_BREADTH = 1.5
_SMOOTH_BREADTH = 0.2
_SKY_BREADTH = 0.1
_VERTICAL_BREADTH = 0.2
# Distance, as a fraction of the longer side, over which a trend in the sky's brightness continues.
_SKY_TREND = 0.03
# Blur along the border, in pixels for each pixel of distance from it.
_SPREAD = 0.4
# A slope at the top border is measured over the height divided by this.
_SLOPE_DEPTH = 8
# Cost of leaving a line on the ground: of one column for each row. Lines that are flatter than this
# count as one.
_LINE_WEIGHT = 0.5
_WIDEST_LINE = 3.0


def outpaint(
    image: FloatArray,
    margins: Margins,
    *,
    sky: FloatArray | None = None,
    vanishing_point: tuple[float, float] | None = None,
    seed: int = 0,
    report: Callable[[float], None] | None = None,
) -> FloatArray:
    """Extend a photo past its borders.

    Args:
        image: (H, W, 3) float32, sRGB 0..1.
        margins: Pixels to add (top, right, bottom, left).
        sky: (H, W) soft sky mask of the photo, 0..1, or None if unknown.
        vanishing_point: Column and row of the photo where the lines on the ground meet, if they do.
        seed: Seed of all randomness.
        report: Called with progress 0..1; may raise to cancel.

    Returns (top + H + bottom, left + W + right, 3) with the photo's pixels unchanged at (top,
    left). Raises ValueError for negative margins, an empty photo, or a sky mask of a different
    size.
    """
    image = np.asarray(image, np.float32)
    if min(margins) < 0:
        raise ValueError("margins must not be negative")
    if sky is not None and sky.shape != image.shape[:2]:
        raise ValueError("the sky mask and the photo differ in size")
    if image.size == 0:
        raise ValueError("the photo has no pixels")
    top, right, bottom, left = margins
    padding = ((top, bottom), (left, right))
    hole = np.pad(np.zeros(image.shape[:2], bool), padding, constant_values=True)
    photo_sky = np.zeros(image.shape[:2], bool) if sky is None else sky > 0.5
    outpainted_sky = extend_sky(photo_sky, margins)
    soft_sky = cv2.GaussianBlur(outpainted_sky.astype(np.float32), (0, 0), 2.0)
    rows = _row_descriptor(hole.shape, margins)
    statistics = _extend_statistics(image, photo_sky, outpainted_sky, margins)
    descriptors = [rows, _SKY_WEIGHT * soft_sky]
    if vanishing_point is not None:
        ground = ~outpainted_sky & _below(hole.shape, margins, vanishing_point)
        toward, direction = _lines_through(vanishing_point, image.shape[:2], margins)
        for values in (rows, statistics):
            values[ground] = values[toward[0][ground], toward[1][ground]]
        descriptors.append(_LINE_WEIGHT * direction * ground)
    guidance = completion.Guidance(
        descriptors=np.dstack(descriptors),
        cost=np.pad(_salience_cost(image, photo_sky), padding),
        color_statistics=statistics,
        color_weight=soft_sky,
    )
    outpainted = np.pad(image, (*padding, (0, 0)))
    return completion.complete_with_guidance(outpainted, hole, guidance, seed=seed, report=report)


def _below(shape: tuple[int, int], margins: Margins, vanishing_point: tuple[float, float]) -> Mask:
    """Return the pixels (H, W) of the outpainted photo below the vanishing point's row."""
    rows = np.arange(shape[0]) - margins[0] > vanishing_point[1]
    return np.broadcast_to(rows[:, None], shape)


def _lines_through(
    vanishing_point: tuple[float, float], size: tuple[int, int], margins: Margins
) -> tuple[NDArray[np.intp], FloatArray]:
    """Follow the lines through the vanishing point from the margins into the photo.

    Args:
        vanishing_point: Column and row of the photo.
        size: Height and width of the photo.
        margins: Pixels to add (top, right, bottom, left).

    Returns, for the pixels of the outpainted photo, row and column (2, ..) of the first pixel of
    the photo on each one's line, and the line's direction (..): columns for each row, 0 straight
    down.
    """
    top, right, bottom, left = margins
    height, width = size
    column, row = vanishing_point
    y, x = np.indices((top + height + bottom, left + width + right), np.float32)
    down, across = y - top - row, x - left - column
    last = (height - 1 - row, width - 1 - column, -column)  # to the bottom, right and left border
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = [
            np.where(down > last[0], last[0] / down, 1.0),
            np.where(across > last[1], last[1] / across, 1.0),
            np.where(across < last[2], last[2] / across, 1.0),
        ]
    share = np.clip(np.minimum.reduce(shares), 0.0, 1.0)
    toward = np.stack([(row + share * down) + top, (column + share * across) + left])
    limits = np.array([top + height - 1, left + width - 1]).reshape(2, 1, 1)
    inside = np.clip(toward.round().astype(np.intp), [[[top]], [[left]]], limits)
    steep = np.clip(across / np.maximum(down, 1.0), -_WIDEST_LINE, _WIDEST_LINE)
    return inside, steep.astype(np.float32)


def _extend_statistics(
    image: FloatArray, sky: Mask, outpainted_sky: Mask, margins: Margins
) -> FloatArray:
    """Return the color statistics (.., 4) expected in the outpainted photo.

    Sky continues sky, and ground continues ground; smooth ground, such as still water, as it is at
    the border, and textured ground as on the whole.
    """
    color_statistics = completion.measure_color_statistics(image)
    # The statistics blur across the skyline, so they are taken from slightly inside each region.
    size = max(3, max(image.shape[:2]) // 64)
    kernel = np.ones((size, size), np.uint8)
    extended = []
    trend_distance = _SKY_TREND * max(image.shape[:2])
    for region, averaging, slope in (
        (~sky, _GROUND_BREADTH, 0.0),
        (~sky, _SMOOTH_BREADTH, 0.0),
        (sky, _SKY_BREADTH, trend_distance),
    ):
        interior = cv2.erode(region.astype(np.uint8), kernel, borderValue=1) > 0
        interior = interior if interior.any() else region if region.any() else np.ones_like(region)
        extended.append(
            _extrapolate(poisson.smooth_fill(color_statistics, interior), margins, averaging, slope)
        )
    textured, smooth, in_sky = extended
    share = completion.smoothness(smooth[..., 3])[..., None]
    ground = textured + share * (smooth - textured)
    return np.where(outpainted_sky[..., None], in_sky, ground)


def _extrapolate(
    color_statistics: FloatArray, margins: Margins, averaging: float, trend_distance: float
) -> FloatArray:
    """Extrapolate statistics (H, W, C) of the photo into the margins, less distinct with distance.

    Args:
        color_statistics: (H, W, C) of the photo.
        margins: Pixels to add (top, right, bottom, left).
        averaging: See `_extrapolate_side`, for the left and right.
        trend_distance: Distance in pixels over which a trend toward the border continues outside.
    """
    top, right, bottom, left = margins
    left_part = _extrapolate_side(color_statistics, left, averaging, trend_distance)[:, ::-1]
    right_part = _extrapolate_side(color_statistics[:, ::-1], right, averaging, trend_distance)
    transposed = np.hstack([left_part, color_statistics, right_part]).transpose(1, 0, 2)
    upper = _extrapolate_side(transposed, top, _VERTICAL_BREADTH, trend_distance)[:, ::-1]
    lower = _extrapolate_side(transposed[:, ::-1], bottom, _VERTICAL_BREADTH, trend_distance)
    return np.hstack([upper, transposed, lower]).transpose(1, 0, 2)


def _extrapolate_side(
    color_statistics: FloatArray, margin: int, averaging: float, trend_distance: float
) -> FloatArray:
    """Extrapolate `margin` columns beyond the first column.

    At distance d it is the mean of the columns up to averaging * d, plus the trend of the last
    columns, which fades over `trend_distance` pixels.
    """
    width = color_statistics.shape[1]
    distance = np.arange(1, margin + 1)
    sums = np.cumsum(color_statistics, 1, dtype=np.float64)
    last_column = np.clip((averaging * distance).astype(int), min(4, width) - 1, width - 1)
    running_mean = sums[:, last_column] / (last_column + 1)[None, :, None]
    trend_columns = max(1, min(width - 1, round(trend_distance)))
    slope = (
        color_statistics[:, 0] - color_statistics[:, min(trend_columns, width - 1)]
    ) / trend_columns
    extrapolation = (
        trend_distance * (1.0 - np.exp(-distance / trend_distance))
        if trend_distance
        else 0.0 * distance
    )
    trend = slope[:, None] * extrapolation[None, :, None]
    return _spread_along((running_mean + trend).astype(np.float32))


def _spread_along(columns: FloatArray) -> FloatArray:
    """Blur columns (H, n, C) of a margin, ordered outward, the more the farther out they are.

    Otherwise each small spot at the border would become a streak.
    """
    sigmas = np.minimum(_SPREAD * np.arange(1, columns.shape[1] + 1), columns.shape[0] / 4)
    blurs = [columns]
    result = columns.copy()
    fineness = np.log2(np.maximum(sigmas, 1.0))
    for step in range(1, int(np.ceil(fineness.max(initial=0.0))) + 1):
        blurs.append(wide_blur(columns, 2.0**step, (0,)))
    for column, level in enumerate(fineness):
        lower = int(level)
        share = np.float32(level - lower)
        upper = min(lower + 1, len(blurs) - 1)
        result[:, column] = (1 - share) * blurs[lower][:, column] + share * blurs[upper][:, column]
    return result


def _row_descriptor(shape: tuple[int, int], margins: Margins) -> FloatArray:
    """Return the photo's row (H, W, 1), 0 at its top and 1 at its bottom, clamped outside."""
    top, _, bottom, _ = margins
    inner = max(1, shape[0] - top - bottom - 1)
    rows = np.clip((np.arange(shape[0], dtype=np.float32) - top) / inner, 0.05, 0.9)
    return _ROW_WEIGHT * np.repeat(rows[:, None, None], shape[1], axis=1).astype(np.float32)


def _salience_cost(image: FloatArray, sky: Mask) -> FloatArray:
    """Return the cost (H, W) of copying objects inside the photo, such as a tower or a person.

    An object that reaches the left, right or bottom border may continue outside. One whose colors
    don't occur there at about its height stands alone, and copies of it would look absurd.
    """
    height, width = sky.shape
    size = (min(width, _SALIENCE_SIDE), min(height, _SALIENCE_SIDE))
    small = cv2.resize(wide_blur(image, max(1.0, width / 100)), size)
    border = max(1, size[0] // 16)
    side_borders = np.hstack([small[:, :border], small[:, -border:]])
    bottom_border = small[-max(1, size[1] // 16) :].reshape(-1, 3)
    difference = np.empty(size[::-1], np.float32)
    row_range = max(1, size[1] // 12)
    for row in range(size[1]):
        border_colors = side_borders[max(0, row - row_range) : row + row_range + 1].reshape(-1, 3)
        if row > 0.7 * size[1]:
            border_colors = np.vstack([border_colors, bottom_border])
        difference[row] = np.sqrt(cdist(small[row], border_colors, "sqeuclidean").min(1))
    difference = cv2.resize(difference, (width, height), interpolation=cv2.INTER_LINEAR)
    cost = _SALIENCE_COST * np.clip((difference - _SIMILAR_COLOR) / _SIMILAR_COLOR, 0.0, 1.0)
    return (cost * ~sky).astype(np.float32)


def extend_sky(sky: Mask, margins: Margins) -> Mask:
    """Return the mask of the sky expected in the outpainted photo.

    On each side the skyline runs from its height at the border to its typical height on that side.
    A hill at the side that reaches into the top margin goes on as a slope there; other objects
    end in a round top.

    Args:
        sky: (H, W) mask of the photo's sky.
        margins: Pixels to add (top, right, bottom, left).
    """
    top, right, bottom, left = margins
    middle_rows = np.hstack([_side_sky(sky, left)[:, ::-1], sky, _side_sky(sky[:, ::-1], right)])
    above = _sky_above(middle_rows, top)
    below = np.repeat(middle_rows[-1:], bottom, axis=0)
    return np.vstack([above, middle_rows, below])


def _side_sky(sky: Mask, margin: int) -> Mask:
    """Return the sky beyond the left border, columns ordered outward: (H, margin)."""
    height, width = sky.shape
    heights = sky.sum(0)
    border = np.median(heights[: max(1, width // 64)])
    typical = np.median(heights[: max(1, width // 3)])
    transition = np.clip(np.arange(1, margin + 1) / max(1.0, 0.6 * margin), 0.0, 1.0)
    transition = transition * transition * (3.0 - 2.0 * transition)
    skyline = border + (typical - border) * transition
    return np.arange(height)[:, None] < skyline[None, :]


def _sky_above(sky: Mask, margin: int) -> Mask:
    """Return the sky above the top row of a sky (H, W), rows in image order: (margin, W)."""
    row = sky[0]
    if not row.any():
        return np.zeros((margin, len(row)), bool)
    objects, count = ndimage.label(~row)
    distance_to_sky = ndimage.distance_transform_edt(~row)
    half_width = np.concatenate(
        [[1.0], ndimage.maximum(distance_to_sky, objects, np.arange(1, count + 1))]
    )[objects]
    height = np.sqrt(np.maximum(distance_to_sky * (2.0 * half_width - distance_to_sky), 0.0))
    height = np.minimum.reduce([height, _slopes(sky), _slopes(sky[:, ::-1])[::-1]])
    return np.arange(margin, 0, -1)[:, None] > height[None, :]


def _slopes(sky: Mask) -> FloatArray:
    """Return how high a hill at the right end of the top row would get (W,), up its left slope.

    It isn't bounded if it doesn't get wider below the row. Nor is what stands elsewhere.
    """
    height, width = sky.shape
    limit = np.full(width, np.inf)
    deep = height // _SLOPE_DEPTH
    start, below = (int(np.flatnonzero(line).max(initial=-1)) + 1 for line in sky[[0, deep]])
    if 0 < below < start:
        limit[start:] = np.arange(1, width - start + 1) * deep / (start - below)
    return limit
