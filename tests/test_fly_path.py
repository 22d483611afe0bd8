"""Re-make Path: eases and loops, closed curves, zooms; changes of the artist are kept."""

from __future__ import annotations

import sys

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from dataclasses import replace
from types import SimpleNamespace

from make_4d.geometry import scene_path
from make_4d.geometry.camera_rig import set_path
from make_4d.geometry.core import packages
from make_4d.geometry.core.camera_path import CameraPath
from make_4d.geometry.keyframes import curves_of, ensure_action
from make_4d.geometry.rig_keys import Timing
from make_4d.geometry.rig_paths import common_aim
from make_4d.geometry.scene_parts import NO_SCENE, parts_of
from make_4d.geometry.scene_path import MOVES
from make_4d.geometry.scene_rig import ensure_rig
from make_4d.operators.camera import OPTIONS
from messages import raises_message
from rig_parts import BENT, PHOTO_POSE, RING, in_blender, lay, made, place, pose

STRAIGHT = CameraPath.through([[0, 0, 0], [0, 0, 0.4], [0, 0, 0.8]], [[0, 0, 1]] * 3)
FRAMES = 12
EASES = {
    "LINEAR": lambda u: u,
    "EASE": lambda u: 3 * u**2 - 2 * u**3,
    "EASE_IN": lambda u: u**2,
    "EASE_OUT": lambda u: 2 * u - u**2,
}


@pytest.fixture
def parts(addon, make_scene_data):
    return made(make_scene_data())


def fly(**options) -> set:
    return bpy.ops.make_4d.fly_path("EXEC_DEFAULT", True, **options)


@pytest.mark.parametrize("ease", EASES)
def test_eases(parts, ease):
    lay(STRAIGHT, ease=ease)
    for frame in range(1, FRAMES + 1):
        share = EASES[ease]((frame - 1) / (FRAMES - 1))
        np.testing.assert_allclose(place(frame), in_blender([0, 0, 0.8 * share]), atol=1e-3)


@pytest.mark.parametrize("ease", EASES)
@pytest.mark.parametrize("path", [BENT, RING], ids=["open", "closed"])
def test_there_and_back_leads_to_the_first_frame(parts, path, ease):
    lay(path, ease=ease, back=True)
    np.testing.assert_allclose(pose(FRAMES + 1), pose(1), atol=1e-5)
    np.testing.assert_allclose(pose(1), PHOTO_POSE, atol=1e-5)
    for gone in (1.5, 3.0, 4.75):
        np.testing.assert_allclose(pose(1 + gone), pose(FRAMES + 1 - gone), atol=1e-4)
    if not path.closed:
        end = in_blender(path.positions[-1])
        np.testing.assert_allclose(place((FRAMES + 2) / 2), end, atol=1e-4)


def test_closed_path_is_flown_once_around(parts):
    lay(RING, ease="LINEAR")
    np.testing.assert_allclose(pose(1), PHOTO_POSE, atol=1e-5)
    np.testing.assert_allclose(pose(FRAMES + 1), PHOTO_POSE, atol=1e-5)
    for quarter, position in enumerate(RING.positions):
        frame = 1 + quarter * FRAMES / 4
        np.testing.assert_allclose(place(frame), in_blender(position), atol=2e-3)


def test_dolly_zoom_keys_the_lens_and_the_next_path_restores_it(parts):
    camera = parts.camera.data
    camera.lens = 50.0
    rig = lay(replace(BENT, focal=np.array([1, 1.2, 1.5], np.float32)))
    (curve,) = curves_of(camera, "lens")
    np.testing.assert_allclose(curve.evaluate(1), 50.0)
    np.testing.assert_allclose(curve.evaluate(FRAMES), 75.0)
    lay(replace(BENT, focal=np.array([1, 0.9, 0.8], np.float32)))
    np.testing.assert_allclose(curves_of(camera, "lens")[0].evaluate(FRAMES), 40.0)
    lay(BENT)
    assert not curves_of(camera, "lens") and camera.lens == 50.0
    camera.keyframe_insert("lens", frame=3)
    lay(STRAIGHT)
    assert curves_of(rig.camera.data, "lens"), "the artist's own keys"


