"""The camera's flight as an artist would set it up: a curve, a camera on it, a look-at target.

The camera rides the Bezier curve (Follow Path, its offset factor keyed from the first frame to the
last with gentle ease) and turns to the target (Track To), whose keys keep it in the direction of
every waypoint's look. Both are edited as usual: move the curve's points, the keys, the target.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from .core.camera import FloatArray, Intrinsics, blender_from_camera
from .core.cloud import FlightPlan
from .core.path import slerp
from .core.travel import Values, passing_shares, timed_values
from .keyframes import animate

FIRST_FRAME = 1
LOOK_DISTANCE = 5.0
"""How far ahead of the camera the target hovers, in scene units (the nearest point is 1 away)."""
CLIP_START, CLIP_END = 0.01, 1000.0
"""The clouds lie 1 to 100 units before the photo's camera; flights are far shorter than that."""
PATH_RESOLUTION = 64
POSITIONS, LOOK = "make_4d_positions", "make_4d_look"
"""Custom properties of the curve: the waypoints it was made from, (n * 3), camera frame."""
SENSOR_MM = 36.0


@dataclass(frozen=True)
class Rig:
    """The three objects, in no collection yet."""

    curve: bpy.types.Object
    camera: bpy.types.Object
    target: bpy.types.Object


def make_rig(name: str, plan: FlightPlan) -> Rig:
    """Curve, camera and target that fly `plan`; the objects' names start with `name`.

    At frame 1 the camera is the photo's: at the origin, looking along +y. Raises ValueError where
    positions and looks are not of the same shape (n, 3), n >= 1.
    """
    positions, looks = editable_waypoints(plan.positions, plan.look)
    curve = make_curve(f"{name} Path", positions)
    curve[POSITIONS] = np.asarray(plan.positions, float).ravel().tolist()
    curve[LOOK] = np.asarray(plan.look, float).ravel().tolist()
    target = bpy.data.objects.new(f"{name} Target", None)
    target.empty_display_type, target.empty_display_size = "SPHERE", 0.1
    camera = make_camera(f"{name} Camera", plan.camera)
    constrain(camera, curve, target)
    key_flight(Rig(curve, camera, target), positions, looks, plan.frames)
    return Rig(curve, camera, target)


def editable_waypoints(positions: FloatArray, looks: FloatArray) -> tuple[Values, Values]:
    """Waypoints and unit looks (n, 3), n >= 3, in Blender's axes.

    Two points alone make a straight line with nothing to bend it by, so they get one between.
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


def make_curve(name: str, points: Values) -> bpy.types.Object:
    """A Bezier curve object through points (n, 3), with handles that keep it smooth when edited."""
    data = bpy.data.curves.new(name, "CURVE")
    data.dimensions = "3D"
    data.resolution_u = PATH_RESOLUTION
    spline = data.splines.new("BEZIER")
    spline.bezier_points.add(len(points) - 1)
    for point, place in zip(spline.bezier_points, points, strict=True):
        point.co = place
        point.handle_left_type = point.handle_right_type = "AUTO"
    return bpy.data.objects.new(name, data)


def make_camera(name: str, intrinsics: Intrinsics) -> bpy.types.Object:
    """A camera object whose frame of intrinsics.width x height pixels is the photo's."""
    data = bpy.data.cameras.new(name)
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = SENSOR_MM
    data.lens = intrinsics.lens_mm
    # Blender shifts in widths of the picture, to the right and up.
    data.shift_x = 0.5 - intrinsics.cx / intrinsics.width
    data.shift_y = (intrinsics.cy - 0.5 * intrinsics.height) / intrinsics.width
    data.clip_start, data.clip_end = CLIP_START, CLIP_END
    data.display_size = 0.2
    return bpy.data.objects.new(name, data)


def constrain(camera: bpy.types.Object, curve: bpy.types.Object, target: bpy.types.Object) -> None:
    """Put the camera on the curve and turn it to the target, upright."""
    follow = camera.constraints.new("FOLLOW_PATH")
    follow.target = curve
    follow.use_fixed_location = True
    track = camera.constraints.new("TRACK_TO")
    track.target = target
    track.track_axis, track.up_axis = "TRACK_NEGATIVE_Z", "UP_Y"


def key_flight(rig: Rig, positions: Values, looks: Values, frames: int) -> None:
    """Key the camera's way along the curve and the target's before it, from frame 1 to `frames`.

    The target passes its place before each waypoint when the camera passes the waypoint.
    """
    follow = next(c for c in rig.camera.constraints if c.type == "FOLLOW_PATH")
    path = f'constraints["{follow.name}"].offset_factor'
    ends = np.array([0.0, 1.0])
    _key(rig.camera, path, ends[:, None], ends, frames)
    shares = passing_shares(*_control_points(rig.curve))
    ahead = positions + LOOK_DISTANCE * looks
    rig.target.location = ahead[0]
    _key(rig.target, "location", ahead, shares, frames)


def _key(data: bpy.types.Object, path: str, values: Values, shares: Values, frames: int) -> None:
    """Key the numbers (n, C) of a property for when `shares` (n,) of the path are travelled."""
    time, values, slopes = timed_values(values, shares)
    length = frames - FIRST_FRAME
    if length == 0:  # a single frame: the photo's
        time, values, slopes = time[:1], values[:1], slopes[:1]
    at = FIRST_FRAME + time * length
    for index in range(values.shape[1]):
        animate(data, path, index, at, values[:, index], slopes[:, index] / max(length, 1))


def _control_points(curve: bpy.types.Object) -> tuple[Values, Values, Values]:
    """Points and their left and right handles, each (n, 3), of a curve object's first spline."""
    points = curve.data.splines[0].bezier_points
    co, left, right = (
        np.array([getattr(p, name) for p in points], float)
        for name in ("co", "handle_left", "handle_right")
    )
    return co, left, right
