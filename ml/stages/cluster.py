"""Stage 3: depth intervals by agglomerative clustering (paper, eq. 2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering

from ...geometry.core import ldi
from ...geometry.core.camera import FloatArray
from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from .context import StageContext

STRIDE = 10
MAX_SAMPLES = 3000
DISTANCE_THRESHOLD = 5.0


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Cluster `back_disparity`.

    Returns `bins` (L + 1,), ascending depths, and `layer` (Hw, Ww) uint8, the layer that each
    pixel belongs to.

    The photo's own pixels alone decide where layers are cut: the ground that is invented below a
    photo would take the nearest layer for itself. The ends reach round the margins.
    """
    disparity = inputs["back_disparity"]
    top, right, bottom, left = (int(m) for m in inputs["margins"])
    height, width = disparity.shape
    photo = disparity[top : height - bottom, left : width - right]
    inner = cluster_bins(sample(photo), settings.layers)[1:-1]
    ends = ldi.depth_from_disparity(np.array([disparity.max(), disparity.min()], np.float32))
    first, last = ends[0] - ldi.END_SLACK, ends[1] + ldi.END_SLACK
    bins = np.concatenate([[first], inner, [last]]).astype(np.float32)
    layer = ldi.layer_of_depth(ldi.depth_from_disparity(disparity), bins)
    context.report(1.0)
    return {"bins": bins, "layer": layer.astype(np.uint8)}


def sample(disparity: FloatArray) -> FloatArray:
    """Disparities on a regular grid, about 10 px apart, at most a few thousand (n,).

    Ward clustering costs O(n^2) memory, so the grid widens with the picture.
    """
    stride = max(STRIDE, int(np.ceil(np.sqrt(disparity.size / MAX_SAMPLES))))
    stride = max(1, min(stride, min(disparity.shape) // 4))
    return disparity[stride // 2 :: stride, stride // 2 :: stride].ravel()


def cluster_bins(samples: FloatArray, layers: int) -> FloatArray:
    """Bins from disparity samples (n,): `layers` clusters, or automatic where it is 0.

    Automatic uses the authors' distance threshold of 5. A picture of fewer different depths than
    layers gets fewer layers.
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
