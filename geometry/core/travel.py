"""When a camera that follows a Bezier curve with an ease passes the points of the curve.

Time u and the traveled fraction s of the curve's length both run from 0 to 1, with s = ease(u):
s = u (LINEAR), 3u^2 - 2u^3 (EASE), u^2 (EASE_IN) or 2u - u^2 (EASE_OUT).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Ease = Literal["LINEAR", "EASE", "EASE_IN", "EASE_OUT"]
SAMPLES = 64
"""Straight pieces by which a piece of a curve is measured."""
_SMALLEST = 1e-6


def ease_time(fraction: Values, ease: Ease = "EASE") -> Values:
    """Return the times u (...) at which ease(u) equals `fraction` (...), 0..1."""
    fraction = np.clip(fraction, 0.0, 1.0)
    if ease == "LINEAR":
        return fraction
    if ease == "EASE_IN":
        return np.sqrt(fraction)
    if ease == "EASE_OUT":
        return 1.0 - np.sqrt(1.0 - fraction)
    return 0.5 - np.sin(np.arcsin(1.0 - 2.0 * fraction) / 3.0)


def ease_speed(time: Values, ease: Ease = "EASE") -> Values:
    """Return the derivative of the ease at times u (...)."""
    if ease == "LINEAR":
        return np.ones_like(time)
    if ease == "EASE_IN":
        return 2.0 * time
    if ease == "EASE_OUT":
        return 2.0 * (1.0 - time)
    return 6.0 * time * (1.0 - time)


def bezier_samples(points: Values, left: Values, right: Values) -> Values:
    """Return positions (n - 1, SAMPLES + 1, 3) at even parameters of a Bezier curve's pieces.

    points, left, right (n, 3): control points and their handles, n >= 2.
    """
    u = np.linspace(0.0, 1.0, SAMPLES + 1)[None, :, None]
    a, b, c, d = (v[:, None] for v in (points[:-1], right[:-1], left[1:], points[1:]))
    return a * (1 - u) ** 3 + 3 * b * u * (1 - u) ** 2 + 3 * c * u**2 * (1 - u) + d * u**3


def traveled_fractions(samples: Values) -> Values:
    """Return the traveled fraction of a curve at samples (m, SAMPLES + 1, 3) of its pieces.

    Returns (m * SAMPLES + 1,), rising from 0 to 1; evenly spaced if the curve has no length.
    """
    steps = np.linalg.norm(np.diff(samples, axis=1), axis=-1).ravel()
    traveled = np.concatenate([[0.0], np.cumsum(steps)])
    if traveled[-1] < _SMALLEST:
        return np.linspace(0.0, 1.0, len(traveled))
    return traveled / traveled[-1]


def point_fractions(points: Values, left: Values, right: Values) -> Values:
    """Return the fraction of a Bezier curve's length traveled at each of its control points.

    points, left, right (n, 3): control points and their handles, n >= 2. Returns (n,), rising from
    0 to 1; evenly spaced if the curve has no length.
    """
    return traveled_fractions(bezier_samples(points, left, right))[::SAMPLES]


def parameter_at(points: Values, left: Values, right: Values, fraction: float) -> tuple[int, float]:
    """Return the piece of a Bezier curve, and the parameter 0..1 on it, at `fraction` of it."""
    traveled = traveled_fractions(bezier_samples(points, left, right))
    at = float(np.interp(fraction, traveled, np.arange(len(traveled)) / SAMPLES))
    piece = min(int(at), len(points) - 2)
    return piece, at - piece


def timed_values(
    values: Values, fractions: Values, ease: Ease = "EASE"
) -> tuple[Values, Values, Values]:
    """Return keys of a quantity that depends on the traveled fraction of the path.

    Cubic Hermite interpolation of the keys follows the ease, exactly if the quantity is linear in
    the fraction. Of several points at the same fraction only the last counts, at the start of the
    path only the first.

    Args:
        values: Values (n, C) of the quantity.
        fractions: Traveled fractions (n,) where it has these values, rising.
        ease: How time depends on the fraction.

    Returns:
        Times u (m,), values (m, C) and their slopes (m, C) per unit of u.
    """
    kept = np.flatnonzero(np.append(np.diff(fractions) > _SMALLEST, True))
    kept[0] = 0
    values, fractions = values[kept], fractions[kept]
    time = ease_time(fractions, ease)
    slopes = np.gradient(values, fractions, axis=0) * ease_speed(time, ease)[:, None]
    return time, values, slopes
