"""Centerlines of rivers: water of constant width in the scene, from far to near.

Seen in perspective, the rows of a river of constant width get wider in proportion to their distance
from the horizon. Those of lakes and the sea don't, and end at the sides of the image.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from .plane_flow import Plane

MIN_AREA = 0.004
"""Minimum area of a component of water, as a fraction of the image."""
MIN_HEIGHT = 0.12
"""Minimum height of a component of water, as a fraction of the image height."""
MAX_WIDTH_DEVIATION = 0.35
"""Maximum standard deviation of the width in the scene relative to its mean, for a constant
width."""
MAX_CUT = 0.5
"""Maximum fraction of rows that may end at a side of the image."""
MIN_NEARNESS = 0.04
"""Minimum nearness (see Plane) of a row that is used."""
ROW_STEP = 0.03
"""Distance between the rows of the centerline, as a fraction of the image height."""


def river_centerlines(water: Mask, plane: Plane) -> list[FloatArray]:
    """Return the centerlines of the rivers in a mask (H, W).

    Args:
        water: (H, W) mask.
        plane: The plane of the water.

    Returns an array (n, 3) for each river, rows x, y in pixels and 1, toward the viewer.
    """
    labels, count = ndimage.label(water)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    large = [k for k in range(1, count + 1) if sizes[k] > MIN_AREA * water.size]
    lines = (_centerline(labels == k, plane) for k in large)
    return [line for line in lines if line is not None]


def _centerline(component: Mask, plane: Plane) -> FloatArray | None:
    """Return the centerline of a component of water (H, W), or None if it isn't a river."""
    height, width = component.shape
    row_nearness = plane.nearness(np.arange(height, dtype=np.float32) + 0.5)
    rows = np.flatnonzero(component.any(axis=1) & (row_nearness > MIN_NEARNESS))
    if len(rows) < max(MIN_HEIGHT * height, 3):
        return None
    runs = np.array([_longest_run(component[row]) for row in rows])
    widths = runs[:, 1] - runs[:, 0]
    cut = ((runs[:, 0] == 0) | (runs[:, 1] == width)).mean()
    scene_widths = widths / row_nearness[rows]
    if cut > MAX_CUT or scene_widths.std() > MAX_WIDTH_DEVIATION * scene_widths.mean():
        return None
    middle = ndimage.gaussian_filter1d(runs.mean(axis=1), max(ROW_STEP * height, 1.0))
    selected = slice(None, None, max(round(ROW_STEP * height), 1))
    y = rows[selected] + 0.5
    return np.stack([middle[selected], y, np.ones(len(y))], axis=-1).astype(np.float32)


def _longest_run(row: Mask) -> tuple[int, int]:
    """Return start and end of the longest run of a row (W,) that has at least one."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
    starts, ends = steps[::2], steps[1::2]
    longest = int(np.argmax(ends - starts))
    return int(starts[longest]), int(ends[longest])
