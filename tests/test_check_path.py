"""Check Path: what is measured, that edits count, and that an outdated result is recognized."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.geometry import path_check
from make_4d.geometry.camera_poses import camera_poses, sample_frames
from make_4d.geometry.camera_rig import set_roll
from make_4d.geometry.core.camera_path import CameraPath
from make_4d.geometry.path_check import (
    Limits,
    PathMeasurement,
    is_stale,
    measure_path,
    stored_measurement,
    summary,
)
from make_4d.geometry.read_clouds import read_clouds
from make_4d.geometry.scene_parts import parts_of
from make_4d.geometry.scene_rig import MISSING_PART, existing_rig, photo_lens
from make_4d.panels import camera, path_overlay
from make_4d.panels.session import session
from messages import is_message, raises_message
from rig_parts import BENT, PHOTO_POSE, lay, made, pose

LIMITS = Limits(0.02, 0.25)


@pytest.fixture
def parts(addon, make_scene_data):
    return made(make_scene_data())


def check(parts) -> PathMeasurement:
    return measure_path(bpy.context.scene, parts, existing_rig(parts))


def in_camera_frame(matrix) -> tuple:
    """Position, look and down of a world matrix, one number at a time."""
    turn = ((0, 1.0), (2, -1.0), (1, 1.0))
    columns = (matrix[:3, 3], -matrix[:3, 2], -matrix[:3, 1])
    return tuple([sign * column[i] for i, sign in turn] for column in columns)


def test_poses_match_the_evaluated_camera(parts):
    scene = bpy.context.scene
    lay(BENT)
    parent = bpy.data.objects.new("parent", None)
    scene.collection.objects.link(parent)
    parent.location.z = 0.3
    parent.keyframe_insert("location", frame=1)
    parent.location.z = 0.9
    parent.keyframe_insert("location", frame=12)
    parts.path.parent = parent
    scene.frame_set(5)
    frames, scenes = sample_frames(scene, 6), len(bpy.data.scenes)
    poses = camera_poses(scene, parts.camera, frames, np.eye(4))
    assert scene.frame_current == 5 and len(bpy.data.scenes) == scenes
    assert frames[0] == 1 and frames[-1] == 12
    for i, frame in enumerate(frames):
        expected = in_camera_frame(pose(frame))
        for got, want in zip((poses.positions, poses.looks, poses.downs), expected, strict=True):
            np.testing.assert_allclose(got[i], want, atol=1e-5)


def test_poses_include_the_lens(parts):
    scene = bpy.context.scene
    lens = photo_lens(parts.still)
    scene.render.resolution_x, scene.render.resolution_y = lens.width, lens.height
    parts.camera.data.keyframe_insert("lens", frame=1)
    parts.camera.data.lens *= 2
    parts.camera.data.keyframe_insert("lens", frame=12)
    poses = camera_poses(scene, parts.camera, np.array([1.0, 12.0]), np.eye(4))
    np.testing.assert_allclose(poses.focal, [1, 2], atol=1e-5)
    for name in ("focal", "cx", "cy"):
        np.testing.assert_allclose(getattr(poses.camera, name), getattr(lens, name), rtol=1e-4)


def test_clouds_are_read_in_scene_space(parts):
    parts.still.location, parts.still.rotation_euler = (1, 2, 3), (0.1, 0.2, 0.3)
    parts.still.scale = (2, 2, 2)
    parts.moving.location = (0, -4, 1)
    bpy.context.view_layer.update()
    clouds = read_clouds(parts)
    back = np.linalg.inv(np.array(parts.still.matrix_world))
    start = len(parts.still.data.points)
    assert len(clouds.position) == start + len(parts.moving.data.points)
    for cloud, first, scale in ((parts.still, 0, 1.0), (parts.moving, start, 0.5)):
        for i in (0, 7, 99):
            point = cloud.data.points[i]
            x, y, z = (back @ np.array(cloud.matrix_world) @ [*point.co, 1])[:3]
            np.testing.assert_allclose(clouds.position[first + i], [x, -z, y], atol=1e-4)
            np.testing.assert_allclose(clouds.radius[first + i], scale * point.radius, rtol=1e-4)
    parts.moving.hide_render = True
    assert len(read_clouds(parts).position) == start


def test_photo_is_safe_and_a_distant_path_is_not(parts):
    lay(BENT)
    before = check(parts)
    assert before.empty[0] < 0.01 and before.inpainted[0] == 0
    parts.path.data.splines[0].bezier_points[-1].co.x += 6.0
    after = check(parts)
    assert after.empty[0] < 0.01 and after.empty[-1] > 0.3
    frame, share = after.safe_until(LIMITS)
    assert 1 < frame < 12 and 0 < share < 1
    beyond = after.frames > frame
    assert (after.excess(LIMITS)[~beyond] <= 0).all() and after.excess(LIMITS)[beyond][0] > 0


def test_unobserved_points_count_as_inpainted(parts):
    observed = parts.still.data.attributes["observed"].data
    observed.foreach_set("value", np.zeros(len(observed), np.float32))
    measured = check(parts)
    assert 0.4 < measured.inpainted[0] < 1 and measured.safe_until(LIMITS) == (0.0, 0.0)


def test_rolled_camera_sees_the_corners(parts):
    lay(CameraPath.through([[0, 0, 0]], [[0, 0, 1]]))
    rig = existing_rig(parts)
    assert check(parts).empty[0] < 0.005
    set_roll(rig, 0.7)
    rolled = check(parts).empty[0]
    set_roll(rig, -0.7)
    assert 0.01 < rolled < 0.5 and abs(check(parts).empty[0] - rolled) < 0.05


def test_outdated_measurement_is_recognized(parts):
    scene, rig = bpy.context.scene, lay(BENT)
    edits = (
        lambda: setattr(rig.curve.data.splines[0].bezier_points[1].co, "x", 0.3),
        lambda: setattr(rig.follow, "name", rig.follow.name) or lay(BENT, ease="LINEAR"),
        lambda: rig.target.keyframe_insert("location", frame=4),
        lambda: setattr(rig.camera.data, "lens", 61.0),
        lambda: setattr(scene, "frame_end", 13),
        lambda: set_roll(rig, 0.1),
    )
    assert stored_measurement(rig.curve) is None
    for edit in edits:
        found = check(parts)
        kept = stored_measurement(rig.curve)
        np.testing.assert_allclose(kept.empty, found.empty)
        scene.frame_set(7)
        bpy.context.view_layer.update()
        assert not is_stale(scene, parts, rig)
        edit()
        assert is_stale(scene, parts, rig)


def test_summary():
    frames, shares = np.array([1.0, 31, 61]), np.array([0, 0.5, 1])
    safe = PathMeasurement(frames, shares, np.zeros(3), np.array([0, 0.1, 0.2]))
    message = summary(safe, LIMITS)
    assert is_message(message, path_check.SAFE, last=61)
    assert is_message(message.values["most"], path_check.BOTH, empty="0 %", inpainted="20 %")
    gaps = PathMeasurement(frames, shares, np.array([0, 0, 0.04]), np.full(3, 0.1))
    assert gaps.safe_until(LIMITS) == (46.0, 0.75)
    message = summary(gaps, LIMITS)
    assert is_message(message, path_check.SAFE_UNTIL, frame=46, last=61)
    assert is_message(message.values["most"], path_check.EMPTY, fraction="4.0 %")
    never = PathMeasurement(frames, shares, np.zeros(3), np.ones(3))
    message = summary(never, LIMITS)
    assert is_message(message, path_check.UNSAFE)
    assert is_message(message.values["most"], path_check.INPAINTED, fraction="100 %")


def test_operator_reports_and_overlay_colors_the_curve(parts):
    scene = bpy.context.scene
    lay(BENT)
    parts.path.data.splines[0].bezier_points[-1].co.x += 6.0
    assert path_overlay.colored_lines(scene) is None
    assert bpy.ops.make_4d.check_path("EXEC_DEFAULT", True) == {"FINISHED"}
    ends, colors = path_overlay.colored_lines(scene)
    np.testing.assert_allclose(ends[0], pose(1)[:3, 3], atol=1e-5)
    np.testing.assert_allclose(ends[-1], pose(12)[:3, 3], atol=1e-3)
    assert tuple(colors[0]) == path_overlay.GREEN and tuple(colors[-1]) == path_overlay.RED
    parts.path.data.splines[0].bezier_points[1].co.x += 0.1
    dashed, gray = path_overlay.colored_lines(scene)
    assert len(dashed) < 0.6 * len(ends) and {tuple(c) for c in gray} == {path_overlay.GRAY}


def test_colors_follow_the_worst_pass():
    shares = np.array([0.0, 0.4, 0.8, 0.4, 0.0])
    empty = np.array([0.0, 0.01, 0.04, 0.01, 0.0])
    measured = PathMeasurement(np.arange(5.0), shares, empty, np.zeros(5))
    at = np.array([0.0, 0.4, 0.47, 0.7, 0.9])
    colors = [tuple(c) for c in path_overlay.path_colors(measured, LIMITS, at)]
    names = path_overlay.GREEN, path_overlay.GREEN, path_overlay.AMBER, path_overlay.RED
    assert colors == [*names, path_overlay.GRAY]


def test_overlay_is_removed_with_the_add_on(addon):
    assert len(session().draw_handlers) == 1
    path_overlay.unregister()
    assert not session().draw_handlers
    path_overlay.register()


def test_missing_part_is_reported(parts):
    bpy.data.objects.remove(parts.target)
    with raises_message(RuntimeError, MISSING_PART["target"]):
        bpy.ops.make_4d.check_path("EXEC_DEFAULT", True)
    assert path_overlay.colored_lines(bpy.context.scene) is None
    assert parts_of(bpy.context.scene).camera is not None
    np.testing.assert_allclose(pose(1)[:3, 3], PHOTO_POSE[:3, 3], atol=1e-5)


class Layout:
    """Blender's layout for tests: notes what is drawn; drawing an unknown property is an error."""

    def __init__(self, drawn: list[str] | None = None) -> None:
        self.drawn = [] if drawn is None else drawn

    def column(self, **_) -> Layout:
        return Layout(self.drawn)

    row = column

    def prop(self, owner, name: str, **_) -> None:
        assert hasattr(owner, name)
        self.drawn.append(name)

    def operator(self, name: str, **_) -> SimpleNamespace:
        self.drawn.append(name)
        return SimpleNamespace()

    def label(self, text: str, **_) -> None:
        self.drawn.append(text)


