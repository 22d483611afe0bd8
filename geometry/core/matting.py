"""Matting of depth edges: what a silhouette's mixed pixels are mixed of.

A photo's pixels along a silhouette mix the colors of what stands in front and of what is behind.
Kept on either surface they become a halo as soon as the camera moves. Here each of them is taken
apart, C = a F + (1 - a) B (alpha compositing, in linear light): a fringe, the near color F with
opacity a at the near depth, over the far color B at the far depth. Edges of the depth map that
miss the picture's by a pixel or two are mended by the same means, and what is thinner than the
mixing becomes fringe altogether.
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

MIN_STEP, MIN_RATIO = 0.005, 1.05
"""A depth edge: disparities that differ by so much, and by this factor."""
SLOPE_SLACK = 1.5
"""A surface may slope by so much more than it does where it is flattest round a pixel."""
MIXED_WEIGHT = 1e-3
"""A mixed pixel's weight in the color of a side, of a pure one's."""
MIN_CONTRAST = 0.1
"""Distance of near and far color, in linear light, from which a mixture can be told."""
MAX_RESIDUAL = 0.2
"""Part of that distance that a mixture may miss the pixel's color by."""
UNLIKE = 3.0
"""A color is unlike a side's from so many standard deviations on, MIN_UNLIKE at least."""
MIN_UNLIKE = 0.05
LEAST_OPACITY, MOST_OPACITY = 0.01, 0.9995
"""What is less is nothing; never quite solid, which the renderer would thicken to close gaps: a
silhouette must not grow."""

Index = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Matte:
    """A picture (H, W) taken apart at its depth edges.

    opacity (H, W): of the fringe, 0 where there is none; near_color (H, W, 3): its color, sRGB
    0..1; near (H, W): flat index of the pixel whose depth and motion it has; far_color (H, W, 3):
    the picture behind the fringe, complete; far (H, W): flat index of the pixel whose depth it has,
    its own away from edges.
    """

    opacity: FloatArray
    near_color: FloatArray
    near: Index
    far_color: FloatArray
    far: Index


@dataclass(frozen=True, eq=False)
class Sides:
    """Colors in linear light of what is near and far round n pixels, each (n, 3), and the flat
    index of the pixel that stands for either, (n,); far_spread (n,): variance of the far side's
    colors, summed over the channels."""

    near_color: FloatArray
    near: Index
    far_color: FloatArray
    far: Index
    far_spread: FloatArray


def matte_edges(image: FloatArray, disparity: FloatArray, reach: int) -> Matte:
    """Take the pixels within `reach` of a depth edge apart.

    image (H, W, 3) sRGB 0..1; disparity (H, W) 0..1, 0 in the sky; reach: pixels over which a
    silhouette is mixed, 0 for no matting. The fringe over the far colors gives the image.
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
    """Pixels (H, W) within `reach` of a depth edge, and the disparity between its sides (H, W).

    A surface seen at a flat angle is no edge: what its slope explains of a difference doesn't
    count, as far as the slope goes on round the pixel.
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
    """Disparity a pixel (H, W) by which a map slopes where it is flattest, within two pixels."""
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
    """What is near and what far round the pixels of a band (H, W), in row order.

    Each side's color is the mean over the window of `radius` pixels, by distance; pixels that are
    mixed themselves count little. Its depth is that of its weightiest pixel.
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
            share = np.where(chosen, weight, 0.0)
            color = linear[row, column]
            sums[side, :, :3] += share[:, None] * color
            sums[side, :, 3] += share * (color**2).sum(-1)
            sums[side, :, 4] += share
            better = share > np.maximum(best[side], 0.0)
            best[side][better] = share[better]
            index[side][better] = (row * width + column)[better]
    means = sums[..., :4] / np.maximum(sums[..., 4:], 1e-9)
    (near, far), squares = means[..., :3], means[1, :, 3]
    spread = np.maximum(squares - (far**2).sum(-1), 0.0)
    return Sides(near, index[0], far, index[1], spread)


def _window(
    rows: NDArray[np.intp], columns: NDArray[np.intp], band: Mask, radius: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]]:
    """Rows, columns and weights (n,) of the pixels round others, one step of the window a time."""
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
    """Opacity (n,) of the near color in pixels (n, 3): their place between both sides' colors.

    Where the sides look alike, or the pixel like neither, it is what is_near (n,) says; but what
    is unlike all that is far belongs to what is near: depth maps end a pixel short of thin rims.
    """
    across = sides.near_color - sides.far_color
    apart = (across**2).sum(-1)
    from_far = linear - sides.far_color
    share = np.clip((from_far * across).sum(-1) / np.maximum(apart, 1e-9), 0.0, 1.0)
    residual = ((from_far - share[:, None] * across) ** 2).sum(-1)
    told = (apart > MIN_CONTRAST**2) & (residual < MAX_RESIDUAL**2 * apart)
    unlike = (from_far**2).sum(-1) > np.maximum(UNLIKE**2 * sides.far_spread, MIN_UNLIKE**2)
    opacity = np.where(told, share, is_near | (unlike & (apart > MIN_CONTRAST**2)))
    opacity = np.where(opacity < LEAST_OPACITY, 0.0, np.minimum(opacity, MOST_OPACITY))
    return opacity.astype(np.float32)


def unmixed(linear: FloatArray, sides: Sides, opacity: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Near and far colors (n, 3), sRGB, that give the pixels (n, 3) at these opacities (n,).

    The one that is less of the pixel is its side's; the other one takes what is left.
    """
    share = opacity[:, None]
    mostly_near = share >= 0.5
    near_left = (linear - (1.0 - share) * sides.far_color) / np.maximum(share, 0.5)
    far_left = (linear - share * sides.near_color) / np.maximum(1.0 - share, 0.5)
    near = np.where(mostly_near, near_left, sides.near_color)
    far = np.where(mostly_near, sides.far_color, far_left)
    return linear_to_srgb(np.clip(near, 0.0, 1.0)), linear_to_srgb(np.clip(far, 0.0, 1.0))
