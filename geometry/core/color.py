"""The sRGB transfer function (IEC 61966-2-1), between stored images and scene-linear light.

Photographs and all arrays of the worker are sRGB-encoded; Blender's color attributes are
scene-linear. The functions are inverse to each other up to float32 rounding, so an 8-bit image
comes back unchanged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray

_KNEE_ENCODED, _KNEE_LINEAR = 0.04045, 0.0031308
_SLOPE, _OFFSET, _GAMMA = 12.92, 0.055, 2.4


def srgb_to_linear(encoded: NDArray[np.floating]) -> FloatArray:
    """Decode sRGB values (...), 0..1, to linear light; negative values stay on the linear part."""
    value = np.asarray(encoded, np.float64)
    curve = ((np.maximum(value, 0.0) + _OFFSET) / (1.0 + _OFFSET)) ** _GAMMA
    return np.where(value <= _KNEE_ENCODED, value / _SLOPE, curve).astype(np.float32)


def linear_to_srgb(linear: NDArray[np.floating]) -> FloatArray:
    """Encode linear light (...) as sRGB, the inverse of `srgb_to_linear`."""
    value = np.asarray(linear, np.float64)
    curve = (1.0 + _OFFSET) * np.maximum(value, 0.0) ** (1.0 / _GAMMA) - _OFFSET
    return np.where(value <= _KNEE_LINEAR, value * _SLOPE, curve).astype(np.float32)
