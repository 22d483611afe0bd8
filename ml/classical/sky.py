"""The sky region of a photo: smooth, bright, reaching down from the top, ended by edges.

Found in three steps at a small size: seeds are smooth areas that touch the top and are blue, large
or not darker than the ground; they grow over what has a similar color at a similar height and
little texture; a long straight horizontal edge inside (hazy water under a hazy sky) ends them. At
full size, holes seen through branches or girders join by color, and the edge is matted: how far a
pixel lies between the colors of the ground and of the sky beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ...geometry.core.camera import FloatArray

Mask = NDArray[np.bool_]

WORK_SIZE = 320
HEIGHT_WEIGHT = 60.0
"""A picture's height counts as this much difference of color (CIELAB)."""
SEED_EDGE = 2.0
GROWTH = ((3.0, 6.0), (4.0, 6.0), (4.0, 6.0), (4.0, 5.0))
"""Steps of growth: largest gradient (CIELAB per pixel) and largest difference from the sky."""
BLUE = -12.0
TEXTURE_LIMIT = 6.0
HOLE_DIFFERENCE = 6.0
HOLE_CONTRAST = 4.0
LOCAL = 14.0
"""Largest difference (CIELAB) of a piece apart from the rest of the sky to the sky next to it."""
"""A hole has sharp edges: mean gradient along its rim (CIELAB per pixel)."""
MAX_MODEL = 4000
SPREAD = 0.08
"""Width of the neighborhood whose mean is the local color of the sky, in picture widths."""
MODEL_SHADE = 10.0
CLOUD_SHADE, CLOUD_COLOR = 4.0, 4.0
"""A cloud is at most this much darker and more colored than the sky around it (CIELAB)."""
STAR = 2e-4
"""Largest share of the picture of a star or a bird."""
MATTE_CONTRAST = 8.0
MATTE_MISS = 0.6
"""Part of the distance from ground to sky that a mixture's color may be off by."""


@dataclass(frozen=True)
class _Small:
    """The picture at working size: CIELAB, gradient, and color-and-height features."""

    lab: FloatArray
    edge: FloatArray
    features: FloatArray


def sky_region(image: FloatArray) -> FloatArray:
    """Soft sky mask (H, W) 0..1 of an image (H, W, 3), sRGB 0..1; zero where there is no sky."""
    height, width = image.shape[:2]
    small = _at_working_size(image)
    seeds = _seeds(small)
    if seeds.mean() < 0.005:
        return np.zeros((height, width), np.float32)
    mask = _cut_at_horizon(small.lab, _grown(small, seeds))
    mask = _with_clouds(small.lab, mask)
    full = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    lab = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2Lab)
    full = _with_holes(lab, full, _model(small, mask))
    return _matte(lab, full)


def _at_working_size(image: FloatArray) -> _Small:
    height, width = image.shape[:2]
    scale = min(1.0, WORK_SIZE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2Lab)
    dx, dy = _gradient(lab)
    return _Small(lab, np.sqrt((dx**2 + dy**2).sum(-1)), _features(lab))


def _gradient(lab: FloatArray) -> tuple[FloatArray, FloatArray]:
    blurred = cv2.GaussianBlur(lab, (0, 0), 1.0)
    return cv2.Sobel(blurred, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(blurred, cv2.CV_32F, 0, 1) / 8


def _features(lab: FloatArray) -> FloatArray:
    """CIELAB and height in the picture (H, W, 4): the sky's color changes slowly with height."""
    height, width = lab.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None] * (HEIGHT_WEIGHT / height)
    return np.concatenate([lab, np.broadcast_to(rows, (height, width))[..., None]], -1)


