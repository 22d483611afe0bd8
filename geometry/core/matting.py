"""Matting of depth edges: separate the mixed pixels along silhouettes.

A photo's pixels along a silhouette mix the colors of foreground and background. On either surface
they would become a halo as soon as the camera moves. Here each of them is separated into
C = a F + (1 - a) B (alpha compositing, in linear light): the fringe, with the near color F and
opacity a at the near depth, over the far color B at the far depth. This also corrects edges of the
depth map that miss those of the photo by a pixel or two; things thinner than the mixed band become
fringe entirely.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray
from .color import linear_to_srgb, srgb_to_linear
from .ldi import Mask

REQUIRES = ("cv2",)

MIN_STEP, MIN_RATIO = 0.005, 1.05
"""At a depth edge, disparities differ by more than this step and this factor."""
SLOPE_SLACK = 1.5
"""Factor by which a surface may be steeper than at the flattest place around a pixel."""
MIXED_WEIGHT = 1e-3
"""Weight of a mixed pixel in the color of a side, relative to a pure pixel."""
MIN_CONTRAST = 0.1
"""Smallest distance of near and far color, in linear light, at which a mixture is recognized."""
MAX_RESIDUAL = 0.2
"""Largest error of a mixture, as a fraction of that distance."""
UNLIKE = 3.0
"""A color is unlike a side if it is this many standard deviations away, and at least MIN_UNLIKE."""
MIN_UNLIKE = 0.05
MIN_OPACITY, MAX_OPACITY = 0.01, 0.9995
"""Smaller opacities count as 0. A fringe is never fully opaque: the renderer enlarges opaque points
to close gaps, but a silhouette must not grow."""

Index = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Matte:
    """An image (H, W) separated into fringe and background.

    Attributes:
        opacity: Opacity (H, W) of the fringe, 0 where there is none.
        near_color: Color (H, W, 3) of the fringe, sRGB 0..1.
        near: Flat index (H, W) of the pixel from which the fringe takes depth and motion.
        far_color: Complete image (H, W, 3) behind the fringe, sRGB 0..1.
        far: Flat index (H, W) of the pixel from which the background takes its depth; away from
            edges the pixel itself.
    """

    opacity: FloatArray
    near_color: FloatArray
    near: Index
    far_color: FloatArray
    far: Index


@dataclass(frozen=True, eq=False)
class Sides:
    """The two sides of a depth edge around n pixels.

    Attributes:
        near_color, far_color: Mean colors (n, 3) in linear light.
        near, far: Flat indices (n,) of the pixels that represent the sides.
        far_spread: Variance (n,) of the far side's colors, summed over the channels.
    """

    near_color: FloatArray
    near: Index
    far_color: FloatArray
    far: Index
    far_spread: FloatArray


def matte_edges(image: FloatArray, disparity: FloatArray, reach: int) -> Matte:
    """Separate the pixels near depth edges; the fringe over the background gives the image.

    Args:
        image: Image (H, W, 3), sRGB 0..1.
        disparity: Disparity (H, W), 0..1, 0 in the sky.
        reach: Pixels on each side of an edge that may be mixed, 0 for no matting.
    """
    band, middle = edge_band(disparity, reach)
    own = np.arange(disparity.size, dtype=np.int32).reshape(disparity.shape)
    matte = Matte(np.zeros_like(disparity), image.copy(), own.copy(), image.copy(), own.copy())
    if not band.any():
        return matte
    linear = srgb_to_linear(image).astype(np.float32)
    sides = find_sides(linear, disparity, band, middle, 2 * reach + 1)
    is_near = (disparity > middle)[band]
    opacity = opacities(linear[band], sides, is_near)
    near_color, far_color = unmixed(linear[band], sides, opacity)
    matte.opacity[band], matte.near[band], matte.far[band] = opacity, sides.near, sides.far
    matte.near_color[band], matte.far_color[band] = near_color, far_color
    return matte


def edge_band(disparity: FloatArray, reach: int) -> tuple[Mask, FloatArray]:
    """Return the pixels (H, W) within `reach` of a depth edge, and the disparity between its sides.

    A surface seen at a grazing angle is not an edge: the part of a difference that is explained by
    the slope around the pixel doesn't count.
    """
    if reach < 1:
        return np.zeros(disparity.shape, bool), disparity
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (2 * reach + 1,) * 2)
    near = cv2.dilate(disparity, kernel, borderType=cv2.BORDER_REPLICATE)
    far = cv2.erode(disparity, kernel, borderType=cv2.BORDER_REPLICATE)
    step = near - 2 * reach * SLOPE_SLACK * _least_slope(disparity)
    band = (step - far > MIN_STEP) & (step > MIN_RATIO * far)
    return band, ((near + far) / 2).astype(np.float32)


def _least_slope(disparity: FloatArray) -> FloatArray:
    """Return the smallest slope (H, W) within two pixels, in disparity per pixel."""
    plain = cv2.medianBlur(disparity, 5)
    border = cv2.BORDER_REPLICATE
    along = [
        np.abs(cv2.Sobel(plain, cv2.CV_32F, x, 1 - x, ksize=3, scale=1 / 8, borderType=border))
        for x in (1, 0)
    ]
    return cv2.erode(np.maximum(*along), np.ones((5, 5), np.uint8), borderType=border)


def find_sides(
    linear: FloatArray, disparity: FloatArray, band: Mask, middle: FloatArray, radius: int
) -> Sides:
    """Find the two sides around the pixels of a band, in row order.

    A side's color is the mean over the window, weighted by distance; mixed pixels count little. The
    pixel with the largest weight represents the side.

    Args:
        linear: Image (H, W, 3) in linear light.
        disparity: Disparity (H, W).
        band: Mixed pixels (H, W).
        middle: Disparity (H, W) between the sides.
        radius: Half width of the window in pixels.
    """
    rows, columns = np.nonzero(band)
    middle = middle[band]
    width = band.shape[1]
    sums = np.zeros((2, len(rows), 5), np.float32)  # color, its square, weight
    best = np.full((2, len(rows)), -1.0, np.float32)
    index = np.tile((rows * width + columns).astype(np.int32), (2, 1))
    for row, column, weight in _window(rows, columns, band, radius):
        near = disparity[row, column] > middle
        for side, chosen in ((0, near), (1, ~near)):
            part = np.where(chosen, weight, 0.0)
            color = linear[row, column]
            sums[side, :, :3] += part[:, None] * color
            sums[side, :, 3] += part * (color**2).sum(-1)
            sums[side, :, 4] += part
            better = part > np.maximum(best[side], 0.0)
            best[side][better] = part[better]
            index[side][better] = (row * width + column)[better]
    means = sums[..., :4] / np.maximum(sums[..., 4:], 1e-9)
    (near, far), squares = means[..., :3], means[1, :, 3]
    spread = np.maximum(squares - (far**2).sum(-1), 0.0)
    return Sides(near, index[0], far, index[1], spread)


def _window(
    rows: NDArray[np.intp], columns: NDArray[np.intp], band: Mask, radius: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]]:
    """Yield rows, columns and weights (n,) of the neighbors of n pixels, one offset at a time."""
    height, width = band.shape
    for down in range(-radius, radius + 1):
        for right in range(-radius, radius + 1):
            row, column = rows + down, columns + right
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            row, column = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
            distance = np.exp(-2.0 * (down * down + right * right) / (radius * radius))
            weight = np.where(band[row, column], MIXED_WEIGHT, 1.0) * distance * inside
            yield row, column, weight.astype(np.float32)


def opacities(linear: FloatArray, sides: Sides, is_near: Mask) -> FloatArray:
    """Return the opacity (n,) of the near color: where a pixel lies between both sides' colors.

    If the sides look alike, or the pixel looks like neither, `is_near` decides. But a pixel that is
    unlike the far side always belongs to the near side, because depth maps end a pixel short of
    thin rims.

    Args:
        linear: Colors (n, 3) of the pixels in linear light.
        sides: Their sides.
        is_near: Whether the pixels lie on the near side (n,) according to the depth map.
    """
    across = sides.near_color - sides.far_color
    apart = (across**2).sum(-1)
    from_far = linear - sides.far_color
    fraction = np.clip((from_far * across).sum(-1) / np.maximum(apart, 1e-9), 0.0, 1.0)
    residual = ((from_far - fraction[:, None] * across) ** 2).sum(-1)
    is_mixture = (apart > MIN_CONTRAST**2) & (residual < MAX_RESIDUAL**2 * apart)
    unlike = (from_far**2).sum(-1) > np.maximum(UNLIKE**2 * sides.far_spread, MIN_UNLIKE**2)
    opacity = np.where(is_mixture, fraction, is_near | (unlike & (apart > MIN_CONTRAST**2)))
    opacity = np.where(opacity < MIN_OPACITY, 0.0, np.minimum(opacity, MAX_OPACITY))
    return opacity.astype(np.float32)


def unmixed(linear: FloatArray, sides: Sides, opacity: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return near and far colors (n, 3), sRGB, whose mixture at these opacities gives the pixels.

    The color with the smaller weight is that of its side; the other one is solved for.

    Args:
        linear: Colors (n, 3) of the pixels in linear light.
        sides: Their sides.
        opacity: Opacity (n,) of the near color.
    """
    alpha = opacity[:, None]
    mostly_near = alpha >= 0.5
    near_left = (linear - (1.0 - alpha) * sides.far_color) / np.maximum(alpha, 0.5)
    far_left = (linear - alpha * sides.near_color) / np.maximum(1.0 - alpha, 0.5)
    near = np.where(mostly_near, near_left, sides.near_color)
    far = np.where(mostly_near, sides.far_color, far_left)
    return linear_to_srgb(np.clip(near, 0.0, 1.0)), linear_to_srgb(np.clip(far, 0.0, 1.0))
