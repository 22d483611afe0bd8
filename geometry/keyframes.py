"""F-curves with explicit slopes, in slotted actions."""

from __future__ import annotations

import bpy
import numpy as np

from .core.travel import Values


def ensure_action(data: bpy.types.ID, name: str) -> bpy.types.Action:
    """Return the action that animates a data-block; create it, with a slot, if there is none."""
    animation = data.animation_data or data.animation_data_create()
    if animation.action is None:
        action = bpy.data.actions.new(name)
        animation.action = action
        animation.action_slot = action.slots.new(data.id_type, data.name)
    return animation.action


def curves_of(data: bpy.types.ID, path: str) -> list[bpy.types.FCurve]:
    """Return the F-curves of a property of a data-block; none if it isn't keyed."""
    return [curve for bag in _bags(data) for curve in bag.fcurves if curve.data_path == path]


def remove_curves(data: bpy.types.ID, path: str) -> None:
    """Remove the keys of a property; all others stay."""
    for bag in _bags(data):
        for curve in [curve for curve in bag.fcurves if curve.data_path == path]:
            bag.fcurves.remove(curve)


def _bags(data: bpy.types.ID) -> list[bpy.types.ActionChannelbag]:
    """Return the channelbags of a data-block's slot."""
    animation = data.animation_data
    if animation is None or animation.action is None or animation.action_slot is None:
        return []
    strips = (strip for layer in animation.action.layers for strip in layer.strips)
    bags = (strip.channelbag(animation.action_slot) for strip in strips)
    return [bag for bag in bags if bag is not None]


def animate(
    data: bpy.types.ID, path: str, index: int, frames: Values, values: Values, slopes: Values
) -> bpy.types.FCurve:
    """Key one number of a property with cubic Hermite pieces.

    A Bezier F-curve whose handles are at thirds of the interval between two keys is the Hermite
    cubic.

    Args:
        data: The data-block.
        path: RNA path of the property.
        index: Index of the number in an array property.
        frames: Frames (n,), rising, whole or not.
        values: Values (n,).
        slopes: Slopes (n,) in units per frame.
    """
    action = ensure_action(data, f"{data.name} Action")
    curve = action.fcurve_ensure_for_datablock(data, path, index=index)
    points = curve.keyframe_points
    points.add(len(frames))
    gaps = np.diff(frames) / 3.0
    before = np.concatenate([gaps[:1], gaps]) if len(gaps) else np.ones(1)
    after = np.concatenate([gaps, gaps[-1:]]) if len(gaps) else np.ones(1)
    columns = zip(points, frames, values, slopes, before, after, strict=True)
    for point, frame, value, slope, left, right in columns:
        point.interpolation = "BEZIER"
        # Aligned, not free: the motion stays smooth if the artist drags one handle.
        point.handle_left_type = point.handle_right_type = "ALIGNED"
        point.co = frame, value
        point.handle_left = frame - left, value - left * slope
        point.handle_right = frame + right, value + right * slope
    return curve
