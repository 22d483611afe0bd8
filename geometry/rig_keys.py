"""When the camera is where on its curve: the keys of the offset, and of what changes on the way.

A quantity such as the target's place belongs to shares of the curve; its keys stand at the frames
at which the camera passes these shares, so that other timing leaves what is seen where it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from .core.travel import Ease, Values, timed_values
from .keyframes import animate, curves_of, remove_curves

TURNING: dict[Ease, Ease] = {"LINEAR": "EASE_OUT", "EASE_IN": "EASE"}
"""There and back the camera turns round gently, whatever its ease at the start."""
_STEPS = 400


@dataclass(frozen=True)
class Timing:
    """From frame `first` to `last`. back: there and back, so that the frame after the last is the
    first again; round: once round a closed curve, likewise."""

    first: int
    last: int
    ease: Ease = "EASE"
    back: bool = False
    round: bool = False

    @property
    def outbound_ease(self) -> Ease:
        """The ease of the way there."""
        return TURNING.get(self.ease, self.ease) if self.back else self.ease

    @property
    def outbound_frames(self) -> float:
        """Frames from the curve's start to its end."""
        length = self.last - self.first
        if length <= 0:
            return 0.0
        return 0.5 * (length + 1) if self.back else float(length + self.round)


def key_offset(camera: bpy.types.Object, follow: bpy.types.Constraint, timing: Timing) -> None:
    """Key the camera's way along the whole curve, in place of the keys that are there."""
    ends = np.array([0.0, 1.0])
    follow.offset_factor = 0.0
    key_along(camera, offset_path(follow), ends[:, None], ends, timing)


def offset_path(follow: bpy.types.Constraint) -> str:
    """The path by which the offset's keys are found."""
    return f'constraints["{follow.name}"].offset_factor'


def key_along(
    data: bpy.types.ID, path: str, values: Values, shares: Values, timing: Timing
) -> None:
    """Key values (n, C) of a property for when `shares` (n,) of the curve are traveled.

    The keys that the property has are replaced.
    """
    remove_curves(data, path)
    time, values, slopes = timed_values(values, shares, timing.outbound_ease)
    length = timing.outbound_frames
    if length == 0:  # a single frame: the photo's
        time, values, slopes = time[:1], values[:1], slopes[:1]
    slopes = slopes / max(length, 1.0)
    at = timing.first + time * length
    if timing.back and length:
        at = np.concatenate([at, 2 * at[-1] - at[-2::-1]])
        values = np.concatenate([values, values[-2::-1]])
        slopes = np.concatenate([slopes, -slopes[-2::-1]])
    for index in range(values.shape[1]):
        animate(data, path, index, at, values[:, index], slopes[:, index])


def read_along(
    data: bpy.types.ID,
    path: str,
    camera: bpy.types.Object,
    follow: bpy.types.Constraint,
    end: float = 1.0,
) -> tuple[Values, Values] | None:
    """Values (n, C) of a keyed property at its keys on the way there, up to the share `end`.

    Returned with the shares (n,) of the curve to `end`. None where the property or the offset has
    no keys.
    """
    curves, offset = curves_of(data, path), curves_of(camera, offset_path(follow))
    if not curves or not offset:
        return None
    curves.sort(key=lambda curve: curve.array_index)
    frames, shares = outbound_keys(offset[0])
    first, last = frames[0], np.interp(end, shares, frames)
    keys = [point.co.x for curve in curves for point in curve.keyframe_points]
    at = np.unique([first, *(frame for frame in keys if first < frame < last), last])
    values = np.array([[curve.evaluate(frame) for curve in curves] for frame in at])
    return values, np.interp(at, frames, shares) / end


def outbound_keys(offset: bpy.types.FCurve) -> tuple[Values, Values]:
    """Frames (m,) from the offset's first key to its farthest place, and its shares (m,) there.

    The shares never fall: a pause or a step back by hand counts as standing still.
    """
    first, last = offset.range()
    frames = np.linspace(first, max(last, first + 1e-3), _STEPS)
    shares = np.array([offset.evaluate(frame) for frame in frames])
    end = int(shares.argmax()) + 1
    return frames[: max(end, 2)], np.maximum.accumulate(shares[: max(end, 2)])
