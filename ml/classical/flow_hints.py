"""Sparse flow hints along motion guides, spread over the regions that hold them.

As in 3D Cinemagraphy (Li et al., 2023), the flow at a pixel is the mean of all hints, weighted by
normalized Gaussians of their distances. Here distances are measured within the region, around
obstacles, so that no hint acts across a bank. Far from every guide the automatic flow takes over.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.csgraph import dijkstra

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask

GRID_SIZE = 96
"""Longer side, in cells, of the grid on which hints are spread."""
HINT_SIGMA = 0.12
"""Standard deviation of a hint's weight, as a fraction of the image's longer side."""
BALANCE_DISTANCE = 2.5
"""Distance, in units of HINT_SIGMA, at which the automatic flow and a hint count equally."""
SNAP_DISTANCE = 0.03
"""A guide this close to a region, as a fraction of the longer side, belongs to it."""
HINTS_PER_GUIDE = 24
"""Number of hints sampled along a guide."""
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Row and column offsets to half of the eight neighbors of a cell."""


@dataclass(frozen=True)
class Hints:
    """Sparse values.

    Attributes:
        pixels: (n, 2) positions x, y in pixels.
        values: (n, C) value at each position, such as direction times speed.
    """

    pixels: FloatArray
    values: FloatArray


def resample(guide: FloatArray, count: int = HINTS_PER_GUIDE) -> FloatArray:
    """Resample a guide at `count` + 1 positions of equal distance in pixels.

    Args:
        guide: (m, 3) rows x, y, speed; repeated and infinite points are ignored.
        count: Number of segments.

    Returns (count + 1, 3), or (0, 3) if less than a line is left.
    """
    finite = guide[np.isfinite(guide).all(axis=1)]
    step = np.linalg.norm(np.diff(finite[:, :2], axis=0), axis=1)
    distinct = finite[np.concatenate([[True], step > 1e-6])] if len(finite) else finite
    if len(distinct) < 2:
        return np.zeros((0, 3), np.float32)
    distance_along = np.concatenate(
        [[0], np.cumsum(np.linalg.norm(np.diff(distinct[:, :2], axis=0), axis=1))]
    )
    positions = np.linspace(0.0, distance_along[-1], count + 1)
    return np.stack(
        [np.interp(positions, distance_along, distinct[:, c]) for c in range(3)], -1
    ).astype(np.float32)


def spread_hints(hints: Hints, automatic: FloatArray, region: Mask) -> FloatArray:
    """Spread hints over a region.

    Args:
        hints: Sparse values with C channels.
        automatic: (H, W, C) values far from the hints. Returned unchanged outside the region and in
            connected parts of it without hints.
        region: (H, W) mask.
    """
    height, width = region.shape
    cell = max(max(height, width) / GRID_SIZE, 1.0)
    size = (max(round(width / cell), 1), max(round(height / cell), 1))
    coarse = cv2.resize(region.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.25
    scale = np.array([size[0] / width, size[1] / height], np.float32)
    cells, used = _hint_cells(hints.pixels * scale, coarse, SNAP_DISTANCE * max(size))
    if not len(cells):
        return automatic
    weight = _weights(cells, coarse, HINT_SIGMA * max(size))
    total = weight.sum(axis=0)
    hint_mean = np.tensordot(hints.values[used].T, weight, axes=1) / np.maximum(total, 1e-30)
    hint_weight = total / (total + np.exp(-(BALANCE_DISTANCE**2)))
    upsampled = [
        _upsampled(channel, coarse, (width, height)) for channel in (*hint_mean, hint_weight)
    ]
    hinted = np.stack(upsampled[:-1], axis=-1)
    applied = (upsampled[-1] * region)[..., None]
    return (automatic * (1 - applied) + hinted * applied).astype(np.float32)


def _hint_cells(pixels: FloatArray, coarse: Mask, max_distance: float) -> tuple[NDArray, NDArray]:
    """Return the grid cells (n, 2) nearest to positions in the region, and their indices."""
    if not coarse.any():
        return np.zeros((0, 2), int), np.zeros(0, int)
    distance, nearest = ndimage.distance_transform_edt(~coarse, return_indices=True)
    height, width = coarse.shape
    column, row = np.floor(pixels).astype(int).T
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    used = np.flatnonzero(inside)
    used = used[distance[row[used], column[used]] <= max_distance]
    return nearest[:, row[used], column[used]].T, used


def _weights(cells: NDArray, coarse: Mask, sigma: float) -> FloatArray:
    """Return Gaussian weights (n, h, w) of the distance to cells (n, 2) within the region."""
    cell_index = np.full(coarse.shape, -1)
    cell_index[coarse] = np.arange(coarse.sum())
    distance = dijkstra(_graph(cell_index), directed=False, indices=cell_index[tuple(cells.T)])
    weight = np.zeros((len(cells), *coarse.shape), np.float32)
    weight[:, coarse] = np.exp(-np.square(distance / sigma))
    return weight


def _graph(cell_index: NDArray) -> sparse.csr_matrix:
    """Return distances between neighboring cells; `cell_index` (h, w) is -1 outside the region."""
    height, width = cell_index.shape
    rows, columns, lengths = [], [], []
    for down, right in _STEPS:
        first = cell_index[: height - down, max(-right, 0) : width - max(right, 0)]
        second = cell_index[down:, max(right, 0) : width + min(right, 0)]
        connected = (first >= 0) & (second >= 0)
        rows.append(first[connected])
        columns.append(second[connected])
        lengths.append(np.full(connected.sum(), np.hypot(down, right)))
    count = int(cell_index.max()) + 1
    entries = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_matrix((np.concatenate(lengths), entries), shape=(count, count))


def _upsampled(channel: FloatArray, coarse: Mask, size: tuple[int, int]) -> FloatArray:
    """Extend a channel (h, w) beyond the region and enlarge it to `size` (width, height)."""
    nearest = ndimage.distance_transform_edt(~coarse, return_distances=False, return_indices=True)
    filled = channel[tuple(nearest)].astype(np.float32)
    return cv2.resize(filled, size, interpolation=cv2.INTER_LINEAR)
