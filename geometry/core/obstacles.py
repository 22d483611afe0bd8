"""What a flying camera must not run into: the distance from any place to the nearest points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .camera import FloatArray
from .camera_path import CameraPath, sampled_path
from .travel import Values

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

CLEARANCE = 0.2
"""Scene units that a camera keeps from points unless told otherwise; the nearest is 1 away."""
CELLS = 10
START_SHARE = 0.9
SAMPLES = 48


@dataclass(frozen=True, eq=False)
class Obstacles:
    """Points of a cloud near the photo's camera, thinned to one in a cell of `cell` scene units;
    clearance: scene units that a camera has to keep; less than asked where it starts nearer."""

    tree: cKDTree
    cell: float
    clearance: float

    @classmethod
    def near(cls, points: FloatArray, reach: float, clearance: float = CLEARANCE) -> Obstacles:
        """The points (P, 3) within `reach` scene units of the photo's camera."""
        from scipy.spatial import cKDTree  # here, because enabling the add-on must not load SciPy

        near = points[np.einsum("ij,ij->i", points, points) < reach**2]
        cell = clearance / CELLS
        keys = np.floor(near / cell).astype(np.int64) + (1 << 20)
        packed = (keys[:, 0] << 42) | (keys[:, 1] << 21) | keys[:, 2]
        tree = cKDTree(near[np.unique(packed, return_index=True)[1]])
        at_start = float(cls(tree, cell, 0.0).distance(np.zeros((1, 3)))[0])
        return cls(tree, cell, min(clearance, START_SHARE * at_start))

    def distance(self, places: Values | FloatArray, most: float = np.inf) -> Values:
        """Least distance (n,) from places (n, 3) to any point, or a little less: a left-out point
        may be nearer than the one that stands for its cell. inf from `most` on."""
        if self.tree.n == 0:
            return np.full(len(places), np.inf)
        slack = np.sqrt(3.0) * self.cell
        found = self.tree.query(places, distance_upper_bound=most + slack)[0]
        return np.maximum(found - slack, 0.0)

    def clear_of(self, path: CameraPath) -> bool:
        """Whether a camera on the path's curve keeps the clearance."""
        return bool(
            (
                self.distance(sampled_path(path, SAMPLES).positions, 2 * self.clearance)
                >= self.clearance
            ).all()
        )