def _components(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Labels of 4-connected pieces, 0 outside, and their sizes."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return labels, np.bincount(labels.ravel())


def _mean_by_label(values: FloatArray, labels: NDArray[np.int32]) -> NDArray[np.float64]:
    count = int(labels.max()) + 1
    sizes = np.bincount(labels.ravel(), minlength=count)
    return np.bincount(labels.ravel(), values.ravel(), count) / np.maximum(sizes, 1)


def _shrunk(mask: Mask, size: int) -> Mask:
    return cv2.erode(mask.astype(np.uint8), np.ones((size, size), np.uint8)).astype(bool)


def _seeds(small: _Small) -> Mask:
    """Smooth areas at the top that are bright enough beside the ground, or blue, or large."""
    height, width = small.edge.shape
    smooth = _shrunk(small.edge < SEED_EDGE, 2)
    labels, sizes = _components(smooth)
    at_top = np.zeros(len(sizes), bool)
    at_top[np.unique(labels[: max(2, height // 50)])] = True
    lightness = small.lab[..., 0]
    mean = _mean_by_label(lightness, labels)
    large = at_top & (sizes > 0.004 * height * width)
    large[0] = False
    ground = np.percentile(lightness[int(0.6 * height) :], 60)
    blue = np.bincount(labels.ravel(), small.lab[..., 2].ravel()) / np.maximum(sizes, 1) < BLUE
    bright = (mean > ground) | blue | (sizes > 0.15 * height * width)
    chosen = large & bright & (mean > mean[large].max(initial=0.0) - 35.0)
    area = cv2.dilate(chosen[labels].astype(np.uint8), np.ones((3, 3), np.uint8))
    return area.astype(bool)


def _difference(features: FloatArray, model: FloatArray, limit: float) -> FloatArray:
    """Distance of every feature vector (..., 4) to the nearest of the model's (n, 4)."""
    tree = cKDTree(model[:: max(1, len(model) // MAX_MODEL)])
    distance, _ = tree.query(features.reshape(-1, 4), distance_upper_bound=limit)
    return np.minimum(distance, limit).reshape(features.shape[:-1]).astype(np.float32)


def _grown(small: _Small, mask: Mask) -> Mask:
    """Grow over what looks like the sky beside it, also in pieces not joined to it."""
    height, width = mask.shape
    texture = cv2.blur(small.edge, (7, 7))
    for edge_limit, tolerance in GROWTH:
        difference = _difference(small.features, _model(small, mask), 30.0)
        alike = (small.edge < edge_limit) & (difference < tolerance) & (texture < TEXTURE_LIMIT)
        lowest = int(np.flatnonzero(mask.any(1)).max())
        alike[min(height, lowest + max(2, height // 20)) :] = False
        labels, sizes = _components(alike | mask)
        away = np.linalg.norm(small.lab - _spread(small.lab, mask, SPREAD * width), axis=-1)
        keep = (sizes >= max(12, height * width // 8000)) & (_mean_by_label(away, labels) < LOCAL)
        keep[np.unique(labels[mask])] = True
        keep[0] = False
        mask = _with_clouds(small.lab, keep[labels])
    return mask


def _model(small: _Small, mask: Mask) -> FloatArray:
    """Features (n, 4) of the sky's pixels, without those darkened by what stands before it."""
    shade = _spread(small.lab, mask, SPREAD * mask.shape[1])[..., 0] - small.lab[..., 0]
    pure = mask & (shade < MODEL_SHADE)
    return small.features[pure if pure.any() else mask]


def _with_clouds(lab: FloatArray, mask: Mask) -> Mask:
    """Add pieces inside the sky that are no darker than it (clouds, the sun) or tiny (stars)."""
    width = mask.shape[1]
    sky = _spread(lab, mask, SPREAD * width)
    rest = ~mask
    rest[np.flatnonzero(mask.any(1)).max() + 1 :] = False
    bright = rest & (lab[..., 0] > sky[..., 0] - CLOUD_SHADE)
    color = np.hypot(lab[..., 1], lab[..., 2])
    bright &= color < np.hypot(sky[..., 1], sky[..., 2]) + CLOUD_COLOR
    result = mask.copy()
    for pieces, share, largest in ((bright, 0.45, 1.0), (rest, 0.9, STAR)):
        labels, sizes = _components(pieces & ~result)
        keep = (_enclosure(labels, result) > share) & (sizes < largest * mask.size)
        keep[0] = False
        result |= keep[labels]
    return result


def _enclosure(labels: NDArray[np.int32], mask: Mask) -> FloatArray:
    """Share of each piece's outline that lies on the mask; the picture's frame does not count."""
    count = int(labels.max()) + 1
    outline, shared = np.zeros(count), np.zeros(count)
    for here, there, masked in (
        (labels[1:], labels[:-1], mask[:-1]),
        (labels[:-1], labels[1:], mask[1:]),
        (labels[:, 1:], labels[:, :-1], mask[:, :-1]),
        (labels[:, :-1], labels[:, 1:], mask[:, 1:]),
    ):
        edge = here != there
        outline += np.bincount(here[edge], minlength=count)
        shared += np.bincount(here[edge & masked], minlength=count)
    return (shared / np.maximum(outline, 1)).astype(np.float32)


def _spread(lab: FloatArray, mask: Mask, sigma: float) -> FloatArray:
    """Mean color (H, W, 3) of the masked pixels around every pixel, by normalized convolution."""
    weight = mask.astype(np.float32)
    total = np.full(mask.shape, 1e-12, np.float32)
    value = np.zeros_like(lab)
    # A wide, weak Gaussian behind the narrow one reaches pixels far from the mask.
    for width, share in ((sigma, 1.0), (6 * sigma, 1e-4)):
        total += share * cv2.GaussianBlur(weight, (0, 0), width)
        value += share * cv2.GaussianBlur(lab * weight[..., None], (0, 0), width)
    return value / total[..., None]


def _cut_at_horizon(lab: FloatArray, mask: Mask) -> Mask:
    """End the sky at a straight horizontal edge across most of its width, if there is one."""
    height, width = mask.shape
    dx, dy = (np.abs(g).max(-1) for g in _gradient(lab))
    inner = _shrunk(mask, 5)
    above = np.roll(cv2.blur(dy, (9, 1)), 6, 0)
    line = inner & (dy > 0.35) & (dy > 2.2 * above) & (dy > 2.5 * dx)
    line = cv2.dilate(line.astype(np.uint8), np.ones((3, 1), np.uint8)).astype(bool) & inner
    across = inner.sum(1)
    rows = np.arange(height)
    found = (line.sum(1) > 0.8 * across) & (across > 0.08 * width) & (rows > 0.25 * height)
    if found.any():
        mask = mask & (rows < np.flatnonzero(found).min())[:, None]
    return mask


def _with_holes(lab: FloatArray, mask: FloatArray, model: FloatArray) -> FloatArray:
    """Add what has the sky's color above its lowest row: holes seen through thin things."""
    height, width = mask.shape
    rows = np.flatnonzero((mask >= 0.5).any(1))
    if not len(model) or not len(rows):
        return mask
    lowest = int(rows.max()) + 1
    features = _features(lab)[:lowest]
    alike = _difference(features, model, HOLE_DIFFERENCE + 1) < HOLE_DIFFERENCE
    around = _spread(lab[:lowest], mask[:lowest] >= 0.5, SPREAD * width)
    alike &= np.linalg.norm(lab[:lowest] - around, axis=-1) < LOCAL
    labels, sizes = _components(alike & (mask[:lowest] < 0.5))
    dx, dy = _gradient(lab[:lowest])
    rim = cv2.morphologyEx(alike.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    contrast = _mean_by_label(np.sqrt((dx**2 + dy**2).sum(-1)), np.where(rim > 0, labels, 0))
    contrast.resize(len(sizes))
    keep = (sizes >= max(6, height * width // 30_000)) & (contrast > HOLE_CONTRAST)
    keep[0] = False
    result = mask.copy()
    result[:lowest] = np.maximum(mask[:lowest], keep[labels])
    return result


def _matte(lab: FloatArray, mask: FloatArray) -> FloatArray:
    """Fit the mask's edge to the image: how far each pixel's color is from ground to sky.

    In a band around the edge the color is taken for a mixture of the mean colors of the sky and
    of the ground beside it; where these are alike the mask stays, and where the color is no such
    mixture: a rim of snow before a dark sky is neither.
    """
    height, width = mask.shape
    reach = max(1, round(max(height, width) / 170))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    inside = (mask >= 0.5).astype(np.uint8)
    sure_sky = cv2.erode(inside, kernel) > 0
    sure_ground = cv2.dilate(inside, kernel) == 0
    sky = _spread(lab, sure_sky if sure_sky.any() else inside > 0, 3.0 * reach)
    ground = _spread(lab, sure_ground if sure_ground.any() else inside == 0, 2.0 * reach)
    axis = sky - ground
    length = (axis**2).sum(-1)
    share = ((lab - ground) * axis).sum(-1) / np.maximum(length, 1e-6)
    trust = np.clip(np.sqrt(length) / MATTE_CONTRAST - 1.0, 0.0, 1.0)
    beside = ((lab - ground - np.clip(share, 0.0, 1.0)[..., None] * axis) ** 2).sum(-1)
    trust *= beside < np.maximum(MATTE_MISS**2 * length, MATTE_CONTRAST**2)
    alpha = np.clip(1.6 * share - 0.3, 0.0, 1.0) * trust + mask * (1.0 - trust)
    return np.where(sure_sky, 1.0, np.where(sure_ground, 0.0, alpha)).astype(np.float32)
