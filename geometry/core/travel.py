"""When a camera that rides a Bezier curve with gentle ease passes the points of the curve.

Time u and travelled share s of the curve both run from 0 to 1; s = ease(u) starts and ends at rest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
_SAMPLES = 64
_SMALLEST = 1e-6


def ease_time(share: Values) -> Values:
    """Time u (...) at which ease(u) = 3u^2 - 2u^3 is `share` (...), 0..1."""
    return 0.5 - np.sin(np.arcsin(np.clip(1.0 - 2.0 * share, -1.0, 1.0)) / 3.0)


def ease_speed(time: Values) -> Values:
    """Derivative of the ease at u (...)."""
    return 6.0 * time * (1.0 - time)


def passing_shares(points: Values, left: Values, right: Values) -> Values:
    """Share of a Bezier curve's length travelled at each of its points.

    points, left, right (n, 3): control points and their handles, n >= 2. Returns (n,), rising from
    0 to 1; evenly spaced where the curve has no length.
    """
    u = np.linspace(0.0, 1.0, _SAMPLES + 1)[None, :, None]
    a, b, c, d = (v[:, None] for v in (points[:-1], right[:-1], left[1:], points[1:]))
    samples = a * (1 - u) ** 3 + 3 * b * u * (1 - u) ** 2 + 3 * c * u**2 * (1 - u) + d * u**3
    lengths = np.linalg.norm(np.diff(samples, axis=1), axis=-1).sum(axis=1)
    travelled = np.concatenate([[0.0], np.cumsum(lengths)])
    if travelled[-1] < _SMALLEST:
        return np.linspace(0.0, 1.0, len(points))
    return travelled / travelled[-1]


def timed_values(values: Values, shares: Values) -> tuple[Values, Values, Values]:
    """Keys of a quantity that has values (n, C) where shares (n,) of the path are travelled.

    Returns times (m,), values (m, C) and their slopes (m, C) per unit of time u, such that cubic
    Hermite interpolation follows the ease: exactly where the quantity is linear in the share. Of
    points at the same place only the last counts; at the start of the path only the first.
    """
    kept = np.flatnonzero(np.append(np.diff(shares) > _SMALLEST, True))
    kept[0] = 0
    values, shares = values[kept], shares[kept]
    time = ease_time(shares)
    slopes = np.gradient(values, shares, axis=0) * ease_speed(time)[:, None]
    return time, values, slopes