def test_target_is_not_keyed_where_all_views_meet(parts):
    subject = np.array([0.2, 0.1, 4.0])
    positions = np.array([[0, 0, 0], [0.5, 0, 0.2], [0.9, 0.1, 0.8]])
    rig = lay(CameraPath.through(positions, subject - positions))
    assert not curves_of(rig.target, "location")
    np.testing.assert_allclose(rig.target.location, in_blender(subject), atol=1e-4)
    lay(BENT)
    assert curves_of(rig.target, "location")


@pytest.mark.parametrize("seed", range(4))
def test_common_aim_is_on_every_view_direction(seed):
    rng = np.random.default_rng(seed)
    points, aim = rng.uniform(-1, 1, (5, 3)), np.array([0.3, 5.0, -0.4])
    looks = np.array([(aim - p) / np.linalg.norm(aim - p) for p in points])
    np.testing.assert_allclose(common_aim(points, looks, 5.0), aim, atol=1e-6)
    assert common_aim(points, -looks, 5.0) is None, "behind the camera"
    looks[2] = looks[0]
    assert common_aim(points, looks, 5.0) is None
    line = looks[:1] * np.linspace(0, 1, 5)[:, None]
    found = common_aim(line, np.repeat(looks[:1], 5, axis=0), 5.0)
    np.testing.assert_allclose(found, line[-1] + 5 * looks[0], atol=1e-9)


@pytest.mark.parametrize("move", MOVES)
def test_every_move_starts_at_the_photo(parts, move):
    assert fly(move=move, ease="LINEAR") == {"FINISHED"}
    np.testing.assert_allclose(pose(1), PHOTO_POSE, atol=1e-4)
    spline = parts.path.data.splines[0]
    assert len(parts.path.data.splines) == 1 and 3 <= len(spline.bezier_points) <= 12
    assert all(np.isfinite(pose(frame)).all() for frame in range(1, FRAMES + 2))
    assert bpy.context.scene.make_4d_camera.move == move


def test_button_passes_the_scenes_options(parts):
    from make_4d.panels.camera import draw_move

    own = bpy.context.scene.make_4d_camera
    own.move, own.loop, own.ease, own.seed = "MADE", "BACK", "LINEAR", 3
    button = SimpleNamespace()
    draw_move(
        SimpleNamespace(prop=lambda *_: None, operator=lambda *_, **__: button), bpy.context.scene
    )
    assert fly(**vars(button)) == {"FINISHED"}
    np.testing.assert_allclose(pose(FRAMES + 1), PHOTO_POSE, atol=1e-5)
    assert (own.ease, own.seed) == ("LINEAR", 3)


def test_keep_changes_only_the_timing(parts):
    rig = lay(BENT)
    points = rig.curve.data.splines[0].bezier_points
    points[1].co.x += 0.2
    before = [(tuple(p.co), tuple(p.handle_left)) for p in points]
    aims = [pose(f, rig.target.name)[:3, 3] for f in np.linspace(1, FRAMES, 40)]
    bpy.context.scene.frame_end = 24
    assert fly(move="KEEP", ease="LINEAR", loop="BACK") == {"FINISHED"}
    points = rig.curve.data.splines[0].bezier_points
    assert [(tuple(p.co), tuple(p.handle_left)) for p in points] == before
    np.testing.assert_allclose(pose(25), pose(1), atol=1e-5)
    np.testing.assert_allclose(pose(13, rig.target.name)[:3, 3], aims[-1], atol=1e-4)
    way = [pose(f, rig.target.name)[:3, 3] for f in np.linspace(1, 13, 60)]
    for aim in way:
        assert np.linalg.norm(np.array(aims) - aim, axis=1).min() < 0.06


