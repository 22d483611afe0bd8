"""The sky region of a photo: smooth, bright, reaching down from the top, bounded by edges.

Found in three steps at a small size. Seeds are smooth areas that touch the top and are blue, large,
or not darker than the ground. They grow over pixels of similar color at a similar height with
little texture. A long straight horizontal edge inside (hazy water under a hazy sky) ends them. At
full size, holes seen through branches or girders are added by color, and the edge is matted by how
far each pixel lies between the colors of the ground and of the sky next to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask

WORK_SIZE = 320
"""Longer side of the working image in pixels."""
HEIGHT_WEIGHT = 60.0
"""The height of the image counts as this difference in color (CIELAB)."""
MAX_SEED_GRADIENT = 2.0
"""Maximum gradient (CIELAB per pixel) in a seed."""
GROWTH_STEPS = ((3.0, 6.0), (4.0, 6.0), (4.0, 6.0), (4.0, 5.0))
"""Steps of growth: greatest gradient (CIELAB per pixel) and greatest difference from the sky."""
MAX_BLUE_B = -12.0
"""CIELAB b below which a seed is blue."""
MAX_TEXTURE = 6.0
"""Maximum mean gradient (CIELAB per pixel) over which the sky grows."""
MAX_HOLE_DIFFERENCE = 6.0
"""Maximum difference (CIELAB) of a hole from the colors of the sky."""
MIN_HOLE_CONTRAST = 4.0
"""Minimum mean gradient (CIELAB per pixel) along the rim of a hole, which has sharp edges."""
MAX_LOCAL_DIFFERENCE = 14.0
"""Maximum difference (CIELAB) of a separate component from the sky next to it."""

MAX_MODEL_COLORS = 4000
"""Number of colors, about, in the model of the sky."""
LOCAL_SIGMA = 0.08
"""Width of the neighborhood whose mean is the local color of the sky, in image widths."""
MAX_MODEL_SHADE = 10.0
"""Maximum darkening (CIELAB) against the local sky with which a pixel belongs to the model."""
MAX_CLOUD_SHADE, MAX_CLOUD_CHROMA = 4.0, 4.0
"""Maximum darkening and increase of chroma (CIELAB) of a cloud against the sky around it."""
MAX_STAR_AREA = 2e-4
"""Maximum area of a star or a bird, as a fraction of the image."""
MATTE_CONTRAST = 8.0
"""Minimum difference (CIELAB) of sky and ground for matting."""
MAX_MATTE_RESIDUAL = 0.6
"""Maximum distance of a mixed color from the line between ground and sky, relative to its
length."""


@dataclass(frozen=True)
class _WorkingImage:
    """The image at working size.

    Attributes:
        lab: (h, w, 3) CIELAB color.
        gradient: (h, w) gradient magnitude, CIELAB per pixel.
        descriptors: (h, w, 4) color and height.
    """

    lab: FloatArray
    gradient: FloatArray
    descriptors: FloatArray


def sky_region(image: FloatArray) -> FloatArray:
    """Find the sky of an image.

    Args:
        image: (H, W, 3) sRGB, 0..1.

    Returns a soft mask (H, W), 0..1; zero if there is no sky.
    """
    height, width = image.shape[:2]
    working = _at_working_size(image)
    seeds = _seeds(working)
    if seeds.mean() < 0.005:
        return np.zeros((height, width), np.float32)
    mask = _cut_at_horizon(working.lab, _grow(working, seeds))
    mask = _with_clouds(working.lab, mask)
    mask_full = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    lab = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2Lab)
    mask_full = _with_holes(lab, mask_full, _sky_model(working, mask))
    return _matte(lab, mask_full)


def _at_working_size(image: FloatArray) -> _WorkingImage:
    height, width = image.shape[:2]
    scale = min(1.0, WORK_SIZE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    working = cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(working, cv2.COLOR_RGB2Lab)
    dx, dy = _gradient(lab)
    return _WorkingImage(lab, np.sqrt((dx**2 + dy**2).sum(-1)), _color_height_descriptors(lab))


def _gradient(lab: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the horizontal and the vertical gradient (H, W, 3) of a color image."""
    blurred = cv2.GaussianBlur(lab, (0, 0), 1.0)
    return cv2.Sobel(blurred, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(blurred, cv2.CV_32F, 0, 1) / 8


def _color_height_descriptors(lab: FloatArray) -> FloatArray:
    """Return CIELAB color and height (H, W, 4): the sky's color changes slowly with height."""
    height, width = lab.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None] * (HEIGHT_WEIGHT / height)
    return np.concatenate([lab, np.broadcast_to(rows, (height, width))[..., None]], -1)


