"""Traces of silhouettes in the sky: blur, sharpening halos and thin twigs are taken out of it.

A photo's silhouettes are wider than their mixed pixels. Lenses blur, and cameras sharpen, so that
the sky beside a ridge is a little too dark or too bright for several pixels; twigs that no depth
map shows belong to the sky altogether. All of it would stay behind in the sky, as an outline, when
the camera moves. The sky is smooth, so what it would be without them is known: the plane through
its own colors farther out. The difference goes to the fringe, which moves with the silhouette; over
the cleaned sky it still gives the photo.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .camera import FloatArray
from .color import linear_to_srgb, srgb_to_linear
from .ldi import Mask
from .matting import MAX_OPACITY, MIN_OPACITY, Matte

REQUIRES = ("cv2", "scipy")

REACH = 9 / 512
"""How far from a silhouette its traces may reach, as a fraction of the size."""
WORKING_SIDE = 512
"""Longer side, in pixels, of the image at which planes are fitted to narrow neighborhoods; a
quarter of it is enough for wide ones."""
NARROW, WIDE = 1.2, 4.0
"""Standard deviations, in reaches, of the neighborhoods that planes are fitted to. The wide one
counts where the narrow one holds no clean sky."""
ENOUGH = 0.02
"""Share of clean sky from which on a narrow neighborhood counts fully; a tenth of it is enough for
a wide one."""
LEVEL = 0.1
"""Added to the variance of the positions, in squared standard deviations of the neighborhood: where
clean sky is on one side only, the plane through it is nearly level."""
MIXED = (1.0, 2.5)
"""Differences from the plane toward the color in front, in standard deviations of the sky's own
texture, up to which they are texture, and from which on all of it is a trace."""
HALO = (0.5, 1.5)
"""The same for what remains of other differences in the mean along a silhouette: sharpening makes
halos of even width, while clouds come and go."""
ALONG = 3.0
"""Standard deviation, in reaches, of the stretch of a silhouette that halos are averaged over."""
FINENESS = 8
"""Cells of the grid in which that stretch is averaged: pixel by pixel, a large image would take
minutes."""
LARGEST_HALO = 0.05
"""Root mean square of a halo, in linear light, that no more than is taken out: what is larger is a
cloud."""
NO_TRACE = 0.5
"""Distance from a silhouette, in reaches, from which on differences are the sky's own."""
BENT = (1.0, 2.5)
"""Mean difference from the plane there, in standard deviations of the texture, up to which the sky
is even, and from which on it isn't."""
BROAD = (0.14, 0.3)
"""The same for that difference relative to the one nearer to the silhouette: where the sky bends
steadily it is a seventh, where there are traces alone, nothing."""
LINE = 0.25
"""Width, in reaches, of the line beside a silhouette that is replaced."""
FEW = 0.02
"""Share of the neighborhood that must be sky farther out for that."""
ALONE = 0.7
"""How much a pixel's own difference counts, relative to the mean of those around it."""
LEAST_TEXTURE = 0.004
"""Smallest standard deviation of a sky's texture, in linear light."""
HIDES = 0.5
"""Opacity of the fringe from which on it, rather than the sky, is what a pixel shows."""


