"""Keyframes of the camera's offset along its curve, and of what changes along the curve.

A quantity such as the target's position belongs to fractions of the curve's length. Its keys are
set at the frames at which the camera passes these fractions, so that a change of timing doesn't
change what the camera shows at any place.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from .core.travel import Ease, Values, timed_values
from .keyframes import animate, curves_of, remove_curves

TURNING: dict[Ease, Ease] = {"LINEAR": "EASE_OUT", "EASE_IN": "EASE"}
"""Ease of the way out if the camera also comes back: it always turns around gently."""
_STEPS = 400
"""Samples of an offset curve."""


@dataclass(frozen=True)
class Timing:
    """When the camera travels along its curve.

    Attributes:
        first, last: First and last frame.
        ease: How it starts and stops.
        back: Whether it comes back, so that the frame after the last equals the first.
        round: Whether it goes once around a closed curve, likewise.
    """

    first: int
    last: int
    ease: Ease = "EASE"
    back: bool = False
    round: bool = False

    @property
    def outbound_ease(self) -> Ease:
        """Ease of the way out."""
        return TURNING.get(self.ease, self.ease) if self.back else self.ease

    @property
    def outbound_frames(self) -> float:
        """Frames that the camera takes from the curve's start to its end."""
        length = self.last - self.first
        if length <= 0:
            return 0.0
        return 0.5 * (length + 1) if self.back else float(length + self.round)


def key_offset(camera: bpy.types.Object, follow: bpy.types.Constraint, timing: Timing) -> None:
    """Key the camera's offset along the whole curve, replacing its keys."""
    ends = np.array([0.0, 1.0])
    follow.offset_factor = 0.0
    key_along(camera, offset_path(follow), ends[:, None], ends, timing)


def offset_path(follow: bpy.types.Constraint) -> str:
    """Return the RNA path of the offset, by which its F-curve is found."""
    return f'constraints["{follow.name}"].offset_factor'


def key_along(
    data: bpy.types.ID, path: str, values: Values, fractions: Values, timing: Timing
) -> None:
    """Key a property along the curve, replacing its keys.

    Args:
        data: Data-block that has the property.
        path: RNA path of the property.
        values: Values (n, C) of the property.
        fractions: Traveled fractions (n,) of the curve at which it has these values.
        timing: When the camera passes them.
    """
    remove_curves(data, path)
    time, values, slopes = timed_values(values, fractions, timing.outbound_ease)
    length = timing.outbound_frames
    if length == 0:  # a single frame, at the photo's pose
        time, values, slopes = time[:1], values[:1], slopes[:1]
    slopes = slopes / max(length, 1.0)
    frames = timing.first + time * length
    if timing.back and length:
        frames = np.concatenate([frames, 2 * frames[-1] - frames[-2::-1]])
        values = np.concatenate([values, values[-2::-1]])
        slopes = np.concatenate([slopes, -slopes[-2::-1]])
    for index in range(values.shape[1]):
        animate(data, path, index, frames, values[:, index], slopes[:, index])


def read_along(
    data: bpy.types.ID,
    path: str,
    camera: bpy.types.Object,
    follow: bpy.types.Constraint,
    end: float = 1.0,
) -> tuple[Values, Values] | None:
    """Read a keyed property at its keys on the way out, up to the fraction `end` of the curve.

    Returns its values (n, C) and the fractions (n,) of the shortened curve at which it has them;
    None if the property or the offset has no keys.
    """
    curves, offset = curves_of(data, path), curves_of(camera, offset_path(follow))
    if not curves or not offset:
        return None
    curves.sort(key=lambda curve: curve.array_index)
    frames, fractions = outbound_keys(offset[0])
    first, last = frames[0], np.interp(end, fractions, frames)
    keys = [point.co.x for curve in curves for point in curve.keyframe_points]
    at = np.unique([first, *(frame for frame in keys if first < frame < last), last])
    values = np.array([[curve.evaluate(frame) for curve in curves] for frame in at])
    return values, np.interp(at, frames, fractions) / end


def outbound_keys(offset: bpy.types.FCurve) -> tuple[Values, Values]:
    """Sample the offset from its first key to its maximum; returns frames and fractions (m,).

    The fractions never fall: keys by hand that pause or go back count as standing still.
    """
    first, last = offset.range()
    frames = np.linspace(first, max(last, first + 1e-3), _STEPS)
    fractions = np.array([offset.evaluate(frame) for frame in frames])
    end = int(fractions.argmax()) + 1
    return frames[: max(end, 2)], np.maximum.accumulate(fractions[: max(end, 2)])
