"""Keyed speed: if speed, loop length or direction are keyed, time is the integral of the rate.

The node group only knows the present frame. Frames times present rate would make the motion jump
back as soon as the rate falls. Therefore the difference between the integral and that product is
keyed on the modifier's hidden input "Time Correction". These are ordinary keys, so each frame can
be rendered alone, on any machine, without the add-on's handlers.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .keyframes import curves_of, ensure_action, remove_curves
from .nodes.animate import CORRECTION, LOOP_LENGTH, REVERSE, ROLE_NAME, SPEED
from .nodes.tree import get_input, input_path, modifier_of, set_input

Values = NDArray[np.float64]
FIRST = 1
"""Frame at which the loop begins."""
_CLOSE = 1e-6
"""Largest difference between keys that count as equal."""


def correct_time(cloud: bpy.types.Object, scene: bpy.types.Scene) -> bool:
    """Key the time correction that a cloud's other keys need, or remove it.

    scene: its frame range is used for F-curves with modifiers, which have no end.

    Returns whether anything changed.
    """
    modifier = modifier_of(cloud, ROLE_NAME)
    if modifier is None or CORRECTION not in modifier.node_group.interface.items_tree:
        return False
    curves = keyed(cloud, modifier)
    path = input_path(modifier, CORRECTION)
    own = curve_at(cloud, path)
    if not curves:
        return _remove(cloud, modifier, own)
    frames = np.arange(*frame_range(curves, scene), dtype=float)
    values = correction(frames, lambda at: rate_at(modifier, curves, at))
    if own is not None and _same(own, frames, values):
        return False
    _write(cloud, path, frames, values)
    return True


def correction(frames: Values, rate: Any) -> Values:
    """Return the integral of a rate from frame 1, minus (frame - 1) times the rate.

    Args:
        frames: Frames (n,), rising by 1 and including frame 1.
        rate: Function of a frame that returns loops per frame; integrated by Simpson's rule.

    Returns:
        Corrections (n,) in loops.
    """
    present = np.array([rate(f) for f in frames])
    middle = np.array([rate(f) for f in frames[:-1] + 0.5])
    steps = (present[:-1] + 4 * middle + present[1:]) / 6
    total = np.concatenate([[0.0], np.cumsum(steps)])
    total -= total[int(np.flatnonzero(frames == FIRST)[0])]
    return total - (frames - FIRST) * present


def rate_at(modifier: bpy.types.NodesModifier, curves: dict[str, Any], frame: float) -> float:
    """Return the loops per frame at a frame, from F-curves or, without one, the input's value."""

    def value(name: str) -> float:
        curve = curves.get(name)
        return float(get_input(modifier, name)) if curve is None else curve.evaluate(frame)

    direction = -1.0 if value(REVERSE) >= 0.5 else 1.0
    return value(SPEED) * direction / max(int(value(LOOP_LENGTH)), 1)


def keyed(cloud: bpy.types.Object, modifier: bpy.types.NodesModifier) -> dict[str, Any]:
    """Return the F-curves of the inputs on which the rate depends, by input name."""
    curves = {n: curve_at(cloud, input_path(modifier, n)) for n in (SPEED, LOOP_LENGTH, REVERSE)}
    return {name: curve for name, curve in curves.items() if curve is not None}


def curve_at(cloud: bpy.types.Object, path: str) -> bpy.types.FCurve | None:
    """Return the F-curve that animates a property of an object, or None."""
    return next(iter(curves_of(cloud, path)), None)


def frame_range(curves: dict[str, Any], scene: bpy.types.Scene) -> tuple[int, int]:
    """Return the range of frames, including frame 1, in which the rate may change.

    The end is exclusive.
    """
    ends = [end for curve in curves.values() for end in curve.range()]
    if any(curve.modifiers for curve in curves.values()):
        ends += [scene.frame_start, scene.frame_end]
    low, high = min([FIRST, *ends]), max([FIRST, *ends])
    return int(np.floor(low)), int(np.ceil(high)) + 2


def _same(curve: bpy.types.FCurve, frames: Values, values: Values) -> bool:
    """Whether a curve already has these keys."""
    if len(curve.keyframe_points) != len(frames):
        return False
    keys = np.empty(2 * len(frames), np.float32)
    curve.keyframe_points.foreach_get("co", keys)
    expected = np.stack([frames, values], axis=1)
    return bool(np.allclose(keys.reshape(-1, 2), expected, rtol=_CLOSE, atol=_CLOSE))


def _write(cloud: bpy.types.Object, path: str, frames: Values, values: Values) -> None:
    """Replace the keys of the correction by linear ones."""
    action = ensure_action(cloud, f"{cloud.name} Action")
    curve = action.fcurve_ensure_for_datablock(cloud, path)
    points = curve.keyframe_points
    points.clear()
    points.add(len(frames))
    points.foreach_set("co", np.stack([frames, values], axis=1).astype(np.float32).ravel())
    linear = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items["LINEAR"].value
    points.foreach_set("interpolation", np.full(len(frames), linear, np.int32))
    curve.hide = True
    curve.update()


def _remove(
    cloud: bpy.types.Object, modifier: bpy.types.NodesModifier, own: bpy.types.FCurve | None
) -> bool:
    """Remove the correction; return whether there was one."""
    if own is None:
        return False
    remove_curves(cloud, own.data_path)
    set_input(cloud, modifier, CORRECTION, 0.0)
    return True