def _components(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the labels of 4-connected components, 0 outside, and their sizes."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return labels, np.bincount(labels.ravel())


def _mean_by_label(values: FloatArray, labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the mean of values (H, W) over each label."""
    count = int(labels.max()) + 1
    sizes = np.bincount(labels.ravel(), minlength=count)
    return np.bincount(labels.ravel(), values.ravel(), count) / np.maximum(sizes, 1)


def _erode(mask: Mask, size: int) -> Mask:
    """Return a mask eroded by a square of `size` pixels."""
    return cv2.erode(mask.astype(np.uint8), np.ones((size, size), np.uint8)).astype(bool)


def _seeds(working: _WorkingImage) -> Mask:
    """Return smooth areas at the top that are blue, large, or bright compared with the ground."""
    height, width = working.gradient.shape
    smooth = _erode(working.gradient < MAX_SEED_GRADIENT, 2)
    labels, sizes = _components(smooth)
    at_top = np.zeros(len(sizes), bool)
    at_top[np.unique(labels[: max(2, height // 50)])] = True
    lightness = working.lab[..., 0]
    mean = _mean_by_label(lightness, labels)
    large = at_top & (sizes > 0.004 * height * width)
    large[0] = False
    ground = np.percentile(lightness[int(0.6 * height) :], 60)
    blue = (
        np.bincount(labels.ravel(), working.lab[..., 2].ravel()) / np.maximum(sizes, 1) < MAX_BLUE_B
    )
    is_bright = (mean > ground) | blue | (sizes > 0.15 * height * width)
    accepted = large & is_bright & (mean > mean[large].max(initial=0.0) - 35.0)
    area = cv2.dilate(accepted[labels].astype(np.uint8), np.ones((3, 3), np.uint8))
    return area.astype(bool)


def _difference(descriptors: FloatArray, model: FloatArray, limit: float) -> FloatArray:
    """Return the distance of descriptors (..., 4) to the nearest of the model's, up to `limit`."""
    tree = cKDTree(model[:: max(1, len(model) // MAX_MODEL_COLORS)])
    distance, _ = tree.query(descriptors.reshape(-1, 4), distance_upper_bound=limit)
    return np.minimum(distance, limit).reshape(descriptors.shape[:-1]).astype(np.float32)


def _grow(working: _WorkingImage, mask: Mask) -> Mask:
    """Grow a mask over what resembles the sky next to it, including separate components."""
    height, width = mask.shape
    texture = cv2.blur(working.gradient, (7, 7))
    for edge_limit, tolerance in GROWTH_STEPS:
        difference = _difference(working.descriptors, _sky_model(working, mask), 30.0)
        similar = (
            (working.gradient < edge_limit) & (difference < tolerance) & (texture < MAX_TEXTURE)
        )
        lowest_row = int(np.flatnonzero(mask.any(1)).max())
        similar[min(height, lowest_row + max(2, height // 20)) :] = False
        labels, sizes = _components(similar | mask)
        local_difference = np.linalg.norm(
            working.lab - _local_mean(working.lab, mask, LOCAL_SIGMA * width), axis=-1
        )
        keep = (sizes >= max(12, height * width // 8000)) & (
            _mean_by_label(local_difference, labels) < MAX_LOCAL_DIFFERENCE
        )
        keep[np.unique(labels[mask])] = True
        keep[0] = False
        mask = _with_clouds(working.lab, keep[labels])
    return mask


def _sky_model(working: _WorkingImage, mask: Mask) -> FloatArray:
    """Return the descriptors (n, 4) of the sky's pixels that nothing in front of it shades."""
    shade = (
        _local_mean(working.lab, mask, LOCAL_SIGMA * mask.shape[1])[..., 0] - working.lab[..., 0]
    )
    unshaded = mask & (shade < MAX_MODEL_SHADE)
    return working.descriptors[unshaded if unshaded.any() else mask]


def _with_clouds(lab: FloatArray, mask: Mask) -> Mask:
    """Add components inside the sky that are no darker (clouds, the sun) or tiny (stars)."""
    width = mask.shape[1]
    local_sky = _local_mean(lab, mask, LOCAL_SIGMA * width)
    outside = ~mask
    outside[np.flatnonzero(mask.any(1)).max() + 1 :] = False
    bright_outside = outside & (lab[..., 0] > local_sky[..., 0] - MAX_CLOUD_SHADE)
    color = np.hypot(lab[..., 1], lab[..., 2])
    bright_outside &= color < np.hypot(local_sky[..., 1], local_sky[..., 2]) + MAX_CLOUD_CHROMA
    result = mask.copy()
    for components, min_enclosure, max_area in (
        (bright_outside, 0.45, 1.0),
        (outside, 0.9, MAX_STAR_AREA),
    ):
        labels, sizes = _components(components & ~result)
        keep = (_enclosed_fraction(labels, result) > min_enclosure) & (sizes < max_area * mask.size)
        keep[0] = False
        result |= keep[labels]
    return result


def _enclosed_fraction(labels: NDArray[np.int32], mask: Mask) -> FloatArray:
    """Return the fraction of each component's outline that lies on the mask.

    The image border doesn't count.
    """
    count = int(labels.max()) + 1
    outline, enclosed = np.zeros(count), np.zeros(count)
    for label, neighbor_label, neighbor_mask in (
        (labels[1:], labels[:-1], mask[:-1]),
        (labels[:-1], labels[1:], mask[1:]),
        (labels[:, 1:], labels[:, :-1], mask[:, :-1]),
        (labels[:, :-1], labels[:, 1:], mask[:, 1:]),
    ):
        edge = label != neighbor_label
        outline += np.bincount(label[edge], minlength=count)
        enclosed += np.bincount(label[edge & neighbor_mask], minlength=count)
    return (enclosed / np.maximum(outline, 1)).astype(np.float32)


def _local_mean(lab: FloatArray, mask: Mask, sigma: float) -> FloatArray:
    """Return the mean color (H, W, 3) of masked pixels around each pixel.

    Computed by normalized convolution.
    """
    weight = mask.astype(np.float32)
    total = np.full(mask.shape, 1e-12, np.float32)
    value = np.zeros_like(lab)
    # A wide, weak Gaussian behind the narrow one reaches pixels far from the mask.
    for width, scale in ((sigma, 1.0), (6 * sigma, 1e-4)):
        total += scale * cv2.GaussianBlur(weight, (0, 0), width)
        value += scale * cv2.GaussianBlur(lab * weight[..., None], (0, 0), width)
    return value / total[..., None]


def _cut_at_horizon(lab: FloatArray, mask: Mask) -> Mask:
    """End the sky at a straight horizontal edge across most of its width, if there is one."""
    height, width = mask.shape
    dx, dy = (np.abs(g).max(-1) for g in _gradient(lab))
    inner = _erode(mask, 5)
    above = np.roll(cv2.blur(dy, (9, 1)), 6, 0)
    horizon_edge = inner & (dy > 0.35) & (dy > 2.2 * above) & (dy > 2.5 * dx)
    horizon_edge = (
        cv2.dilate(horizon_edge.astype(np.uint8), np.ones((3, 1), np.uint8)).astype(bool) & inner
    )
    across = inner.sum(1)
    rows = np.arange(height)
    is_horizon = (
        (horizon_edge.sum(1) > 0.8 * across) & (across > 0.08 * width) & (rows > 0.25 * height)
    )
    if is_horizon.any():
        mask = mask & (rows < np.flatnonzero(is_horizon).min())[:, None]
    return mask


def _with_holes(lab: FloatArray, mask: FloatArray, model: FloatArray) -> FloatArray:
    """Add what has the sky's color above its lowest row: holes seen through thin objects."""
    height, width = mask.shape
    rows = np.flatnonzero((mask >= 0.5).any(1))
    if not len(model) or not len(rows):
        return mask
    lowest_row = int(rows.max()) + 1
    descriptors = _color_height_descriptors(lab)[:lowest_row]
    similar = _difference(descriptors, model, MAX_HOLE_DIFFERENCE + 1) < MAX_HOLE_DIFFERENCE
    local_sky = _local_mean(lab[:lowest_row], mask[:lowest_row] >= 0.5, LOCAL_SIGMA * width)
    similar &= np.linalg.norm(lab[:lowest_row] - local_sky, axis=-1) < MAX_LOCAL_DIFFERENCE
    labels, sizes = _components(similar & (mask[:lowest_row] < 0.5))
    dx, dy = _gradient(lab[:lowest_row])
    rims = cv2.morphologyEx(similar.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    contrast = _mean_by_label(np.sqrt((dx**2 + dy**2).sum(-1)), np.where(rims > 0, labels, 0))
    contrast.resize(len(sizes))
    keep = (sizes >= max(6, height * width // 30_000)) & (contrast > MIN_HOLE_CONTRAST)
    keep[0] = False
    result = mask.copy()
    result[:lowest_row] = np.maximum(mask[:lowest_row], keep[labels])
    return result


def _matte(lab: FloatArray, mask: FloatArray) -> FloatArray:
    """Fit the mask's edge to the image: how far each pixel's color lies from ground to sky.

    In a band around the edge each color is modeled as a mixture of the mean colors of the sky and
    of the ground next to it. The mask is kept where these are similar, and where a color is no such
    mixture: a rim of snow before a dark sky is neither.
    """
    height, width = mask.shape
    band = max(1, round(max(height, width) / 170))
    kernel = np.ones((2 * band + 1, 2 * band + 1), np.uint8)
    inside = (mask >= 0.5).astype(np.uint8)
    sure_sky = cv2.erode(inside, kernel) > 0
    sure_ground = cv2.dilate(inside, kernel) == 0
    sky = _local_mean(lab, sure_sky if sure_sky.any() else inside > 0, 3.0 * band)
    ground = _local_mean(lab, sure_ground if sure_ground.any() else inside == 0, 2.0 * band)
    axis = sky - ground
    length = (axis**2).sum(-1)
    fraction = ((lab - ground) * axis).sum(-1) / np.maximum(length, 1e-6)
    confidence = np.clip(np.sqrt(length) / MATTE_CONTRAST - 1.0, 0.0, 1.0)
    residual = ((lab - ground - np.clip(fraction, 0.0, 1.0)[..., None] * axis) ** 2).sum(-1)
    confidence *= residual < np.maximum(MAX_MATTE_RESIDUAL**2 * length, MATTE_CONTRAST**2)
    alpha = np.clip(1.6 * fraction - 0.3, 0.0, 1.0) * confidence + mask * (1.0 - confidence)
    return np.where(sure_sky, 1.0, np.where(sure_ground, 0.0, alpha)).astype(np.float32)
