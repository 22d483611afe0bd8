"""Edits of the path, in pose, render and file; Fit to Safe, Level Horizon, the scale."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from render_scene import HEIGHT, WIDTH, reference, rendered

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.geometry import camera_rig, scene_path
from make_4d.geometry.camera_rig import ZOOM_LENS
from make_4d.geometry.core.camera import camera_from_blender, look_rotation
from make_4d.geometry.core.camera_path import CameraPath
from make_4d.geometry.keyframes import curves_of
from make_4d.geometry.read_clouds import read_attribute, read_clouds
from make_4d.geometry.rig_paths import controls, cut_curve
from make_4d.geometry.scene_parts import parts_of
from make_4d.geometry.scene_rig import existing_rig, photo_lens
from make_4d.operators import camera
from messages import is_message, raises_message
from rig_parts import BENT, PHOTO_POSE, RING, in_blender, lay, made, place, pose

LAST = 12
DOWN = np.array([0.0, 1.0, 0.0])


@pytest.fixture
def parts(addon, make_scene_data):
    parts = made(make_scene_data(WIDTH, HEIGHT, margin=12, motion=False))
    lay(BENT)
    return parts


def move_point(parts) -> np.ndarray:
    """Move the last point; returns where the camera must be at the end."""
    point = parts.path.data.splines[0].bezier_points[-1]
    point.co = (0.7, 0.9, 0.25)
    return np.array(point.co)


def add_point(parts) -> np.ndarray:
    """Extend the curve by one point."""
    points = parts.path.data.splines[0].bezier_points
    points.add(1)
    points[-1].co = (-0.4, 1.1, 0.1)
    for point in points:
        point.handle_left_type = point.handle_right_type = "AUTO"
    return np.array(points[-1].co)


def move_target(parts) -> np.ndarray:
    """Move the target for all frames."""
    parts.target.animation_data_clear()
    parts.target.location = (-2.0, 4.0, 0.5)
    return in_blender(BENT.positions[-1])


def key_target(parts) -> np.ndarray:
    """Move the target at the last frame."""
    parts.target.location = (2.0, 4.0, 0.5)
    parts.target.keyframe_insert("location", frame=LAST)
    return in_blender(BENT.positions[-1])


def move_curve(parts) -> np.ndarray:
    """Move the whole curve."""
    parts.path.location = (0.3, -0.2, 0.1)
    return in_blender(BENT.positions[-1]) + np.array(parts.path.location)


EDITS = [move_point, add_point, move_target, key_target, move_curve]


def picture(parts, position, look) -> np.ndarray:
    """Render the clouds with numpy from a position (3,) along a direction (3,), Blender's axes."""
    clouds, rgba = read_clouds(parts), read_attribute(parts.still, "Color", "color", 4)
    position, look = (camera_from_blender(v).astype(float) for v in (position, look))
    local = (clouds.position - position) @ look_rotation(look, DOWN).T
    seen = SimpleNamespace(position=local, radius=clouds.radius, color=rgba)
    return reference(seen, photo_lens(parts.still), 8)[0]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("reopen", [False, True])
def test_render_is_taken_from_the_edited_curve(parts, edit, reopen, tmp_path):
    before = pose(LAST)
    expected = edit(parts)
    aim = pose(LAST, parts.target.name)[:3, 3]
    if reopen:
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
        bpy.ops.wm.read_factory_settings(use_empty=True)
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
        parts = parts_of(bpy.context.scene)
    np.testing.assert_allclose(place(LAST), expected, atol=1e-4)
    look = (aim - expected) / np.linalg.norm(aim - expected)
    np.testing.assert_allclose(-pose(LAST)[:3, 2], look, atol=1e-4)
    scene = bpy.context.scene
    scene.make_4d_engine.method, scene.render.film_transparent = "NEAREST", True
    scene.frame_set(LAST)
    seen = rendered(scene, tmp_path)[..., :3]
    # The engine also paints below the discs' edges, so the right place is that of least error.
    here = np.abs(seen - picture(parts, expected, look)).mean()
    assert here < 0.5 * np.abs(seen - picture(parts, before[:3, 3], -before[:3, 2])).mean()
    for offset in (*0.04 * np.eye(3), *-0.04 * np.eye(3)):
        assert here < np.abs(seen - picture(parts, expected + offset, look)).mean()


