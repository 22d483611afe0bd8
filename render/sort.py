"""Depth order of points: far to near, deterministic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray


def far_to_near(depth: FloatArray) -> NDArray[np.intp]:
    """Indices (P,) that sort positive finite depths (P,) from the farthest to the nearest.

    Of equal depths, the lowest index comes last and is drawn in front, as in the paper's renderer.
    Positive floats sort like their bits, and numpy's stable sort of 16-bit integers is a radix
    sort: two passes sort by all 32 bits.
    """
    bits = np.ascontiguousarray(depth, np.float32).view(np.uint32)
    by_low = np.argsort((bits & np.uint32(0xFFFF)).astype(np.uint16), kind="stable")
    high = (bits >> np.uint32(16)).astype(np.uint16)
    order = by_low[np.argsort(high[by_low], kind="stable")]
    return np.ascontiguousarray(order[::-1])