def test_changes_of_the_artist_are_kept(parts):
    camera, curve, target = parts.camera, parts.path, parts.target
    names = [thing.name for thing in (camera, curve, target)]
    shake = camera.constraints.new("LIMIT_DISTANCE")
    shake.mute = True
    camera.data.dof.use_dof = True
    camera.data.dof.keyframe_insert("focus_distance", frame=4)
    ensure_action(camera, "x")
    camera.keyframe_insert("rotation_euler", frame=5)
    other = bpy.data.collections.new("Mine")
    other.objects.link(camera)
    follow = next(c for c in camera.constraints if c.type == "FOLLOW_PATH")
    follow.name = "My path"
    for _ in range(2):
        assert fly(move="MADE", ease="EASE_OUT") == {"FINISHED"}
    after = parts_of(bpy.context.scene)
    assert (after.camera, after.path, after.target) == (camera, curve, target)
    assert [thing.name for thing in (camera, curve, target)] == names
    kinds = [c.type for c in camera.constraints]
    assert kinds == ["FOLLOW_PATH", "TRACK_TO", "LIMIT_DISTANCE"] and shake.mute
    assert curves_of(camera.data, "dof.focus_distance") and curves_of(camera, "rotation_euler")
    assert other.objects[:] == [camera]
    (offset,) = curves_of(camera, 'constraints["My path"].offset_factor')
    assert len(offset.keyframe_points) == 2
    assert len(curves_of(target, "location")) == 3


@pytest.mark.parametrize("part", ["camera", "path", "target"])
@pytest.mark.parametrize("way", ["remove", "delete", "unlink"])
def test_deleted_parts_are_restored(parts, part, way):
    thing = getattr(parts, part)
    if way == "remove":
        bpy.data.objects.remove(thing)
    elif way == "delete":
        with bpy.context.temp_override(selected_objects=[thing]):
            bpy.ops.object.delete()
    else:
        for collection in thing.users_collection:
            collection.objects.unlink(thing)
    assert getattr(parts_of(bpy.context.scene), part) is None
    if part != "path":
        assert fly(move="MADE") == {"FINISHED"}
    else:
        with raises_message(RuntimeError, scene_path.NO_FIRST_PATH):
            fly(move="MADE")
        rig = ensure_rig(bpy.context.scene, parts_of(bpy.context.scene))
        set_path(rig, BENT, Timing(1, FRAMES))
    after = parts_of(bpy.context.scene)
    assert getattr(after, part) is not None
    kinds = [c.type for c in after.camera.constraints]
    assert kinds == ["FOLLOW_PATH", "TRACK_TO"]
    bpy.context.scene.camera = after.camera
    np.testing.assert_allclose(pose(1), PHOTO_POSE, atol=1e-5)
    assert np.linalg.norm(place(FRAMES)) > 0.3


def test_path_follows_a_moved_scene(parts):
    root = bpy.data.objects.new("root", None)
    bpy.context.collection.objects.link(root)
    root.location, root.rotation_euler, root.scale = (1, 2, 3), (0, 0, 0.7), (2, 2, 2)
    for thing in (parts.still, parts.moving, parts.target):
        thing.parent = root
    parts.path.location = (0.5, 0, 0)
    bpy.context.view_layer.update()
    photo = np.array(root.matrix_world)
    assert fly(move="MADE") == {"FINISHED"}
    np.testing.assert_allclose(place(1), photo[:3, 3], atol=1e-5)
    np.testing.assert_allclose(-pose(1)[:3, 2], photo[:3, 1] / 2, atol=1e-5)
    end = photo @ [*in_blender([0.2, -0.1, 1.0]), 1]
    np.testing.assert_allclose(place(FRAMES), end[:3], atol=1e-4)


def test_new_path_is_one_undo_step(parts):
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.ed.undo_push(message="before")
    before = [tuple(p.co) for p in parts.path.data.splines[0].bezier_points]
    assert fly(move="MADE", loop="BACK") == {"FINISHED"}
    parts_of(bpy.context.scene).path.data.splines[0].bezier_points[1].co.x += 1
    bpy.ops.ed.undo()
    path = parts_of(bpy.context.scene).path
    assert [tuple(p.co) for p in path.data.splines[0].bezier_points] == before
    assert not path["make_4d_back"]


def test_scene_without_photo_is_reported(addon, empty_blend):
    with raises_message(RuntimeError, NO_SCENE):
        fly(move="MADE")


def test_moves_declare_options_that_exist():
    options = {name for move in MOVES.values() for name in move.options}
    assert options <= set(OPTIONS)
    assert set(OPTIONS) - options == {"move", "ease", "loop"}, "every other option has a move"


def test_missing_scipy_is_one_message(parts, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.spatial", None)
    monkeypatch.setitem(sys.modules, "scipy", None)
    with raises_message(RuntimeError, packages.MISSING):
        fly(move="ORBIT")
