"""The camera's flight as an artist would set it up: a curve, a camera on it, a look-at target.

The camera rides the Bezier curve (Follow Path, its offset factor keyed) and turns to the target
(Track To), which stands still where all looks meet, and is keyed where they don't. Both are edited
as usual: move the curve's points, the keys, the target; turning the target rolls the view. A path
is laid anew over the objects that are there, whose other constraints, keys and names stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np
from mathutils import Euler

from .core.camera import Intrinsics
from .core.camera_path import CameraPath
from .core.scene_data import ScenePlan
from .core.travel import Values, point_fractions
from .custom_properties import ROLE
from .keyframes import remove_curves
from .rig_keys import Timing, key_along, key_offset, read_along
from .rig_paths import (
    PathError,
    common_aim,
    controls,
    cut_curve,
    editable_waypoints,
    make_curve,
    set_points,
)

FIRST_FRAME = 1
LOOK_DISTANCE = 5.0
"""How far ahead of the camera the target hovers, in scene units (the nearest point is 1 away)."""
CLIP_START, CLIP_END = 0.01, 1000.0
"""The clouds lie 1 to 100 units before the photo's camera; flights are far shorter than that."""
POSITIONS, LOOK = "make_4d_positions", "make_4d_look"
"""Custom properties of the curve: waypoints of the flight as first made, (n * 3), camera frame."""
EASE, BACK = "make_4d_ease", "make_4d_back"
"""Custom properties of the curve: how it is flown."""
ZOOM_LENS = "make_4d_zoom_lens"
"""Custom property of the curve: the lens before a dolly zoom keyed it, in mm."""
TILT = "make_4d_tilt"
"""Custom property of the camera: radians by which the photo's horizon is turned clockwise."""
SENSOR_MM = 36.0
RIG_ROLES = ("path", "target")


@dataclass(frozen=True)
class Rig:
    """The three objects; new ones are in no collection yet."""

    curve: bpy.types.Object
    camera: bpy.types.Object
    target: bpy.types.Object

    @property
    def follow(self) -> bpy.types.Constraint:
        """The constraint that holds the camera on the curve."""
        return _constraint(self.camera, "FOLLOW_PATH", self.curve)

    @property
    def track(self) -> bpy.types.Constraint:
        """The constraint that turns the camera to the target."""
        return _constraint(self.camera, "TRACK_TO", self.target)

    @property
    def closed(self) -> bool:
        """Whether the curve leads back to its start."""
        splines = self.curve.data.splines
        return bool(splines) and splines[0].use_cyclic_u

    def timing(self, first: int, last: int) -> Timing:
        """How the curve is flown now, over frames `first` to `last`."""
        back = bool(self.curve.get(BACK, False))
        return Timing(first, last, self.curve.get(EASE, "EASE"), back, self.closed and not back)


def make_rig(name: str, plan: ScenePlan) -> Rig:
    """Curve, camera and target that fly `plan`; the objects' names start with `name`.

    At frame 1 the camera is the photo's: at the origin, looking along +y. Raises ValueError where
    positions and looks are not of the same shape (n, 3), n >= 1.
    """
    rig = complete_rig(name, plan.camera)
    rig.curve[POSITIONS] = np.asarray(plan.positions, float).ravel().tolist()
    rig.curve[LOOK] = np.asarray(plan.look, float).ravel().tolist()
    rig.camera[TILT] = plan.tilt
    set_path(rig, CameraPath.through(plan.positions, plan.look), Timing(FIRST_FRAME, plan.frames))
    return rig


def complete_rig(
    name: str,
    intrinsics: Intrinsics | None,
    curve: bpy.types.Object | None = None,
    camera: bpy.types.Object | None = None,
    target: bpy.types.Object | None = None,
) -> Rig:
    """A rig of what there is, the missing objects and constraints made.

    intrinsics: the photo's, for a camera that has to be made.
    """
    curve = curve or make_curve(f"{name} Path")
    if camera is None:
        assert intrinsics is not None
        camera = make_camera(f"{name} Camera", intrinsics)
    if target is None:
        target = bpy.data.objects.new(f"{name} Target", None)
        target.empty_display_type, target.empty_display_size = "SPHERE", 0.1
    rig = Rig(curve, camera, target)
    constrain(rig)
    return rig


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


def constrain(rig: Rig) -> None:
    """Put the camera on the curve and turn it to the target, upright as the target stands.

    Constraints that do so already stay as they are; new ones come before the artist's own.
    """
    stack = rig.camera.constraints
    if _find(rig.camera, "TRACK_TO", rig.target) is None:
        track = stack.new("TRACK_TO")
        track.track_axis, track.up_axis = "TRACK_NEGATIVE_Z", "UP_Y"
        track.use_target_z = True
        stack.move(len(stack) - 1, 0)
    if _find(rig.camera, "FOLLOW_PATH", rig.curve) is None:
        stack.new("FOLLOW_PATH").use_fixed_location = True
        stack.move(len(stack) - 1, 0)
    rig.follow.target, rig.track.target = rig.curve, rig.target


