"""Edge-aware filters: guided filter and fast global smoother, shared by the built-in estimators."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray


def box(values: FloatArray, radius: int) -> FloatArray:
    """Mean of `values` (H, W) over a square of side 2 * radius + 1 pixels, borders reflected."""
    size = 2 * radius + 1
    return cv2.blur(values, (size, size), borderType=cv2.BORDER_REFLECT)


def guided_filter(guide: FloatArray, values: FloatArray, radius: int, eps: float) -> FloatArray:
    """Filter `values` (H, W) so that its edges follow those of `guide` (H, W, 3), both 0..1.

    He, Sun, Tang: Guided Image Filtering (2013), color guide, eq. 14-16. `radius` in pixels,
    `eps` in squared color units.
    """
    channels = [np.ascontiguousarray(guide[..., c]) for c in range(3)]
    means = [box(c, radius) for c in channels]
    mean_value = box(values, radius)
    sigma = np.empty((*values.shape, 3, 3), np.float32)
    cross = np.empty((*values.shape, 3, 1), np.float32)
    for i in range(3):
        cross[..., i, 0] = box(channels[i] * values, radius) - means[i] * mean_value
        for j in range(i, 3):
            product = box(channels[i] * channels[j], radius) - means[i] * means[j]
            sigma[..., i, j] = sigma[..., j, i] = product
    sigma += eps * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(sigma, cross)[..., 0]
    offset = mean_value - sum(slope[..., c] * means[c] for c in range(3))
    result = box(offset, radius)
    for c in range(3):
        result += box(np.ascontiguousarray(slope[..., c]), radius) * channels[c]
    return result


def global_smooth(
    values: FloatArray,
    right: FloatArray,
    down: FloatArray,
    strength: float,
    confidence: FloatArray | None = None,
    iterations: int = 3,
) -> FloatArray:
    """Weighted least squares smoothing of `values` (H, W) that stops where links are cut.

    Min et al.: Fast Global Image Smoothing Based on Weighted Least Squares (2014), algorithm 1.
    `right` (H, W-1) and `down` (H-1, W) are link weights 0..1 between neighbors, `strength` the
    smoothing in squared pixels, `confidence` (H, W) the weight of each given value (eq. 11).
    """
    if confidence is None:
        confidence = np.ones_like(values)
    stack = np.stack([values * confidence, confidence]).astype(np.float64)
    for i in range(iterations):
        share = 1.5 * 4 ** (iterations - i - 1) / (4**iterations - 1) * strength
        stack = _solve_rows(stack, right, share)
        turned = np.ascontiguousarray(stack.transpose(0, 2, 1))
        stack = _solve_rows(turned, down.T, share).transpose(0, 2, 1)
    return (stack[0] / np.maximum(stack[1], 1e-9)).astype(np.float32)


def _solve_rows(stack: NDArray[np.float64], link: FloatArray, share: float) -> NDArray[np.float64]:
    """Solve (I + share * Laplacian) x = stack along the last axis, all rows at once (Thomas)."""
    width = stack.shape[2]
    if width < 2:
        return stack
    off = -share * np.ascontiguousarray(link.T, np.float64)
    diagonal = np.ones((width, stack.shape[1]))
    diagonal[:-1] -= off
    diagonal[1:] -= off
    x = np.ascontiguousarray(stack.transpose(2, 0, 1))
    ratio = np.empty_like(off)
    ratio[0] = off[0] / diagonal[0]
    x[0] /= diagonal[0]
    for i in range(1, width):
        pivot = diagonal[i] - off[i - 1] * ratio[i - 1]
        if i < width - 1:
            ratio[i] = off[i] / pivot
        x[i] = (x[i] - off[i - 1] * x[i - 1]) / pivot
    for i in range(width - 2, -1, -1):
        x[i] -= ratio[i] * x[i + 1]
    return x.transpose(1, 2, 0)
