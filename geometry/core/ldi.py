"""The layered depth image: depth intervals, the context of each layer, and inpainted depth.

A layered depth image has L layers over the outpainted photo, layer 0 nearest. Layer i holds the
pixels with bins[i] <= depth < bins[i + 1]. Each layer except the first continues behind the layers
in front of it, and the last one is complete (paper, section 3.3).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray

REQUIRES = ("cv2",)

Mask = NDArray[np.bool_]

MIN_DISPARITY = 0.01
"""Smallest disparity: a depth of 100 scene units."""
END_SLACK = 1e-4
"""By this much the intervals at both ends are opened."""
PUSH_BACK = 1.01
"""Factor on the depth of a layer that would lie in front of the layer before it."""


def depth_from_disparity(disparity: FloatArray) -> FloatArray:
    """Return the depth (scene units, 1 nearest to 100 farthest) of a disparity 0..1, any shape."""
    return (1.0 / np.maximum(disparity, MIN_DISPARITY)).astype(np.float32)


def bins_from_clusters(disparity: NDArray[np.floating], labels: NDArray[np.integer]) -> FloatArray:
    """Return ascending depth bins (L + 1,) of clustered disparities (paper, eq. 2).

    Each cluster extends to the depth of its lowest disparity; the ends are opened by 1e-4.

    Args:
        disparity: Samples (n,), 0..1.
        labels: Cluster (n,) of each sample.
    """
    lowest = sorted((disparity[labels == c].min() for c in np.unique(labels)), reverse=True)
    edges = depth_from_disparity(np.asarray(lowest[:-1], np.float32)) * np.float32(1 + END_SLACK)
    ends = depth_from_disparity(np.array([disparity.max(), disparity.min()], np.float32))
    first, last = ends[0] - END_SLACK, ends[1] + END_SLACK
    inner = np.unique(edges[(edges > first) & (edges < last)])
    return np.concatenate([[first], inner, [last]]).astype(np.float32)


def layer_of_depth(depth: FloatArray, bins: FloatArray) -> NDArray[np.int32]:
    """Return the layer of each depth (any shape); those beyond the ends are in the end layers."""
    return np.searchsorted(bins[1:-1], depth, side="right").astype(np.int32)


def layer_context(visible: Mask, margin: int) -> Mask:
    """Return the pixels (H, W) that serve as context when a layer is inpainted (paper, eq. 3).

    They are eroded, because pixels at a silhouette mix foreground and background. The image's own
    border does not erode.

    Args:
        visible: What the photo shows of the layer and all layers behind it, (H, W).
        margin: Erosion in pixels.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * (margin // 2) + 1,) * 2)
    eroded = cv2.erode(visible.astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE)
    return eroded.astype(bool)


def remap_layer_depth(estimate: FloatArray, member: Mask, near: float, far: float) -> FloatArray:
    """Stretch a layer's depth linearly to [near, far], as in the paper (eq. 5).

    Args:
        estimate: Estimated depth (H, W) in scene units.
        member: Pixels (H, W) of the layer.
        near, far: Depth interval of the layer in scene units.
    """
    values = estimate[member]
    if not values.size:
        return np.full_like(estimate, far)
    low, high = float(values.min()), float(values.max())
    scale = (far - near) / max(high - low, 1e-6)
    return np.clip((estimate - low) * scale + near, near, far).astype(np.float32)


def align_layer_depth(
    estimate: FloatArray, seen_disparity: FloatArray, seen: Mask, near: float, far: float
) -> FloatArray:
    """Return the depth (H, W) of a layer: observed depth unchanged, inpainted depth fitted to it.

    The estimate is fitted to the observed disparity by scale and shift. The remaining error at the
    border of the hole is spread smoothly into it, so that inpainted depth meets observed depth
    without a step. Last, inpainted depth is clamped to the layer's interval.

    Args:
        estimate: Disparity (H, W) that the depth stage estimates for the completed layer.
        seen_disparity: Disparity (H, W) of the photo, valid where `seen`.
        seen: Observed pixels (H, W).
        near, far: Depth interval of the layer in scene units.
    """
    scale, shift = fit_scale_shift(estimate[seen], seen_disparity[seen])
    fitted = scale * estimate + shift
    misfit = spread_inward(seen_disparity - fitted, seen)
    inpainted = depth_from_disparity(np.clip(fitted + misfit, 1.0 / far, 1.0 / near))
    return np.where(seen, depth_from_disparity(seen_disparity), np.clip(inpainted, near, far))


def fit_scale_shift(estimate: FloatArray, truth: FloatArray) -> tuple[float, float]:
    """Return the least-squares scale >= 0 and shift that map `estimate` (n,) to `truth` (n,)."""
    if estimate.size == 0:
        return 1.0, 0.0
    spread = float(estimate.var())
    if spread < 1e-10:
        return 1.0, float(truth.mean() - estimate.mean())
    covariance = float(((estimate - estimate.mean()) * (truth - truth.mean())).mean())
    scale = max(covariance / spread, 0.0)
    return scale, float(truth.mean() - scale * estimate.mean())


def spread_inward(values: FloatArray, observed: Mask, iterations: int = 40) -> FloatArray:
    """Extend `values` (H, W) smoothly from where they are observed into the rest (membrane).

    A pull-push pyramid gives the start, Jacobi iterations smooth it inside the hole. Observed
    values stay unchanged. If nothing is observed, the result is zero.
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
    """Fill pixels of weight 0 with weighted averages from a pyramid of halved images."""
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