def test_fit_ends_within_the_limits_and_keeps_the_shape(parts):
    move_point(parts)
    parts.path.data.splines[0].bezier_points[-1].co.x += 3.0
    own = bpy.context.scene.make_4d_camera
    own.max_empty = 2.0
    before = [place(f) for f in np.linspace(1, LAST, 400)]
    aims = {f: pose(f, parts.target.name)[:3, 3] for f in np.linspace(1, LAST, 400)}
    assert bpy.ops.make_4d.fit_path("EXEC_DEFAULT", True) == {"FINISHED"}
    after = [place(f) for f in range(1, LAST + 1)]
    distances = [np.linalg.norm(np.array(before) - p, axis=1) for p in after]
    assert max(distance.min() for distance in distances) < 0.02
    assert 0.1 < np.linalg.norm(after[-1]) < 0.8 * np.linalg.norm(before[-1])
    # At a place of the curve the camera still looks where it did.
    for frame, distance in zip(range(1, LAST + 1), distances, strict=True):
        aim = list(aims.values())[int(distance.argmin())]
        assert np.linalg.norm(pose(frame, parts.target.name)[:3, 3] - aim) < 0.1
    assert bpy.ops.make_4d.check_path("EXEC_DEFAULT", True) == {"FINISHED"}
    points = [tuple(p.co) for p in parts.path.data.splines[0].bezier_points]
    assert bpy.ops.make_4d.fit_path("EXEC_DEFAULT", True) == {"FINISHED"}
    assert [tuple(p.co) for p in parts.path.data.splines[0].bezier_points] == points


def test_fit_opens_a_closed_path(parts):
    ring = RING.positions * [1, 1, -4]
    lay(CameraPath.through(ring, RING.looks, closed=True), ease="LINEAR")
    bpy.context.scene.make_4d_camera.max_empty = 2.0
    assert bpy.ops.make_4d.fit_path("EXEC_DEFAULT", True) == {"FINISHED"}
    spline = parts.path.data.splines[0]
    assert not spline.use_cyclic_u
    np.testing.assert_allclose(pose(1), PHOTO_POSE, atol=1e-4)
    np.testing.assert_allclose(pose(LAST + 1), PHOTO_POSE, atol=1e-4)
    assert 0.05 < np.linalg.norm(place((LAST + 2) / 2)) < 0.8


def test_fit_keeps_the_zoom_along_the_curve(parts):
    focal = np.array([1, 0.8, 0.6], np.float32)
    positions = np.array([[0, 0, 0], [0, 0, -1], [0, 0, -2]], np.float32)
    lay(CameraPath(positions, np.float32([[0, 0, 1]] * 3), focal), ease="LINEAR")
    lens = parts.camera.data.lens
    bpy.context.scene.make_4d_camera.max_empty = 3.0
    assert bpy.ops.make_4d.fit_path("EXEC_DEFAULT", True) == {"FINISHED"}
    end = np.linalg.norm(place(LAST))
    assert 0.02 < end < 1.9 and parts.path[ZOOM_LENS] == lens
    (curve,) = curves_of(parts.camera.data, "lens")
    np.testing.assert_allclose(curve.evaluate(LAST), lens * (1 - 0.2 * end), rtol=1e-3)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["AUTO", "VECTOR", "FREE"])
def test_cut_curve_has_the_same_shape(parts, share, kind):
    points = parts.path.data.splines[0].bezier_points
    for point in points:
        point.handle_left_type = point.handle_right_type = kind
        point.radius = 1 + 0.5 * point.co.y
    if kind == "FREE":
        points[1].handle_right.z += 0.3
    bpy.context.view_layer.update()
    whole = reference_places(controls(parts.path))
    cut_curve(parts.path, share)
    rest = reference_places(controls(parts.path))
    assert max(np.linalg.norm(whole - p, axis=1).min() for p in rest) < 2e-3
    lengths = [np.linalg.norm(np.diff(p, axis=0), axis=1).sum() for p in (rest, whole)]
    assert abs(lengths[0] / lengths[1] - share) < 0.01
    np.testing.assert_allclose(rest[0], whole[0], atol=1e-6)


