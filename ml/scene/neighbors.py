"""How much neighboring pixels of a map belong together, by how much their values differ."""

from __future__ import annotations

import numpy as np

from ...geometry.core.camera import FloatArray


def likeness(difference: FloatArray, step: float, power: int) -> FloatArray:
    """Return the weights (...), 0..1, of neighbors that differ by so much; a half at `step`."""
    return (1.0 / (1.0 + (difference / step) ** power)).astype(np.float32)


def neighbor_weights(
    values: FloatArray, inside: FloatArray, step: float, power: int, least: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Return the weights of the edges to the right (h, w-1) and down (h-1, w).

    Args:
        values: (h, w).
        inside: (h, w), 1 for the pixels that are connected, 0 for the others.
        step, power: See `likeness`.
        least: Added to the weights of connected neighbors.
    """
    right, below = (likeness(np.diff(values, axis=axis), step, power) + least for axis in (1, 0))
    return right * inside[:, 1:] * inside[:, :-1], below * inside[1:] * inside[:-1]
