"""Brings a photograph's colors to sRGB by the ICC profile that lies in its file.

Phones write Display P3, cameras Adobe RGB: read as sRGB their colors come out pale. Source:
ICC.1:2010, sections 7 (profile), 10.5 and 10.15 (tone curves); IEC 61966-2-1 (sRGB). Profiles of
another kind than three primaries with tone curves (tables, CMYK, gray) are left alone.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from ...geometry.core.color import linear_to_srgb

Array = NDArray[np.float32]

# Linear sRGB from CIE XYZ under D50 (Bradford-adapted), the space in which profiles connect.
XYZ_TO_SRGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
_LEVELS = np.linspace(0.0, 1.0, 4096)
# How many numbers a parametric curve has, by its type (ICC.1, table 68).
_PARAMETER_COUNTS = (1, 3, 4, 5, 7)
_UNNOTICEABLE = 1.0 / 255.0


def to_srgb(image: Array, profile: bytes) -> Array | None:
    """(H, W, 3) float32 0..1 sRGB-encoded colors, clipped, of an image in a profile's space.

    None where the profile is sRGB's own (to half a level of 8 bits), damaged, or of another kind.
    """
    try:
        tags = _read_tags(profile)
        primaries = np.stack([_read_xyz(tags[f"{c}XYZ".encode()]) for c in "rgb"], axis=1)
        curves = [_read_curve(tags[f"{c}TRC".encode()]) for c in "rgb"]
    except (KeyError, IndexError, ValueError, struct.error):
        return None
    matrix = XYZ_TO_SRGB @ primaries
    probe = np.stack(np.meshgrid(*[np.linspace(0.0, 1.0, 5, dtype=np.float32)] * 3), axis=-1)
    if np.abs(_convert(probe, curves, matrix) - probe).max() < _UNNOTICEABLE:
        return None
    return _convert(image, curves, matrix)


def _convert(image: Array, curves: list[NDArray[np.float64]], matrix: NDArray[np.float64]) -> Array:
    linear = [np.interp(image[..., i], _LEVELS, curve) for i, curve in enumerate(curves)]
    mixed = np.stack(linear, axis=-1).astype(np.float32) @ matrix.T.astype(np.float32)
    return linear_to_srgb(mixed.clip(0.0, 1.0))


def _read_tags(profile: bytes) -> dict[bytes, bytes]:
    if profile[16:24] != b"RGB XYZ ":
        raise ValueError("not a profile of RGB colors by primaries")
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for at in range(132, 132 + 12 * min(count, 100), 12):
        name, offset, length = struct.unpack_from(">4sII", profile, at)
        tags[name] = profile[offset : offset + length]
    return tags


def _read_xyz(tag: bytes) -> NDArray[np.float64]:
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536.0


def _read_curve(tag: bytes) -> NDArray[np.float64]:
    """Linear light at the encoded values _LEVELS."""
    if tag[:4] == b"para":
        return _read_parametric(tag)
    if tag[:4] != b"curv":
        raise ValueError("not a tone curve")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return _LEVELS
    values = np.array(struct.unpack_from(f">{min(count, 65536)}H", tag, 12))
    if count == 1:
        return _LEVELS ** (values[0] / 256.0)
    return np.interp(_LEVELS, np.linspace(0.0, 1.0, len(values)), values / 65535.0)


def _read_parametric(tag: bytes) -> NDArray[np.float64]:
    """A curve (a x + b) ** g + e from d on, and c x + f before it; types 0 to 2 leave some out."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    count = _PARAMETER_COUNTS[kind]
    numbers = [number / 65536.0 for number in struct.unpack_from(f">{count}i", tag, 12)]
    g, a, b, c, d, e, f = numbers + [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0][count:]
    if a <= 0.0 or g <= 0.0:
        raise ValueError("not a rising curve")
    if kind < 3:  # flat before the root; their c is the offset
        c, d, e, f = 0.0, -b / a, c, c
    curved = np.maximum(a * _LEVELS + b, 0.0) ** g + e
    return np.where(d <= _LEVELS, curved, c * _LEVELS + f).clip(0.0, 1.0)
