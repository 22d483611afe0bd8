"""Superpixels: small segments of an image bounded by its edges, and their adjacency."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask

Labels = NDArray[np.int32]

SEED_SPACING = 1 / 44
"""Distance between seeds, as a fraction of the longer side."""


@dataclass(frozen=True)
class Borders:
    """Adjacent pairs of superpixels.

    Attributes:
        first: (n,) label, the lower of the two.
        second: (n,) label.
        length: (n,) pixels of shared border.
        above: (n,) -1..1, fraction of the border along which `first` lies above `second`.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    length: FloatArray
    above: FloatArray


def superpixels(image: FloatArray, solid: Mask) -> Labels:
    """Segment an image into superpixels.

    A watershed of the gradient magnitude from seeds on a grid, each moved to the flattest pixel
    nearby (Meyer, Topographic distance and watershed lines, 1994).

    Args:
        image: (H, W, 3) sRGB, 0..1.
        solid: (H, W) mask of the pixels to segment.

    Returns labels (H, W), 0.. inside of `solid` and -1 outside.
    """
    height, width = solid.shape
    lab = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2Lab)
    lab = cv2.GaussianBlur(lab, (0, 0), 0.8)
    dx, dy = (cv2.Sobel(lab, cv2.CV_32F, i, 1 - i) for i in (1, 0))
    gradient = np.sqrt((dx**2 + dy**2).sum(-1))
    gradient_levels = np.clip(gradient * 4.0, 0, 65000).astype(np.uint16)
    markers = _seeds(gradient, solid, max(3, round(SEED_SPACING * max(height, width))))
    markers[~solid] = -1
    labels = ndimage.watershed_ift(gradient_levels, markers)
    return _compact(labels, solid)


def _seeds(gradient: FloatArray, solid: Mask, step: int) -> Labels:
    """Return markers (H, W), one in each grid cell that has a solid pixel."""
    height, width = gradient.shape
    rows, columns = np.mgrid[:height, :width]
    distance_to_center = np.hypot((rows % step) - step // 2, (columns % step) - step // 2)
    cost = (
        gradient + distance_to_center.astype(np.float32) * (4.0 / step) + np.where(solid, 0.0, 1e6)
    )
    cell = (rows // step) * (width // step + 1) + columns // step
    order = np.lexsort((cost.ravel(), cell.ravel()))
    cells = cell.ravel()[order]
    first = order[np.r_[True, cells[1:] != cells[:-1]]]
    first = first[solid.ravel()[first]]
    markers = np.zeros(gradient.size, np.int32)
    markers[first] = np.arange(1, len(first) + 1)
    return markers.reshape(gradient.shape)


def _compact(labels: Labels, solid: Mask) -> Labels:
    """Renumber the labels of solid pixels from 0; unreached pixels get the nearest label."""
    result = np.full(labels.shape, -1, np.int32)
    if not solid.any():
        return result
    reached = solid & (labels > 0)
    nearest = ndimage.distance_transform_edt(~reached, return_distances=False, return_indices=True)
    labels = labels[tuple(nearest)]
    result[solid] = np.unique(labels[solid], return_inverse=True)[1]
    return result


def borders(labels: Labels) -> Borders:
    """Return all pairs of adjacent superpixels of a label map (H, W)."""
    count = int(labels.max(initial=-1)) + 1
    keys, directions = [], []
    for label, neighbor, direction in (
        (labels[:-1], labels[1:], 1.0),
        (labels[:, :-1], labels[:, 1:], 0.0),
    ):
        edge = (label != neighbor) & (label >= 0) & (neighbor >= 0)
        a, b = label[edge].astype(np.int64), neighbor[edge].astype(np.int64)
        keys.append(np.minimum(a, b) * count + np.maximum(a, b))
        directions.append(np.where(a < b, direction, -direction))
    key, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    length = np.bincount(inverse, minlength=len(key)).astype(np.float32)
    above = np.bincount(inverse, np.concatenate(directions), len(key)).astype(np.float32)
    return Borders(
        key // max(count, 1), key % max(count, 1), length, (above / length).astype(np.float32)
    )


def mean_over(labels: Labels, values: FloatArray) -> FloatArray:
    """Return the mean of `values` (H, W) or (H, W, C) over each superpixel: (N,) or (N, C)."""
    inside = labels >= 0
    index = labels[inside]
    counts = np.maximum(np.bincount(index), 1)
    flat = values[inside].reshape(len(index), -1)
    sums = [np.bincount(index, flat[:, c]) / counts for c in range(flat.shape[1])]
    return np.stack(sums, -1).reshape(len(counts), *values.shape[2:]).astype(np.float32)
