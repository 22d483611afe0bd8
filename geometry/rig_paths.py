"""The camera's path as an editable Bezier curve: make, replace, read and cut it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from .core.camera import FloatArray, blender_from_camera
from .core.camera_path import PathError, slerp
from .core.travel import Values, parameter_at

PATH_RESOLUTION = 64
"""Preview resolution of the curve, which is also the accuracy of Follow Path."""
AIM_ERROR = 2e-3
"""Largest difference between two unit looks that count as equal."""
WRONG_SHAPES = "waypoints with positions {positions} and looks {looks}"
NOT_BEZIER = (
    "The camera's path must be a Bezier curve with two or more points: press Re-make Path to "
    "replace it."
)


@dataclass(frozen=True, eq=False)
class Controls:
    """Control points of a curve in the order in which the camera passes them.

    A closed curve repeats its first point at the end.

    Attributes:
        points: Positions (n, 3) in the curve object's own axes.
        left, right: Handles (n, 3), likewise.
    """

    points: Values
    left: Values
    right: Values


def editable_waypoints(positions: FloatArray, looks: FloatArray) -> tuple[Values, Values]:
    """Convert waypoints to Blender's axes and add some if there are fewer than three.

    Two points make a straight line that the artist can't bend, so they get a third in between.

    Args:
        positions: Waypoints (n, 3), n >= 1, in the camera frame.
        looks: Unit look directions (n, 3) in the camera frame.

    Returns:
        Positions and unit looks, each (n, 3) with n >= 3, in Blender's axes.

    Raises ValueError for other shapes.
    """
    if np.ndim(positions) != 2 or np.shape(positions) != np.shape(looks) or len(positions) == 0:
        raise ValueError(WRONG_SHAPES.format(positions=np.shape(positions), looks=np.shape(looks)))
    points = blender_from_camera(positions).astype(float)
    directions = blender_from_camera(looks).astype(float)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    if len(points) == 1:
        points, directions = np.repeat(points, 2, axis=0), np.repeat(directions, 2, axis=0)
    if len(points) == 2:
        points = np.insert(points, 1, points.mean(axis=0), axis=0)
        directions = np.insert(directions, 1, slerp(directions[0], directions[1], 0.5), axis=0)
    return points, directions


def common_aim(points: Values, looks: Values, distance: float) -> Values | None:
    """Return a position (3,) at which all looks (n, 3) from points (n, 3) aim, or None.

    If there are many such positions, it lies `distance` scene units ahead of the last point.
    """
    across = np.eye(3) - looks[:, :, None] * looks[:, None, :]
    ahead = points[-1] + distance * looks[-1]
    # Solved for the difference from `ahead`, so that of a whole line of solutions it gives `ahead`.
    sides = np.einsum("nij,nj->ni", across, points - ahead)
    aim = ahead + np.linalg.lstsq(across.reshape(-1, 3), sides.ravel(), rcond=1e-6)[0]
    rays = aim - points
    lengths = np.linalg.norm(rays, axis=1, keepdims=True)
    if lengths.min() < 1e-3 or np.abs(rays / lengths - looks).max() > AIM_ERROR:
        return None
    return aim


def make_curve(name: str) -> bpy.types.Object:
    """Create a curve object without points, in no collection."""
    data = bpy.data.curves.new(name, "CURVE")
    data.dimensions = "3D"
    data.resolution_u = PATH_RESOLUTION
    return bpy.data.objects.new(name, data)


def set_points(curve: bpy.types.Object, points: Values, closed: bool = False) -> None:
    """Replace a curve's points by points (n, 3) in its own axes, with automatic handles."""
    curve.data.splines.clear()
    spline = curve.data.splines.new("BEZIER")
    spline.bezier_points.add(len(points) - 1)
    spline.use_cyclic_u = closed
    # On a closed Bezier curve Follow Path starts at the last point.
    ordered = np.roll(points, -1, axis=0) if closed else points
    for point, position in zip(spline.bezier_points, ordered, strict=True):
        point.co = position
        point.handle_left_type = point.handle_right_type = "AUTO"


def path_spline(curve: bpy.types.Object) -> bpy.types.Spline:
    """Return the spline that the camera follows; raises PathError if it isn't a Bezier spline."""
    spline = curve.data.splines[0] if curve.data.splines else None
    if spline is None or spline.type != "BEZIER" or len(spline.bezier_points) < 2:
        raise PathError(NOT_BEZIER)
    return spline


def controls(curve: bpy.types.Object) -> Controls:
    """Return the control points of a curve object's first spline; raises PathError."""
    spline = path_spline(curve)
    arrays = [
        np.array([getattr(p, name) for p in spline.bezier_points], float)
        for name in ("co", "handle_left", "handle_right")
    ]
    if spline.use_cyclic_u:
        arrays = [np.concatenate([a[-1:], a]) for a in arrays]
    return Controls(*arrays)


def cut_curve(curve: bpy.types.Object, fraction: float) -> None:
    """End a curve after a fraction (between 0 and 1) of its length.

    Up to there its shape and its points stay (de Casteljau); a closed curve is opened. Raises
    PathError.
    """
    spline = path_spline(curve)
    c = controls(curve)
    piece, t = parameter_at(c.points, c.left, c.right, fraction)
    count = len(spline.bezier_points)
    order = [(i - 1) % count if spline.use_cyclic_u else i for i in range(piece + 1)]
    kept = [{name: _get(spline.bezier_points[i], name) for name in KEPT} for i in order]
    right, before, end = _split(c, piece, t)
    # Automatic handles would change, because they depend on the neighbor that is cut off.
    for side in ("handle_left_type", "handle_right_type"):
        kept[-1][side] = {"AUTO": "ALIGNED", "VECTOR": "FREE"}.get(kept[-1][side], kept[-1][side])
    kept[-1]["handle_right"] = right
    straight = {"handle_left_type": "ALIGNED", "handle_right_type": "ALIGNED"}
    positions = {"co": end, "handle_left": before, "handle_right": 2 * end - before}
    kept.append(kept[-1] | straight | positions)
    _rebuild(curve, kept)


KEPT = (
    *("co", "handle_left", "handle_right", "radius", "tilt"),
    *("handle_left_type", "handle_right_type"),  # last: Blender recalculates handles by them
)
"""Properties of a control point that survive cutting."""


def _get(point: bpy.types.BezierSplinePoint, name: str) -> Any:
    value = getattr(point, name)
    return value.copy() if hasattr(value, "copy") else value


def _split(c: Controls, piece: int, t: float) -> tuple[Values, Values, Values]:
    """Cut a piece at t; return its start's right handle, its new end's left handle and position."""
    a, b, d, e = c.points[piece], c.right[piece], c.left[piece + 1], c.points[piece + 1]
    ab, bd, de = a + t * (b - a), b + t * (d - b), d + t * (e - d)
    abd, bde = ab + t * (bd - ab), bd + t * (de - bd)
    return ab, abd, abd + t * (bde - abd)


def _rebuild(curve: bpy.types.Object, points: list[dict[str, Any]]) -> None:
    """Give a curve other points. Blender can't remove points from a spline, so it is replaced."""
    resolution = curve.data.splines[0].resolution_u
    curve.data.splines.clear()
    spline = curve.data.splines.new("BEZIER")
    spline.resolution_u = resolution
    spline.bezier_points.add(len(points) - 1)
    for point, values in zip(spline.bezier_points, points, strict=True):
        point.handle_left_type = point.handle_right_type = "FREE"
        for name in KEPT:
            setattr(point, name, values[name])