def set_path(rig: Rig, path: CameraPath, timing: Timing, photo: Values | None = None) -> None:
    """Let the rig fly `path`: new points of the curve, keys of the offset and the target.

    The target passes its place before each waypoint when the camera passes the waypoint. The lens
    is keyed where the path zooms. photo: matrix (4, 4) from the photo's axes to the scene; None
    where they are the same.
    """
    frame = np.eye(4) if photo is None else photo
    points, looks = editable_waypoints(path.positions, path.looks)
    aim = common_aim(points, looks, LOOK_DISTANCE)
    ahead = points + LOOK_DISTANCE * looks
    focal = np.interp(_even(len(points)), _even(len(path.focal)), path.focal)
    if path.closed:
        ahead, focal = np.concatenate([ahead, ahead[:1]]), np.append(focal, focal[0])
    set_points(
        rig.curve, transform_points(points, _inverse(rig.curve.matrix_world) @ frame), path.closed
    )
    timing = replace(timing, round=path.closed and not timing.back)
    c = controls(rig.curve)
    shares = point_fractions(c.points, c.left, c.right)
    animate_rig(rig, timing)
    to_target = np.linalg.inv(_space(rig.target)) @ frame
    _place_target(rig, transform_points(ahead, to_target), shares, timing)
    if aim is not None:
        remove_curves(rig.target, "location")
        rig.target.location = transform_points(aim, to_target)
    _zoom(rig, focal, shares, timing)


def animate_rig(rig: Rig, timing: Timing) -> None:
    """Key the camera's way along the curve, and note on the curve how it is flown."""
    rig.curve[EASE], rig.curve[BACK] = timing.ease, timing.back
    key_offset(rig.camera, rig.follow, timing)


def change_timing(rig: Rig, timing: Timing, end: float = 1.0) -> None:
    """Fly the curve as it is with other timing, and only to the share `end` of it.

    The rest of the curve is cut away. What is keyed on the way, target and zoom, stays at the same
    places of the curve. Raises PathError where the curve can't be cut.
    """
    tracks = [(rig.target, "location")]
    if ZOOM_LENS in rig.curve:
        tracks.append((rig.camera.data, "lens"))
    keyed = [(*t, read_along(*t, rig.camera, rig.follow, end)) for t in tracks]
    if end < 1.0:
        cut_curve(rig.curve, end)
    animate_rig(rig, timing)
    for data, path, values in keyed:
        if values is not None:
            key_along(data, path, *values, timing)


def set_roll(rig: Rig, angle: float) -> None:
    """Roll the view clockwise by `angle` radians against the photo's, wherever the camera is.

    The target's z axis is what the camera takes for up; its extra rotation leaves the artist's own.
    """
    rig.track.use_target_z = True
    turn = Euler((0.0, angle, 0.0))
    # One of the two counts, by the mode that the artist rotates the target in.
    rig.target.delta_rotation_euler, rig.target.delta_rotation_quaternion = (
        turn,
        turn.to_quaternion(),
    )


def roll_of(rig: Rig) -> float:
    """The angle in radians by which the view is rolled."""
    return float(rig.target.delta_rotation_euler.y)


def transform_points(points: Values, matrix: Values) -> Values:
    """Points (..., 3) by a matrix (4, 4)."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _place_target(rig: Rig, places: Values, shares: Values, timing: Timing) -> None:
    rig.target.location = places[0]
    key_along(rig.target, "location", places, shares, timing)


def _zoom(rig: Rig, focal: Values, shares: Values, timing: Timing) -> None:
    """Key the lens by factors (n,); where they are all 1, give it back as it was before a zoom."""
    data = rig.camera.data
    if ZOOM_LENS in rig.curve:
        remove_curves(data, "lens")
        data.lens = rig.curve[ZOOM_LENS]
        del rig.curve[ZOOM_LENS]
    if np.abs(focal - 1.0).max() > 1e-6:
        rig.curve[ZOOM_LENS] = data.lens
        key_along(data, "lens", data.lens * focal[:, None], shares, timing)


def _find(
    camera: bpy.types.Object, kind: str, target: bpy.types.Object
) -> bpy.types.Constraint | None:
    """The camera's constraint of a kind on `target`, else one whose target the artist deleted."""
    found = [c for c in camera.constraints if c.type == kind]
    for fits in (lambda t: t == target, lambda t: t is None, lambda t: t.get(ROLE) in RIG_ROLES):
        if (first := next((c for c in found if fits(c.target)), None)) is not None:
            return first
    return None


def _constraint(camera: bpy.types.Object, kind: str, target: bpy.types.Object) -> Any:
    found = _find(camera, kind, target)
    if found is None:
        raise PathError("The camera is no more on its path: re-make the path.")
    return found


def _space(target: bpy.types.Object) -> Values:
    """Matrix (4, 4) from an object's own location to the scene: what its parents do to it."""
    if target.parent is None:
        return np.eye(4)
    return np.array(target.matrix_world @ target.matrix_basis.inverted_safe(), float)


def _inverse(matrix: Any) -> Values:
    return np.array(matrix.inverted_safe(), float)


def _even(count: int) -> Values:
    return np.linspace(0.0, 1.0, count)