def drawn_panel() -> list[str]:
    """The names and labels that the panel draws for the scene."""
    panel = SimpleNamespace(layout=Layout())
    context = SimpleNamespace(
        scene=bpy.context.scene,
        region=SimpleNamespace(width=9000),
        preferences=SimpleNamespace(
            system=SimpleNamespace(ui_scale=1.0), ui_styles=bpy.context.preferences.ui_styles
        ),
    )
    camera.VIEW3D_PT_make_4d_camera.draw(panel, context)
    return panel.layout.drawn


def test_panel_draws_the_options_of_the_move(parts):
    own = bpy.context.scene.make_4d_camera
    own.move = "LONG"
    drawn = drawn_panel()
    assert "length" in drawn and "amount" not in drawn and "lens" in drawn
    assert drawn.index("make_4d.fly_path") < drawn.index("make_4d.check_path")
    assert not [text for text in drawn if text.startswith("Safe")]
    own.move = "IN"
    bpy.ops.make_4d.check_path("EXEC_DEFAULT", True)
    drawn = drawn_panel()
    assert "length" not in drawn and "amount" in drawn and "mirrored" not in drawn
    assert [text for text in drawn if text.startswith("Safe")]
    parts.path.data.splines[0].bezier_points[1].co.x += 0.1
    assert camera.CHANGED in drawn_panel()
    bpy.data.objects.remove(parts.camera)
    drawn = drawn_panel()
    assert "make_4d.fly_path" in drawn and "make_4d.check_path" not in drawn
    assert camera.VIEW3D_PT_make_4d_camera.poll(bpy.context)