def peel_sky(matte: Matte, image: FloatArray, sky: Mask, size: int) -> Matte:
    """Take the traces of silhouettes out of the sky behind them.

    Args:
        matte: The separated image (H, W).
        image: The image, (H, W, 3), sRGB 0..1.
        sky: (H, W), where the image behind the fringe is sky.
        size: Longer side of the photo in pixels, which widths are relative to.

    Returns a matte whose fringe over its background is the image, as before.
    """
    reach = max(2, round(REACH * size))
    front = ~sky | (matte.opacity > HIDES)
    away = cv2.distanceTransform((~front).astype(np.uint8), cv2.DIST_L2, 5)
    band, clean = sky & (away <= reach), sky & (away > reach)
    if not band.any() or not clean.any():
        return matte
    linear = srgb_to_linear(image)
    expected, texture, trust = expected_sky(linear, clean, reach)
    difference = linear - expected
    trust = trust * evenness(
        difference / texture[..., None], band, away > NO_TRACE * reach, ALONG * reach
    )
    rows, columns = ndimage.distance_transform_edt(
        ~front, return_distances=False, return_indices=True
    )
    beside = matte.near[rows, columns]
    mixed, other = split_difference(difference, linear.reshape(-1, 3)[beside] - expected)
    halo = mean_along(other, away, band, ALONG * reach)
    strength = np.sqrt((halo**2).mean(axis=2, keepdims=True))
    halo *= np.minimum(1.0, LARGEST_HALO / np.maximum(strength, 1e-6))
    share = traces(mixed, texture, sky, reach / 4, MIXED)[..., None]
    halo_share = traces(halo, texture, sky, reach / 4, HALO)[..., None]
    trace = mixed * share + halo * halo_share
    hidden = (sky & front)[..., None]
    seen = np.where(hidden, srgb_to_linear(matte.far_color), linear)
    cleaned = seen - np.where(hidden, seen - expected, trace) * trust[..., None]
    behind = without_line(np.where(band[..., None], cleaned, linear), sky, away, reach)[band]
    opacity = least_opacity(linear[band], behind, matte.opacity[band])
    behind = np.where(opacity[:, None] > 0.0, behind, linear[band])
    color = behind + (linear[band] - behind) / np.maximum(opacity, MIN_OPACITY)[:, None]
    result = replace(
        matte,
        opacity=matte.opacity.copy(),
        near_color=matte.near_color.copy(),
        near=matte.near.copy(),
        far_color=matte.far_color.copy(),
    )
    result.opacity[band] = opacity
    result.near_color[band] = linear_to_srgb(np.clip(color, 0.0, 1.0))
    result.near[band] = np.where(matte.opacity[band] > 0.0, matte.near[band], beside[band])
    result.far_color[band] = linear_to_srgb(np.clip(behind, 0.0, 1.0))
    return result


def without_line(colors: FloatArray, sky: Mask, away: FloatArray, reach: int) -> FloatArray:
    """Return colors (H, W, 3) that are smooth right beside a silhouette.

    What is left of it in the outermost pixels is fainter than the sky's texture, but it shows as a
    line. There the sky is the mean of the pixels farther out.

    Args:
        colors: (H, W, 3), in linear light.
        sky: (H, W), where the image behind the fringe is sky.
        away: (H, W), distance from the silhouette in pixels.
        reach: Of its traces, in pixels.
    """
    weight = (sky & (away > LINE * reach)).astype(np.float32)
    sigma = LINE * reach
    total = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    mean = cv2.GaussianBlur(np.where(weight[..., None] > 0, colors, 0.0), (0, 0), sigma)
    line = (sky & (weight == 0))[..., None] & (total > FEW)
    return np.where(line, mean / np.maximum(total, FEW), colors).astype(np.float32)


def least_opacity(colors: FloatArray, behind: FloatArray, least: FloatArray) -> FloatArray:
    """Return the opacity (n,) of a fringe over `behind` (n, 3) that gives `colors` (n, 3).

    It is the smallest, of at least `least` (n,), for which the fringe's own color is within 0..1.
    """
    brighter = (colors - behind) / np.maximum(1.0 - behind, 1e-4)
    darker = (behind - colors) / np.maximum(behind, 1e-4)
    opacity = np.maximum(np.maximum(brighter, darker).max(axis=1), least)
    opacity = np.where(opacity < MIN_OPACITY, 0.0, np.minimum(opacity, MAX_OPACITY))
    return opacity.astype(np.float32)


