"""The camera's path as an editable Bezier curve: made, made anew, read and cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from .core.camera import FloatArray, blender_from_camera
from .core.path_limits import slerp
from .core.travel import Values, parameter_at

PATH_RESOLUTION = 64
AIM_ERROR = 2e-3
"""Largest difference of two unit looks that count as one."""


class PathError(Exception):
    """The curve can't be used; the text is one sentence for the artist."""


@dataclass(frozen=True, eq=False)
class Controls:
    """Points and their left and right handles, each (n, 3), in the order of the camera's way, in
    the curve object's own axes. Of a closed curve the first comes again at the end."""

    points: Values
    left: Values
    right: Values


def editable_waypoints(positions: FloatArray, looks: FloatArray) -> tuple[Values, Values]:
    """Waypoints and unit looks (n, 3), n >= 3, in Blender's axes.

    Two points alone make a straight line with nothing to bend it by, so they get one between.
    Raises ValueError where positions and looks are not of the same shape (n, 3), n >= 1.
    """
    if np.ndim(positions) != 2 or np.shape(positions) != np.shape(looks) or len(positions) == 0:
        raise ValueError(f"waypoints of shapes {np.shape(positions)} and {np.shape(looks)}")
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
    """A place (3,) that all looks (n, 3) from points (n, 3) are turned to; None where none is.

    Where it isn't unique it lies `distance` ahead of the last point.
    """
    across = np.eye(3) - looks[:, :, None] * looks[:, None, :]
    ahead = points[-1] + distance * looks[-1]
    # Solved for the difference from `ahead`, so that a place on a common line is that one.
    sides = np.einsum("nij,nj->ni", across, points - ahead)
    found = ahead + np.linalg.lstsq(across.reshape(-1, 3), sides.ravel(), rcond=1e-6)[0]
    rays = found - points
    lengths = np.linalg.norm(rays, axis=1, keepdims=True)
    if lengths.min() < 1e-3 or np.abs(rays / lengths - looks).max() > AIM_ERROR:
        return None
    return found


def make_curve(name: str) -> bpy.types.Object:
    """A curve object without points."""
    data = bpy.data.curves.new(name, "CURVE")
    data.dimensions = "3D"
    data.resolution_u = PATH_RESOLUTION
    return bpy.data.objects.new(name, data)


def set_points(curve: bpy.types.Object, points: Values, closed: bool = False) -> None:
    """Let a curve run through points (n, 3) in its own axes, with handles that stay smooth.

    Its former points go.
    """
    curve.data.splines.clear()
    spline = curve.data.splines.new("BEZIER")
    spline.bezier_points.add(len(points) - 1)
    spline.use_cyclic_u = closed
    # On a closed Bezier curve Follow Path starts at the last point.
    places = np.roll(points, -1, axis=0) if closed else points
    for point, place in zip(spline.bezier_points, places, strict=True):
        point.co = place
        point.handle_left_type = point.handle_right_type = "AUTO"


def path_spline(curve: bpy.types.Object) -> bpy.types.Spline:
    """The spline that the camera follows; raises PathError where it isn't Bezier or is gone."""
    spline = curve.data.splines[0] if curve.data.splines else None
    if spline is None or spline.type != "BEZIER" or len(spline.bezier_points) < 2:
        raise PathError("The camera's path is no Bezier curve of two or more points: re-make it.")
    return spline


def controls(curve: bpy.types.Object) -> Controls:
    """Points and handles of a curve object's first spline; raises PathError."""
    spline = path_spline(curve)
    arrays = [
        np.array([getattr(p, name) for p in spline.bezier_points], float)
        for name in ("co", "handle_left", "handle_right")
    ]
    if spline.use_cyclic_u:
        arrays = [np.concatenate([a[-1:], a]) for a in arrays]
    return Controls(*arrays)


def cut_curve(curve: bpy.types.Object, share: float) -> None:
    """End a curve where `share` (above 0, below 1) of its length is traveled.

    Up to there its shape and its points stay (de Casteljau); a closed curve is opened. Raises
    PathError.
    """
    spline = path_spline(curve)
    c = controls(curve)
    piece, t = parameter_at(c.points, c.left, c.right, share)
    count = len(spline.bezier_points)
    order = [(i - 1) % count if spline.use_cyclic_u else i for i in range(piece + 1)]
    kept = [{name: _get(spline.bezier_points[i], name) for name in KEPT} for i in order]
    right, before, end = _split(c, piece, t)
    # Automatic handles would follow the neighbor that is cut away.
    for side in ("handle_left_type", "handle_right_type"):
        kept[-1][side] = {"AUTO": "ALIGNED", "VECTOR": "FREE"}.get(kept[-1][side], kept[-1][side])
    kept[-1]["handle_right"] = right
    straight = {"handle_left_type": "ALIGNED", "handle_right_type": "ALIGNED"}
    places = {"co": end, "handle_left": before, "handle_right": 2 * end - before}
    kept.append(kept[-1] | straight | places)
    _rebuild(curve, kept)


KEPT = (
    *("co", "handle_left", "handle_right", "radius", "tilt"),
    *("handle_left_type", "handle_right_type"),  # last: Blender calculates handles by them
)


def _get(point: bpy.types.BezierSplinePoint, name: str) -> Any:
    value = getattr(point, name)
    return value.copy() if hasattr(value, "copy") else value


def _split(c: Controls, piece: int, t: float) -> tuple[Values, Values, Values]:
    """Of a piece cut at t: its start's right handle, its new end's left handle and place."""
    a, b, d, e = c.points[piece], c.right[piece], c.left[piece + 1], c.points[piece + 1]
    ab, bd, de = a + t * (b - a), b + t * (d - b), d + t * (e - d)
    abd, bde = ab + t * (bd - ab), bd + t * (de - bd)
    return ab, abd, abd + t * (bde - abd)


def _rebuild(curve: bpy.types.Object, points: list[dict[str, Any]]) -> None:
    """Give a curve other points (API: those of a spline can't be removed)."""
    resolution = curve.data.splines[0].resolution_u
    curve.data.splines.clear()
    spline = curve.data.splines.new("BEZIER")
    spline.resolution_u = resolution
    spline.bezier_points.add(len(points) - 1)
    for point, values in zip(spline.bezier_points, points, strict=True):
        point.handle_left_type = point.handle_right_type = "FREE"
        for name in KEPT:
            setattr(point, name, values[name])
