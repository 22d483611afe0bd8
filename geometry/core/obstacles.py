"""What the camera must not fly into: the distance from any position to the nearest points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .camera import FloatArray
from .camera_path import CameraPath, sampled_path
from .packages import load_scipy
from .travel import Values

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

REQUIRES = ("scipy",)

CLEARANCE = 0.2
"""Default distance, in scene units, that a camera keeps from points; the nearest point is 1 away.
"""
CELLS = 10
"""Cells per clearance, along each axis, to which the points are thinned."""
START_FRACTION = 0.9
"""The clearance is at most this fraction of the distance at the photo's pose."""
SAMPLES = 48
"""Poses along a path at which the clearance is tested."""


@dataclass(frozen=True, eq=False)
class Obstacles:
    """Points near the photo's camera, thinned to one per cell.

    Attributes:
        tree: The points, in scene units and the camera frame.
        cell: Edge length of a cell in scene units.
        clearance: Distance in scene units that the camera has to keep. Smaller than requested if
            the photo itself was taken closer to something.
    """

    tree: cKDTree
    cell: float
    clearance: float

    @classmethod
    def near(cls, points: FloatArray, reach: float, clearance: float = CLEARANCE) -> Obstacles:
        """Collect the points (P, 3) within `reach` scene units of the photo's camera.

        Raises MissingPackageError without SciPy.
        """
        tree_of = load_scipy("spatial").cKDTree
        near = points[np.einsum("ij,ij->i", points, points) < reach**2]
        cell = clearance / CELLS
        keys = np.floor(near / cell).astype(np.int64) + (1 << 20)
        packed = (keys[:, 0] << 42) | (keys[:, 1] << 21) | keys[:, 2]
        tree = tree_of(near[np.unique(packed, return_index=True)[1]])
        at_start = float(cls(tree, cell, 0.0).distance(np.zeros((1, 3)))[0])
        return cls(tree, cell, min(clearance, START_FRACTION * at_start))

    def distance(self, positions: Values | FloatArray, limit: float = np.inf) -> Values:
        """Return lower bounds (n,) of the distances from positions (n, 3) to the nearest point.

        A bound is at most a cell's diagonal below the distance, because a point that was thinned
        out may be nearer than the one that was kept. It is inf from `limit` on.
        """
        if self.tree.n == 0:
            return np.full(len(positions), np.inf)
        slack = np.sqrt(3.0) * self.cell
        distance = self.tree.query(positions, distance_upper_bound=limit + slack)[0]
        return np.maximum(distance - slack, 0.0)

    def clear_of(self, path: CameraPath) -> bool:
        """Whether a camera on the path's curve keeps the clearance everywhere."""
        positions = sampled_path(path, SAMPLES).positions
        return bool((self.distance(positions, 2 * self.clearance) >= self.clearance).all())
