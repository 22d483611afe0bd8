"""Guides of the motion: hints along drawn curves, spread over the regions that hold them.

As in 3D Cinemagraphy (Li et al., 2023): the flow at a pixel is the mean of all hints by normalized
Gaussian weights of their distances. Distance runs within the region here, round whatever stands in
it, so that no hint acts across a bank; far from every guide the automatic flow takes over.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.csgraph import dijkstra

from ...geometry.core.camera import FloatArray

Mask = NDArray[np.bool_]

COARSE = 96
"""Longer side, in cells, of the grid on which hints are spread."""
SIGMA = 0.12
"""Reach of a hint as a share of the picture's longer side."""
AUTOMATIC_AT = 2.5
"""Distance, in sigmas, at which the automatic flow counts as much as a hint."""
SNAP = 0.03
"""A guide this close to a region, as a share of the longer side, belongs to it."""
HINTS = 24
"""Hints taken of a guide."""
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))


@dataclass(frozen=True)
class Hints:
    """places (n, 2) in pixels; values (n, C): what holds there, direction times speed."""

    places: FloatArray
    values: FloatArray


def resampled(guide: FloatArray, count: int = HINTS) -> FloatArray:
    """A guide's rows x, y, speed (m, 3) at `count` + 1 places of equal distance in pixels.

    Places that are given twice count once; (0, 3) where nothing of a line is left.
    """
    finite = guide[np.isfinite(guide).all(axis=1)]
    step = np.linalg.norm(np.diff(finite[:, :2], axis=0), axis=1)
    kept = finite[np.concatenate([[True], step > 1e-6])] if len(finite) else finite
    if len(kept) < 2:
        return np.zeros((0, 3), np.float32)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(kept[:, :2], axis=0), axis=1))])
    at = np.linspace(0.0, along[-1], count + 1)
    return np.stack([np.interp(at, along, kept[:, c]) for c in range(3)], -1).astype(np.float32)


def spread(hints: Hints, automatic: FloatArray, region: Mask) -> FloatArray:
    """Values (H, W, C) in a region (H, W): hints near them, the automatic ones elsewhere.

    automatic: (H, W, C), returned unchanged outside the region and in pieces of it without hints.
    """
    height, width = region.shape
    cell = max(max(height, width) / COARSE, 1.0)
    size = (max(round(width / cell), 1), max(round(height / cell), 1))
    coarse = cv2.resize(region.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.25
    scale = np.array([size[0] / width, size[1] / height], np.float32)
    cells, used = _cells_of(hints.places * scale, coarse, SNAP * max(size))
    if not len(cells):
        return automatic
    weight = _weights(cells, coarse, SIGMA * max(size))
    total = weight.sum(axis=0)
    mixed = np.tensordot(hints.values[used].T, weight, axes=1) / np.maximum(total, 1e-30)
    share = total / (total + np.exp(-(AUTOMATIC_AT**2)))
    layers = [_enlarged(layer, coarse, (width, height)) for layer in (*mixed, share)]
    guided = np.stack(layers[:-1], axis=-1)
    kept = (layers[-1] * region)[..., None]
    return (automatic * (1 - kept) + guided * kept).astype(np.float32)


def _cells_of(places: FloatArray, coarse: Mask, reach: float) -> tuple[NDArray, NDArray]:
    """Cells (n, 2), row and column, nearest to places in the region, and which places have one."""
    if not coarse.any():
        return np.zeros((0, 2), int), np.zeros(0, int)
    away, nearest = ndimage.distance_transform_edt(~coarse, return_indices=True)
    height, width = coarse.shape
    column, row = np.floor(places).astype(int).T
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    used = np.flatnonzero(inside)
    used = used[away[row[used], column[used]] <= reach]
    return nearest[:, row[used], column[used]].T, used


def _weights(cells: NDArray, coarse: Mask, sigma: float) -> FloatArray:
    """Gaussian weights (n, h, w) of the distance to cells (n, 2) within the region."""
    number = np.full(coarse.shape, -1)
    number[coarse] = np.arange(coarse.sum())
    distance = dijkstra(_graph(number), directed=False, indices=number[tuple(cells.T)])
    weight = np.zeros((len(cells), *coarse.shape), np.float32)
    weight[:, coarse] = np.exp(-np.square(distance / sigma))
    return weight


def _graph(number: NDArray) -> sparse.csr_matrix:
    """Neighboring cells of the region with their distances; number: (h, w), -1 outside."""
    height, width = number.shape
    rows, columns, lengths = [], [], []
    for down, right in _STEPS:
        first = number[: height - down, max(-right, 0) : width - max(right, 0)]
        second = number[down:, max(right, 0) : width + min(right, 0)]
        joined = (first >= 0) & (second >= 0)
        rows.append(first[joined])
        columns.append(second[joined])
        lengths.append(np.full(joined.sum(), np.hypot(down, right)))
    count = int(number.max()) + 1
    entries = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_matrix((np.concatenate(lengths), entries), shape=(count, count))


def _enlarged(layer: FloatArray, coarse: Mask, size: tuple[int, int]) -> FloatArray:
    """A layer (h, w) that is known in the region, continued beyond it, at full size, smooth."""
    at = ndimage.distance_transform_edt(~coarse, return_distances=False, return_indices=True)
    filled = layer[tuple(at)].astype(np.float32)
    return cv2.resize(filled, size, interpolation=cv2.INTER_LINEAR)
