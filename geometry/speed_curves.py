"""Keyed speeds: where the motion's speed, loop or direction change, time is their integral.

The node group knows only the present frame: played frames times the present rate would make the
motion leap back as soon as the rate falls. The difference between that product and the integral is
written into the modifier's hidden input "Time Correction" as plain keys, so that any frame renders
alone, on any machine, with or without this add-on's handlers.
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
_CLOSE = 1e-6


def correct_time(cloud: bpy.types.Object, scene: bpy.types.Scene) -> bool:
    """Write the correction that a cloud's keys ask for, or take it away; whether anything changed.

    scene: whose frame range counts where a curve has modifiers, and so no end.
    """
    modifier = modifier_of(cloud, ROLE_NAME)
    if modifier is None or CORRECTION not in modifier.node_group.interface.items_tree:
        return False
    curves = keyed(cloud, modifier)
    path = input_path(modifier, CORRECTION)
    own = curve_at(cloud, path)
    if not curves:
        return _removed(cloud, modifier, own)
    frames = np.arange(*frame_range(curves, scene), dtype=float)
    values = correction(frames, lambda at: rate_at(modifier, curves, at))
    if own is not None and _same(own, frames, values):
        return False
    _write(cloud, path, frames, values)
    return True


def correction(frames: Values, rate: Any) -> Values:
    """Integral of a rate from frame 1 less (frame - 1) times the rate.

    frames: (n,), rising by 1, frame 1 among them; rate: function of a frame, in loops a frame,
    integrated by Simpson's rule. Returns (n,) loops.
    """
    present = np.array([rate(f) for f in frames])
    middle = np.array([rate(f) for f in frames[:-1] + 0.5])
    steps = (present[:-1] + 4 * middle + present[1:]) / 6
    total = np.concatenate([[0.0], np.cumsum(steps)])
    total -= total[int(np.flatnonzero(frames == FIRST)[0])]
    return total - (frames - FIRST) * present


def rate_at(modifier: bpy.types.NodesModifier, curves: dict[str, Any], frame: float) -> float:
    """Loops a frame at a frame, by the curves and, for what isn't keyed, the inputs' values."""

    def value(name: str) -> float:
        curve = curves.get(name)
        return float(get_input(modifier, name)) if curve is None else curve.evaluate(frame)

    direction = -1.0 if value(REVERSE) >= 0.5 else 1.0
    return value(SPEED) * direction / max(int(value(LOOP_LENGTH)), 1)


def keyed(cloud: bpy.types.Object, modifier: bpy.types.NodesModifier) -> dict[str, Any]:
    """F-curves of the inputs on which the rate depends, by the inputs' names."""
    found = {n: curve_at(cloud, input_path(modifier, n)) for n in (SPEED, LOOP_LENGTH, REVERSE)}
    return {name: curve for name, curve in found.items() if curve is not None}


def curve_at(cloud: bpy.types.Object, path: str) -> bpy.types.FCurve | None:
    """The F-curve that animates a property of an object, None where there is none."""
    return next(iter(curves_of(cloud, path)), None)


def frame_range(curves: dict[str, Any], scene: bpy.types.Scene) -> tuple[int, int]:
    """First and one after the last frame between which the rate may change, with frame 1 in it."""
    ends = [end for curve in curves.values() for end in curve.range()]
    if any(curve.modifiers for curve in curves.values()):
        ends += [scene.frame_start, scene.frame_end]
    low, high = min([FIRST, *ends]), max([FIRST, *ends])
    return int(np.floor(low)), int(np.ceil(high)) + 2


def _same(curve: bpy.types.FCurve, frames: Values, values: Values) -> bool:
    if len(curve.keyframe_points) != len(frames):
        return False
    keys = np.empty(2 * len(frames), np.float32)
    curve.keyframe_points.foreach_get("co", keys)
    wanted = np.stack([frames, values], axis=1)
    return bool(np.allclose(keys.reshape(-1, 2), wanted, rtol=_CLOSE, atol=_CLOSE))


def _write(cloud: bpy.types.Object, path: str, frames: Values, values: Values) -> None:
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


def _removed(
    cloud: bpy.types.Object, modifier: bpy.types.NodesModifier, own: bpy.types.FCurve | None
) -> bool:
    if own is None:
        return False
    remove_curves(cloud, own.data_path)
    set_input(cloud, modifier, CORRECTION, 0.0)
    return True
