"""Pieces of a picture of one colour each: Ward clustering of pixels that touch."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering
from sklearn.feature_extraction.image import grid_to_graph

from ...geometry.core.camera import FloatArray

WORK_SIZE = 112
POSITION_WEIGHT = 12.0
"""The picture's longer side counts as this much difference of colour (CIELAB)."""


def segment(image: FloatArray, mask: NDArray[np.bool_], count: int) -> NDArray[np.int32]:
    """Cut the masked part of an image (H, W, 3) into at most `count` connected pieces.

    Works on a small copy; returns labels (h, w) of that copy, -1 outside of the mask.
    """
    height, width = image.shape[:2]
    scale = min(1.0, WORK_SIZE / max(height, width))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    small = cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    labels = np.full(inside.shape, -1, np.int32)
    total = int(inside.sum())
    if total == 0:
        return labels
    if total <= 2:
        labels[inside] = 0
        return labels
    features = _features(small)[inside]
    graph = grid_to_graph(*inside.shape, mask=inside)
    ward = AgglomerativeClustering(n_clusters=min(count, total), linkage="ward", connectivity=graph)
    labels[inside] = ward.fit_predict(features)
    return labels


def _features(small: FloatArray) -> FloatArray:
    height, width = small.shape[:2]
    lab = cv2.medianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2Lab), 3)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    place = np.stack([rows, columns], -1) * (POSITION_WEIGHT / max(height, width))
    return np.concatenate([lab, place], -1).astype(np.float32)
