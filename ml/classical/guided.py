"""Edge-aware filters: the guided filter and the fast global smoother."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray


def box(values: FloatArray, radius: int) -> FloatArray:
    """Return the mean of `values` (H, W) over squares of side 2 * radius + 1, borders reflected."""
    size = 2 * radius + 1
    return cv2.blur(values, (size, size), borderType=cv2.BORDER_REFLECT)


def guided_filter(guide: FloatArray, values: FloatArray, radius: int, eps: float) -> FloatArray:
    """Filter a map so that its edges follow those of an image.

    He, Sun and Tang, Guided Image Filtering (2013), with a color guide, eq. 14-16.

    Args:
        guide: (H, W, 3) the image, 0..1.
        values: (H, W) the map, 0..1.
        radius: Radius of the filter's window in pixels.
        eps: Regularization in squared color units; larger values smooth more.
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
    """Smooth a map by weighted least squares, stopping where links between pixels are weak.

    Min et al., Fast Global Image Smoothing Based on Weighted Least Squares (2014), algorithm 1.

    Args:
        values: (H, W) the map.
        right: (H, W-1) link weights 0..1 between horizontal neighbors.
        down: (H-1, W) link weights 0..1 between vertical neighbors.
        strength: Smoothing, in squared pixels.
        confidence: (H, W) weight of each value (eq. 11); 1 by default.
        iterations: Number of alternating passes over rows and columns.
    """
    if confidence is None:
        confidence = np.ones_like(values)
    stack = np.stack([values * confidence, confidence]).astype(np.float64)
    for i in range(iterations):
        strength_i = 1.5 * 4 ** (iterations - i - 1) / (4**iterations - 1) * strength
        stack = _solve_rows(stack, right, strength_i)
        transposed = np.ascontiguousarray(stack.transpose(0, 2, 1))
        stack = _solve_rows(transposed, down.T, strength_i).transpose(0, 2, 1)
    return (stack[0] / np.maximum(stack[1], 1e-9)).astype(np.float32)


def _solve_rows(
    stack: NDArray[np.float64], link: FloatArray, strength: float
) -> NDArray[np.float64]:
    """Solve (I + strength * Laplacian) x = stack along the last axis for all rows at once.

    Uses the Thomas algorithm for tridiagonal systems; `link` (rows, width - 1).
    """
    width = stack.shape[2]
    if width < 2:
        return stack
    off_diagonal = -strength * np.ascontiguousarray(link.T, np.float64)
    diagonal = np.ones((width, stack.shape[1]))
    diagonal[:-1] -= off_diagonal
    diagonal[1:] -= off_diagonal
    x = np.ascontiguousarray(stack.transpose(2, 0, 1))
    ratio = np.empty_like(off_diagonal)
    ratio[0] = off_diagonal[0] / diagonal[0]
    x[0] /= diagonal[0]
    for i in range(1, width):
        pivot = diagonal[i] - off_diagonal[i - 1] * ratio[i - 1]
        if i < width - 1:
            ratio[i] = off_diagonal[i] / pivot
        x[i] = (x[i] - off_diagonal[i - 1] * x[i - 1]) / pivot
    for i in range(width - 2, -1, -1):
        x[i] -= ratio[i] * x[i + 1]
    return x.transpose(1, 2, 0)
