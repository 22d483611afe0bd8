"""The layered depth image: depth intervals, what each layer sees, and the depth of what it invents.

A layered depth image has L layers over the wide photo, layer 0 nearest. Layer i holds pixels of
depth bins[i] <= depth < bins[i + 1]; each layer but the first continues behind the layers before
it, and the last is complete (paper, section 3.3).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray

Mask = NDArray[np.bool_]

MIN_DISPARITY = 0.01
END_SLACK = 1e-4
PUSH_BACK = 1.01


def depth_from_disparity(disparity: FloatArray) -> FloatArray:
    """Depth (scene units, 1 nearest to 100 farthest) of a disparity 0..1, of any shape."""
    return (1.0 / np.maximum(disparity, MIN_DISPARITY)).astype(np.float32)


def bins_from_clusters(disparity: NDArray[np.floating], labels: NDArray[np.integer]) -> FloatArray:
    """Ascending depth bins (L + 1,) from clustered disparities (paper, eq. 2).

    disparity, labels: (n,) samples and their clusters. Each cluster reaches to the depth of its
    lowest disparity; the ends are opened by 1e-4.
    """
    lowest = sorted((disparity[labels == c].min() for c in np.unique(labels)), reverse=True)
    edges = depth_from_disparity(np.asarray(lowest[:-1], np.float32)) * np.float32(1 + END_SLACK)
    ends = depth_from_disparity(np.array([disparity.max(), disparity.min()], np.float32))
    first, last = ends[0] - END_SLACK, ends[1] + END_SLACK
    inner = np.unique(edges[(edges > first) & (edges < last)])
    return np.concatenate([[first], inner, [last]]).astype(np.float32)


def layer_of_depth(depth: FloatArray, bins: FloatArray) -> NDArray[np.int32]:
    """Index of the layer that a depth (any shape) falls into; beyond the ends counts as the end."""
    return np.searchsorted(bins[1:-1], depth, side="right").astype(np.int32)


def layer_context(visible: Mask, margin: int) -> Mask:
    """Pixels (H, W) that a layer may learn from when it is continued (paper, eq. 3).

    visible: what is seen of the layer and of all behind it. Eroded by `margin` pixels, because
    pixels at a silhouette mix foreground and background; the picture's own border does not erode.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * (margin // 2) + 1,) * 2)
    eroded = cv2.erode(visible.astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE)
    return eroded.astype(bool)


def remap_layer_depth(estimate: FloatArray, member: Mask, near: float, far: float) -> FloatArray:
    """The paper's own layer depth (eq. 5): the layer's depths stretched linearly to [near, far]."""
    values = estimate[member]
    if not values.size:
        return np.full_like(estimate, far)
    low, high = float(values.min()), float(values.max())
    scale = (far - near) / max(high - low, 1e-6)
    return np.clip((estimate - low) * scale + near, near, far).astype(np.float32)


def align_layer_depth(
    estimate: FloatArray, seen_disparity: FloatArray, seen: Mask, near: float, far: float
) -> FloatArray:
    """Depth (H, W) of a layer: seen depth exactly, the invented fitted to it.

    estimate: disparity that the depth stage gives for the layer's completed picture;
    seen_disparity: disparity of the photo, valid where `seen`. The estimate is fitted to the seen
    by scale and shift, then what is left of the misfit at the border of the hole is carried
    smoothly into it, so that the invented part meets its surroundings without a step; at last it
    is clamped into the layer's depths [near, far].
    """
    scale, shift = fit_scale_shift(estimate[seen], seen_disparity[seen])
    fitted = scale * estimate + shift
    misfit = spread_inward(seen_disparity - fitted, seen)
    inpainted = depth_from_disparity(np.clip(fitted + misfit, 1.0 / far, 1.0 / near))
    return np.where(seen, depth_from_disparity(seen_disparity), np.clip(inpainted, near, far))


def fit_scale_shift(estimate: FloatArray, truth: FloatArray) -> tuple[float, float]:
    """Least-squares scale >= 0 and shift that take `estimate` (n,) to `truth` (n,)."""
    if estimate.size == 0:
        return 1.0, 0.0
    spread = float(estimate.var())
    if spread < 1e-10:
        return 1.0, float(truth.mean() - estimate.mean())
    covariance = float(((estimate - estimate.mean()) * (truth - truth.mean())).mean())
    scale = max(covariance / spread, 0.0)
    return scale, float(truth.mean() - scale * estimate.mean())


def spread_inward(values: FloatArray, observed: Mask, iterations: int = 40) -> FloatArray:
    """Carry `values` (H, W), valid where `known`, smoothly into the rest (membrane).

    A pull-push pyramid gives the start, Jacobi steps smooth it inside the hole. Known values come
    back unchanged; where nothing is known the result is zero.
    """
    if observed.all() or not observed.any():
        return np.where(observed, values, 0.0).astype(np.float32)
    filled = _pull_push(
        np.where(observed, values, 0.0).astype(np.float32), observed.astype(np.float32)
    )
    for _ in range(iterations):
        filled = np.where(
            observed, values, cv2.blur(filled, (3, 3), borderType=cv2.BORDER_REPLICATE)
        )
    return filled.astype(np.float32)


def _pull_push(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Weighted averages from coarser and coarser halves fill where the weight is zero."""
    height, width = values.shape
    if weight.min() > 0 or min(height, width) < 2:
        return (values / np.maximum(weight, 1e-9)).astype(np.float32)
    size = ((width + 1) // 2, (height + 1) // 2)
    coarse_weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    coarse_value = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    confident = np.minimum(coarse_weight * 4.0, 1.0)
    scale = np.where(coarse_weight > 0, confident / np.maximum(coarse_weight, 1e-9), 0.0)
    coarse = _pull_push((coarse_value * scale).astype(np.float32), confident.astype(np.float32))
    up = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return (values + (1.0 - weight) * up).astype(np.float32)