def reference_places(c) -> np.ndarray:
    """Points along a Bezier curve, by Bernstein's formula."""
    places = []
    for i in range(len(c.points) - 1):
        for t in np.linspace(0, 1, 500):
            a, b, d, e = c.points[i], c.right[i], c.left[i + 1], c.points[i + 1]
            places.append(
                (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * d + t**3 * e
            )
    return np.array(places)


def test_fit_refuses_a_path_that_is_never_safe(parts):
    parts.path.location.x = 9.0
    bpy.context.view_layer.update()
    with raises_message(RuntimeError, scene_path.UNSAFE_START):
        bpy.ops.make_4d.fit_path("EXEC_DEFAULT", True)


def test_level_horizon_levels_and_reverts(parts, tmp_path):
    tilt = 0.2
    parts.camera["make_4d_tilt"] = tilt
    parts.target.rotation_euler = (0.0, 0.0, 0.3)
    before = [pose(frame) for frame in (1, 6, LAST)]
    assert bpy.ops.make_4d.level_horizon("EXEC_DEFAULT", True) == {"FINISHED"}
    for frame, start in zip((1, 6, LAST), before, strict=True):
        rolled = pose(frame)
        np.testing.assert_allclose(rolled[:, 2:], start[:, 2:], atol=1e-6)
        # What was up in the photo's axes, turned clockwise, has no part to the picture's right.
        up = np.array([np.sin(tilt), 0, np.cos(tilt)])
        assert abs(rolled[:3, 0] @ up) < 0.12 and rolled[:3, 1] @ up > 0.9
    np.testing.assert_allclose(pose(1)[:3, 0] @ up, 0, atol=1e-5)
    assert bpy.ops.make_4d.level_horizon("EXEC_DEFAULT", True) == {"FINISHED"}
    for frame, start in zip((1, 6, LAST), before, strict=True):
        np.testing.assert_allclose(pose(frame), start, atol=1e-6)


def test_tilted_line_of_the_photo_becomes_level(parts, tmp_path):
    """A line that falls to the right by the angle is level in the render."""
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    angle = 0.15
    assert bpy.ops.make_4d.level_horizon("EXEC_DEFAULT", True, angle=angle) == {"FINISHED"}
    pose(1)
    ends = [in_blender([s * np.cos(angle), s * np.sin(angle), 3.0]) for s in (-1, 1)]
    left, right = (
        world_to_camera_view(bpy.context.scene, parts.camera, Vector(end)) for end in ends
    )
    assert abs(left.y - right.y) < 1e-5 and right.x > left.x


def test_unknown_tilt_is_reported(parts, capfd):
    before = pose(LAST)
    assert bpy.ops.make_4d.level_horizon("EXEC_DEFAULT", True) == {"FINISHED"}
    assert is_message(capfd.readouterr().out, camera.LEVEL)
    np.testing.assert_array_equal(pose(LAST), before)


def test_scale_is_set_in_meters_and_the_render_stays(parts, tmp_path):
    scene = bpy.context.scene
    before = rendered(scene, tmp_path)
    scene.make_4d.nearest_distance = 2.5
    assert scene.unit_settings.scale_length == 2.5
    np.testing.assert_array_equal(rendered(scene, tmp_path), before)
    scene.unit_settings.scale_length = 4.0
    assert scene.make_4d.nearest_distance == 4.0


def test_missing_constraints_are_reported(parts):
    parts.camera.constraints.clear()
    with raises_message(RuntimeError, camera_rig.OFF_PATH):
        bpy.ops.make_4d.fit_path("EXEC_DEFAULT", True)
    assert bpy.ops.make_4d.fly_path("EXEC_DEFAULT", True, move="MADE") == {"FINISHED"}
    np.testing.assert_allclose(pose(1), PHOTO_POSE, atol=1e-5)
    assert existing_rig(parts).follow.target == parts.path
