"""Depth intervals by agglomerative clustering of disparity (paper, eq. 2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering

from ...geometry.core import ldi
from ...geometry.core.camera import FloatArray

STRIDE = 10
MAX_SAMPLES = 3000
DISTANCE_THRESHOLD = 5.0
"""The authors' threshold for an automatic number of layers."""


def sample(disparity: FloatArray) -> FloatArray:
    """Return disparities on a regular grid about 10 px apart, a few thousand at most, (n,).

    Ward clustering needs O(n^2) memory, so the grid widens with the image.
    """
    stride = max(STRIDE, int(np.ceil(np.sqrt(disparity.size / MAX_SAMPLES))))
    stride = max(1, min(stride, min(disparity.shape) // 4))
    return disparity[stride // 2 :: stride, stride // 2 :: stride].ravel()


def cluster_bins(samples: FloatArray, layers: int) -> FloatArray:
    """Return the bins (L + 1,) of disparity samples (n,) in at most `layers` clusters.

    0 layers means automatic, by the authors' distance threshold. An image with fewer distinct
    depths than layers gets fewer layers.
    """
    distinct = len(np.unique(np.round(samples, 4)))
    if distinct < 2 or layers == 1:
        labels: NDArray[np.integer] = np.zeros(len(samples), np.int64)
    else:
        labels = _model(layers, distinct).fit_predict(samples[:, None].astype(np.float64))
    return ldi.bins_from_clusters(samples, labels)


def _model(layers: int, distinct: int) -> AgglomerativeClustering:
    if layers == 0:
        return AgglomerativeClustering(
            n_clusters=None, distance_threshold=DISTANCE_THRESHOLD, linkage="ward"
        )
    return AgglomerativeClustering(n_clusters=min(layers, distinct), linkage="ward")
