"""The camera rig as an artist would build it: a curve, a camera on it, and a target to look at.

The camera follows the Bezier curve (Follow Path, with a keyed offset factor) and looks at the
target (Track To). The target stands still if all looks meet in one position, otherwise it is keyed.
The artist edits them as usual: curve points, keys, target; rotating the target rolls the view. A
new path reuses the existing objects, whose other constraints, keys and names stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np
from mathutils import Euler

from .core.camera import Intrinsics
from .core.camera_path import CameraPath, PathError
from .core.scene_data import ScenePlan
from .core.travel import Values, point_fractions
from .custom_properties import ROLE
from .keyframes import remove_curves
from .rig_keys import Timing, key_along, key_offset, read_along
from .rig_paths import (
    common_aim,
    controls,
    cut_curve,
    editable_waypoints,
    make_curve,
    set_points,
)

FIRST_FRAME = 1
LOOK_DISTANCE = 5.0
"""Distance in scene units from the camera to its target; the nearest point is 1 away."""
CLIP_START, CLIP_END = 0.01, 1000.0
"""Clipping distances in scene units. The clouds are 1 to 100 units away, paths far shorter."""
POSITIONS, LOOK = "make_4d_positions", "make_4d_look"
"""Custom properties of the curve: waypoints and looks of the first path, (n * 3), camera frame."""
EASE, BACK = "make_4d_ease", "make_4d_back"
"""Custom properties of the curve: ease, and whether the camera comes back."""
ZOOM_LENS = "make_4d_zoom_lens"
"""Custom property of the curve: focal length in mm before a dolly zoom keyed it."""
TILT = "make_4d_tilt"
"""Custom property of the camera: radians by which the photo's horizon is rotated clockwise."""
SENSOR_MM = 36.0
RIG_ROLES = ("path", "target")
OFF_PATH = "The camera is no longer on its path: press Re-make Path to put it back."


@dataclass(frozen=True)
class Rig:
    """The three objects of a rig; new ones are in no collection yet."""

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
        """Return the curve's present timing, over frames `first` to `last`."""
        back = bool(self.curve.get(BACK, False))
        return Timing(first, last, self.curve.get(EASE, "EASE"), back, self.closed and not back)


def make_rig(name: str, plan: ScenePlan) -> Rig:
    """Create curve, camera and target for a scene plan; their names start with `name`.

    At frame 1 the camera has the photo's pose: at the origin, looking along +y. Raises ValueError
    if the plan's positions and looks don't have the same shape (n, 3), n >= 1.
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
    """Return a rig after creating its missing objects and constraints.

    intrinsics: those of the photo, needed only to create a camera.
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
    """Create a camera object whose frame is the photo, at the intrinsics' width x height."""
    data = bpy.data.cameras.new(name)
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = SENSOR_MM
    data.lens = intrinsics.lens_mm
    # In Blender, shifts are fractions of the image's width, to the right and up.
    data.shift_x = 0.5 - intrinsics.cx / intrinsics.width
    data.shift_y = (intrinsics.cy - 0.5 * intrinsics.height) / intrinsics.width
    data.clip_start, data.clip_end = CLIP_START, CLIP_END
    data.display_size = 0.2
    return bpy.data.objects.new(name, data)


def constrain(rig: Rig) -> None:
    """Make the camera follow the curve and look at the target, with the target's z axis up.

    Existing constraints of this kind are kept; new ones go before the artist's own.
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
    """Set the rig to a path: the points of the curve, and keys of offset, target and lens.

    The target is ahead of each waypoint when the camera passes the waypoint. The lens is keyed only
    if the path zooms.

    Args:
        rig: The rig.
        path: Its new path, in the camera frame.
        timing: When the camera travels along the path.
        photo: Matrix (4, 4) from the photo's axes to the scene; None if they are the same.
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
    fractions = point_fractions(c.points, c.left, c.right)
    animate_rig(rig, timing)
    to_target = np.linalg.inv(_space(rig.target)) @ frame
    _place_target(rig, transform_points(ahead, to_target), fractions, timing)
    if aim is not None:
        remove_curves(rig.target, "location")
        rig.target.location = transform_points(aim, to_target)
    _zoom(rig, focal, fractions, timing)


def animate_rig(rig: Rig, timing: Timing) -> None:
    """Key the camera's offset along the curve, and store the timing on the curve."""
    rig.curve[EASE], rig.curve[BACK] = timing.ease, timing.back
    key_offset(rig.camera, rig.follow, timing)


def change_timing(rig: Rig, timing: Timing, end: float = 1.0) -> None:
    """Give the curve another timing, and cut it off after the fraction `end` of its length.

    Keys of target and lens stay at the same positions along the curve. Raises PathError if the
    curve can't be cut.
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
    """Roll the view clockwise by `angle` radians relative to the photo, along the whole path.

    The target's z axis is the camera's up axis. It is rotated by the target's delta rotation, which
    leaves the artist's own rotation as it is.
    """
    rig.track.use_target_z = True
    turn = Euler((0.0, angle, 0.0))
    # Which of the two is used depends on the target's rotation mode.
    rig.target.delta_rotation_euler, rig.target.delta_rotation_quaternion = (
        turn,
        turn.to_quaternion(),
    )


def roll_of(rig: Rig) -> float:
    """Return the angle in radians by which the view is rolled clockwise."""
    return float(rig.target.delta_rotation_euler.y)


def transform_points(points: Values, matrix: Values) -> Values:
    """Transform points (..., 3) by a matrix (4, 4)."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _place_target(rig: Rig, positions: Values, fractions: Values, timing: Timing) -> None:
    rig.target.location = positions[0]
    key_along(rig.target, "location", positions, fractions, timing)


def _zoom(rig: Rig, focal: Values, fractions: Values, timing: Timing) -> None:
    """Key the lens by factors (n,); if all are 1, restore the lens from before a dolly zoom."""
    data = rig.camera.data
    if ZOOM_LENS in rig.curve:
        remove_curves(data, "lens")
        data.lens = rig.curve[ZOOM_LENS]
        del rig.curve[ZOOM_LENS]
    if np.abs(focal - 1.0).max() > 1e-6:
        rig.curve[ZOOM_LENS] = data.lens
        key_along(data, "lens", data.lens * focal[:, None], fractions, timing)


def _find(
    camera: bpy.types.Object, kind: str, target: bpy.types.Object
) -> bpy.types.Constraint | None:
    """Return the camera's constraint of a type with this target, else one whose target is gone."""
    candidates = [c for c in camera.constraints if c.type == kind]
    for fits in (lambda t: t == target, lambda t: t is None, lambda t: t.get(ROLE) in RIG_ROLES):
        if (first := next((c for c in candidates if fits(c.target)), None)) is not None:
            return first
    return None


def _constraint(camera: bpy.types.Object, kind: str, target: bpy.types.Object) -> Any:
    constraint = _find(camera, kind, target)
    if constraint is None:
        raise PathError(OFF_PATH)
    return constraint


def _space(target: bpy.types.Object) -> Values:
    """Return the matrix (4, 4) from an object's own location to the scene, that of its parents."""
    if target.parent is None:
        return np.eye(4)
    return np.array(target.matrix_world @ target.matrix_basis.inverted_safe(), float)


def _inverse(matrix: Any) -> Values:
    return np.array(matrix.inverted_safe(), float)


def _even(count: int) -> Values:
    return np.linspace(0.0, 1.0, count)
