"""Superpixels: small pieces of a picture with borders on its edges, and which of them touch."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...geometry.core.camera import FloatArray

Labels = NDArray[np.int32]

SPACING = 1 / 44
"""Distance of the seeds, as a share of the picture's longer side."""


@dataclass(frozen=True)
class Borders:
    """Pairs of superpixels that touch.

    first, second (n,): labels, the lower one first; `length` (n,): pixels of common border;
    `above` (n,): share of the border, -1..1, along which `first` lies above `second`.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    length: FloatArray
    above: FloatArray


def superpixels(image: FloatArray, solid: NDArray[np.bool_]) -> Labels:
    """Labels (H, W), 0.. inside of `solid` (H, W) and -1 outside, of an image (H, W, 3), sRGB 0..1.

    A watershed of the gradient's size from seeds on a grid, each moved to the flattest place near
    by (Meyer, Topographic distance and watershed lines, 1994).
    """
    height, width = solid.shape
    lab = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2Lab)
    lab = cv2.GaussianBlur(lab, (0, 0), 0.8)
    dx, dy = (cv2.Sobel(lab, cv2.CV_32F, i, 1 - i) for i in (1, 0))
    slope = np.sqrt((dx**2 + dy**2).sum(-1))
    relief = np.clip(slope * 4.0, 0, 65000).astype(np.uint16)
    markers = _seeds(slope, solid, max(3, round(SPACING * max(height, width))))
    markers[~solid] = -1
    labels = ndimage.watershed_ift(relief, markers)
    return _compact(labels, solid)


def _seeds(slope: FloatArray, solid: NDArray[np.bool_], step: int) -> Labels:
    """Markers (H, W), one in each cell of the grid that has a solid pixel."""
    height, width = slope.shape
    rows, columns = np.mgrid[:height, :width]
    center = np.hypot((rows % step) - step // 2, (columns % step) - step // 2)
    cost = slope + center.astype(np.float32) * (4.0 / step) + np.where(solid, 0.0, 1e6)
    cell = (rows // step) * (width // step + 1) + columns // step
    order = np.lexsort((cost.ravel(), cell.ravel()))
    cells = cell.ravel()[order]
    first = order[np.r_[True, cells[1:] != cells[:-1]]]
    first = first[solid.ravel()[first]]
    markers = np.zeros(slope.size, np.int32)
    markers[first] = np.arange(1, len(first) + 1)
    return markers.reshape(slope.shape)


def _compact(labels: Labels, solid: NDArray[np.bool_]) -> Labels:
    """Number the labels of solid pixels 0.., without gaps; unreached ones get the nearest label."""
    result = np.full(labels.shape, -1, np.int32)
    if not solid.any():
        return result
    reached = solid & (labels > 0)
    near = ndimage.distance_transform_edt(~reached, return_distances=False, return_indices=True)
    labels = labels[tuple(near)]
    result[solid] = np.unique(labels[solid], return_inverse=True)[1]
    return result


def borders(labels: Labels) -> Borders:
    """All pairs of neighboring superpixels of a label map (H, W)."""
    count = int(labels.max(initial=-1)) + 1
    keys, rises = [], []
    for here, there, down in (
        (labels[:-1], labels[1:], 1.0),
        (labels[:, :-1], labels[:, 1:], 0.0),
    ):
        edge = (here != there) & (here >= 0) & (there >= 0)
        a, b = here[edge].astype(np.int64), there[edge].astype(np.int64)
        keys.append(np.minimum(a, b) * count + np.maximum(a, b))
        rises.append(np.where(a < b, down, -down))
    key, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    length = np.bincount(inverse, minlength=len(key)).astype(np.float32)
    above = np.bincount(inverse, np.concatenate(rises), len(key)).astype(np.float32)
    return Borders(
        key // max(count, 1), key % max(count, 1), length, (above / length).astype(np.float32)
    )


def mean_over(labels: Labels, values: FloatArray) -> FloatArray:
    """Mean of `values` (H, W) or (H, W, C) over each superpixel: (N,) or (N, C)."""
    inside = labels >= 0
    index = labels[inside]
    size = np.maximum(np.bincount(index), 1)
    flat = values[inside].reshape(len(index), -1)
    sums = [np.bincount(index, flat[:, c]) / size for c in range(flat.shape[1])]
    return np.stack(sums, -1).reshape(len(size), *values.shape[2:]).astype(np.float32)