def expected_sky(
    linear: FloatArray, clean: Mask, reach: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return what the sky would be without anything in front of it, from its clean parts.

    Args:
        linear: Image (H, W, 3) in linear light.
        clean: (H, W), sky far enough from anything else.
        reach: Distance in pixels over which it is continued.

    Returns its colors (H, W, 3), the standard deviation (H, W) of its texture, and how far both can
    be relied on (H, W), 0..1: not where there is no clean sky around.
    """
    longer = max(clean.shape)
    wide, share = _planes_at(linear, clean, WIDE * reach, min(1.0, WORKING_SIDE / 4 / longer))
    trust = np.clip(share / (0.1 * ENOUGH), 0.0, 1.0)
    narrow, share = _planes_at(linear, clean, NARROW * reach, min(1.0, WORKING_SIDE / longer))
    enough = np.clip(share / ENOUGH, 0.0, 1.0)
    fitted = wide + enough[..., None] * (narrow - wide)
    texture = np.maximum(fitted[..., 3], LEAST_TEXTURE)
    return fitted[..., :3], texture, np.maximum(trust, enough)


def evenness(difference: FloatArray, band: Mask, outer: Mask, sigma: float) -> FloatArray:
    """Return how far (H, W), 0..1, the sky near a silhouette is the continued plane.

    Dusk and haze change colors more and more quickly toward the horizon, which isn't a trace of
    what stands there. Traces are narrow, so the outer part of the band tells one from the other.

    Args:
        difference: (H, W, 3), of the image from the plane, in standard deviations of the texture.
        band: (H, W), sky beside a silhouette.
        outer: (H, W), what of it traces don't reach.
        sigma: Standard deviation, in pixels, of the stretch that decides together.
    """
    height, width = outer.shape
    scale = min(1.0, WORKING_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))

    def mean(part: Mask) -> FloatArray:
        counted = np.dstack([np.where(part[..., None], difference, 0.0), part]).astype(np.float32)
        sums = cv2.resize(counted, size, interpolation=cv2.INTER_AREA)
        sums = cv2.GaussianBlur(sums, (0, 0), sigma * scale)
        means = sums[..., :3] / np.maximum(sums[..., 3:], 1e-6)
        return np.asarray(np.sqrt((means**2).mean(axis=2)))

    far, near = mean(band & outer), mean(band & ~outer)
    bent, broad = (
        np.clip((value - low) / (high - low), 0.0, 1.0)
        for value, (low, high) in ((far, BENT), (far / np.maximum(near, 1e-6), BROAD))
    )
    even = (1.0 - bent * broad).astype(np.float32)
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_LINEAR))


def _planes_at(
    linear: FloatArray, clean: Mask, sigma: float, scale: float
) -> tuple[FloatArray, FloatArray]:
    """Return `fit_planes` of an image, computed at a smaller scale, at the image's own size."""
    height, width = clean.shape
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    weight = cv2.resize(clean.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(linear * clean[..., None], size, interpolation=cv2.INTER_AREA)
    mean = sums / np.maximum(weight, 1e-6)[..., None]
    maps = np.dstack(fit_planes(mean, weight, sigma * scale)).astype(np.float32)
    maps = cv2.resize(maps, (width, height), interpolation=cv2.INTER_LINEAR)
    return maps[..., :4], maps[..., 4]


def fit_planes(
    colors: FloatArray, weight: FloatArray, sigma: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a plane to the colors around each pixel, by weighted least squares.

    Args:
        colors: (h, w, 3).
        weight: (h, w) 0..1, how much each pixel counts.
        sigma: Standard deviation, in pixels, of the Gaussian by which neighbors count.

    Returns each plane's color at its own pixel, within the range of all colors, and the standard
    deviation of the colors around it, (h, w, 4); and the share (h, w) of neighbors that count.
    """
    y, x = np.indices(weight.shape) / sigma

    def blur(values: NDArray[np.floating]) -> NDArray[np.float64]:
        border = cv2.BORDER_CONSTANT
        blurred = cv2.GaussianBlur(values.astype(np.float64), (0, 0), sigma, borderType=border)
        return np.asarray(blurred)

    share = blur(weight)
    whole = np.maximum(share, 1e-9)
    x_mean, y_mean = blur(weight * x) / whole, blur(weight * y) / whole
    xx = blur(weight * x * x) / whole - x_mean**2 + LEVEL
    yy = blur(weight * y * y) / whole - y_mean**2 + LEVEL
    xy = blur(weight * x * y) / whole - x_mean * y_mean
    counted = weight > 0.99
    fitted = np.zeros((*weight.shape, 4))
    for channel in range(3):
        values = colors[..., channel].astype(np.float64)
        mean = blur(weight * values) / whole
        along_x = blur(weight * x * values) / whole - x_mean * mean
        along_y = blur(weight * y * values) / whole - y_mean * mean
        slope_x = (along_x * yy - along_y * xy) / (xx * yy - xy**2)
        slope_y = (along_y * xx - along_x * xy) / (xx * yy - xy**2)
        plane = mean + slope_x * (x - x_mean) + slope_y * (y - y_mean)
        if counted.any():
            plane = np.clip(plane, values[counted].min(), values[counted].max())
        fitted[..., channel] = plane
        fitted[..., 3] += blur(weight * counted * (values - plane) ** 2) / whole / 3
    fitted[..., 3] = np.sqrt(fitted[..., 3])
    return fitted, share


def split_difference(difference: FloatArray, across: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Split differences from the expected sky into what a mixture explains and the rest.

    Args:
        difference: (H, W, 3), in linear light.
        across: (H, W, 3), the color of what stands in front less that of the sky.
    """
    share = (difference * across).sum(axis=2) / np.maximum((across**2).sum(axis=2), 1e-6)
    mixed = np.clip(share, 0.0, 1.0)[..., None] * across
    return mixed, difference - mixed


def mean_along(values: FloatArray, away: FloatArray, band: Mask, sigma: float) -> FloatArray:
    """Return the means of values along a silhouette, at each distance from it by itself.

    Args:
        values: (H, W, C).
        away: (H, W), distance from the silhouette in pixels.
        band: (H, W), where values count; elsewhere the result is 0.
        sigma: Standard deviation, in pixels, of the stretch that is averaged over.
    """
    result = np.zeros_like(values)
    cell = max(1, round(sigma / FINENESS))
    height, width = (-(-side // cell) for side in band.shape)
    rows, columns = np.nonzero(band)
    cells, numbers = rows // cell * width + columns // cell, values[band]
    places = (np.stack([rows, columns]) + 0.5) / cell - 0.5
    distance, found = np.ceil(away[band]), np.empty_like(numbers)
    for step in np.unique(distance):
        shell = distance == step
        parts = [None, *numbers[shell].T]  # None counts the pixels
        sums = np.stack([np.bincount(cells[shell], part, height * width) for part in parts], -1)
        smooth = cv2.GaussianBlur(sums.reshape(height, width, -1), (0, 0), sigma / cell)
        count, *totals = (
            ndimage.map_coordinates(part, places[:, shell], order=1, mode="nearest")
            for part in np.moveaxis(smooth, -1, 0)
        )
        found[shell] = np.stack(totals, axis=-1) / np.maximum(count, 1e-6)[:, None]
    result[band] = found
    return result


def traces(
    difference: FloatArray,
    texture: FloatArray,
    sky: Mask,
    sigma: float,
    limits: tuple[float, float],
) -> FloatArray:
    """Return which part (H, W), 0..1, of a difference from the expected sky isn't its texture.

    Args:
        difference: (H, W, 3), in linear light.
        texture: (H, W), standard deviation of the sky's texture.
        sky: (H, W), where it counts.
        sigma: Standard deviation, in pixels, of the neighborhood that decides together.
        limits: Differences, relative to the texture, for 0 and for 1.
    """
    strength = np.sqrt((difference**2).mean(axis=2)) / texture
    share = sky.astype(np.float32)
    total = cv2.GaussianBlur((strength * share).astype(np.float32), (0, 0), sigma)
    around = total / np.maximum(cv2.GaussianBlur(share, (0, 0), sigma), 1e-3)
    strength = np.maximum(around, ALONE * strength)
    part = (strength - limits[0]) / (limits[1] - limits[0])
    return np.clip(part, 0.0, 1.0).astype(np.float32)
