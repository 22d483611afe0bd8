"""When a camera that rides a Bezier curve with an ease passes the points of the curve.

Time u and traveled share s of the curve both run from 0 to 1; s = ease(u). The eases are those
cubics that start and end at rest, or not: s = u, 3u^2 - 2u^3, u^2 and 2u - u^2.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Ease = Literal["LINEAR", "EASE", "EASE_IN", "EASE_OUT"]
SAMPLES = 64
_SMALLEST = 1e-6


def ease_time(share: Values, ease: Ease = "EASE") -> Values:
    """Time u (...) at which ease(u) is `share` (...), 0..1."""
    share = np.clip(share, 0.0, 1.0)
    if ease == "LINEAR":
        return share
    if ease == "EASE_IN":
        return np.sqrt(share)
    if ease == "EASE_OUT":
        return 1.0 - np.sqrt(1.0 - share)
    return 0.5 - np.sin(np.arcsin(1.0 - 2.0 * share) / 3.0)


def ease_speed(time: Values, ease: Ease = "EASE") -> Values:
    """Derivative of the ease at u (...)."""
    if ease == "LINEAR":
        return np.ones_like(time)
    if ease == "EASE_IN":
        return 2.0 * time
    if ease == "EASE_OUT":
        return 2.0 * (1.0 - time)
    return 6.0 * time * (1.0 - time)


def bezier_samples(points: Values, left: Values, right: Values) -> Values:
    """Places (n - 1, SAMPLES + 1, 3) at even parameters of each piece of a Bezier curve.

    points, left, right (n, 3): control points and their handles, n >= 2.
    """
    u = np.linspace(0.0, 1.0, SAMPLES + 1)[None, :, None]
    a, b, c, d = (v[:, None] for v in (points[:-1], right[:-1], left[1:], points[1:]))
    return a * (1 - u) ** 3 + 3 * b * u * (1 - u) ** 2 + 3 * c * u**2 * (1 - u) + d * u**3


def traveled_fractions(samples: Values) -> Values:
    """Share of the length traveled at samples (m, SAMPLES + 1, 3) of a curve's pieces, which meet.

    Returns (m * SAMPLES + 1,), rising from 0 to 1; evenly spaced where the curve has no length.
    """
    steps = np.linalg.norm(np.diff(samples, axis=1), axis=-1).ravel()
    traveled = np.concatenate([[0.0], np.cumsum(steps)])
    if traveled[-1] < _SMALLEST:
        return np.linspace(0.0, 1.0, len(traveled))
    return traveled / traveled[-1]


def point_fractions(points: Values, left: Values, right: Values) -> Values:
    """Share of a Bezier curve's length traveled at each of its points.

    points, left, right (n, 3): control points and their handles, n >= 2. Returns (n,), rising from
    0 to 1; evenly spaced where the curve has no length.
    """
    return traveled_fractions(bezier_samples(points, left, right))[::SAMPLES]


def parameter_at(points: Values, left: Values, right: Values, share: float) -> tuple[int, float]:
    """The piece of a Bezier curve, and the parameter 0..1 on it, where `share` is traveled."""
    traveled = traveled_fractions(bezier_samples(points, left, right))
    at = float(np.interp(share, traveled, np.arange(len(traveled)) / SAMPLES))
    piece = min(int(at), len(points) - 2)
    return piece, at - piece


def timed_values(
    values: Values, shares: Values, ease: Ease = "EASE"
) -> tuple[Values, Values, Values]:
    """Keys of a quantity that has values (n, C) where shares (n,) of the path are traveled.

    Returns times (m,), values (m, C) and their slopes (m, C) per unit of time u, such that cubic
    Hermite interpolation follows the ease: exactly where the quantity is linear in the share. Of
    points at the same place only the last counts; at the start of the path only the first.
    """
    kept = np.flatnonzero(np.append(np.diff(shares) > _SMALLEST, True))
    kept[0] = 0
    values, shares = values[kept], shares[kept]
    time = ease_time(shares, ease)
    slopes = np.gradient(values, shares, axis=0) * ease_speed(time, ease)[:, None]
    return time, values, slopes
