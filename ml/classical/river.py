"""The way of a river: the middle of water that has one width in the scene, from far to near.

A river of constant width lies in perspective: its rows get wider as they come nearer, in proportion
to their distance from the horizon. Lakes and the sea don't, and end at the picture's sides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...geometry.core.camera import FloatArray
from .plane_flow import Plane

Mask = NDArray[np.bool_]

LEAST_AREA = 0.004
LEAST_HEIGHT = 0.12
"""Of the picture: smaller pieces, and those of fewer rows, tell no way."""
MOST_UNEVEN = 0.35
"""Standard deviation of the width in the scene, beside its mean, up to which it is one width."""
MOST_CUT = 0.5
"""Share of rows that may end at the picture's side."""
NEAREST_HORIZON = 0.04
EVERY = 0.03
"""Distance from one row to the next of the line, as a share of the picture's height."""


def river_lines(water: Mask, plane: Plane) -> list[FloatArray]:
    """Lines (n, 3), rows x, y, 1, along the middle of every river in a mask (H, W), toward us."""
    labels, count = ndimage.label(water)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    large = [k for k in range(1, count + 1) if sizes[k] > LEAST_AREA * water.size]
    lines = (_line(labels == k, plane) for k in large)
    return [line for line in lines if line is not None]


def _line(piece: Mask, plane: Plane) -> FloatArray | None:
    """The middle of one piece of water, None where it isn't a river."""
    height, width = piece.shape
    near = plane.nearness(np.arange(height, dtype=np.float32) + 0.5)
    rows = np.flatnonzero(piece.any(axis=1) & (near > NEAREST_HORIZON))
    if len(rows) < max(LEAST_HEIGHT * height, 3):
        return None
    runs = np.array([_longest_run(piece[row]) for row in rows])
    outpainted = runs[:, 1] - runs[:, 0]
    cut = ((runs[:, 0] == 0) | (runs[:, 1] == width)).mean()
    in_scene = outpainted / near[rows]
    if cut > MOST_CUT or in_scene.std() > MOST_UNEVEN * in_scene.mean():
        return None
    middle = ndimage.gaussian_filter1d(runs.mean(axis=1), max(EVERY * height, 1.0))
    kept = slice(None, None, max(round(EVERY * height), 1))
    y = rows[kept] + 0.5
    return np.stack([middle[kept], y, np.ones(len(y))], axis=-1).astype(np.float32)


def _longest_run(row: Mask) -> tuple[int, int]:
    """Start and end of the longest run of a row (W,) that has one."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
    starts, ends = steps[::2], steps[1::2]
    longest = int(np.argmax(ends - starts))
    return int(starts[longest]), int(ends[longest])
