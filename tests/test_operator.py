"""The Make 4D button: a whole job, undo, the artist's own scene, clear errors."""

import cv2
import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.jobs import checks, results
from make_4d.jobs.manager import NOT_BUILT, manager
from make_4d.ml.common import errors
from messages import is_message

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    rng = np.random.default_rng(5)
    image = np.zeros((48, 64, 3), np.float32)
    image[:26] = (235, 205, 160)
    image[26:] = (50, 120, 70)
    image[26:] += rng.normal(0, 15, (22, 64, 1))
    path = tmp_path_factory.mktemp("photo") / "meadow.png"
    cv2.imwrite(str(path), image.clip(0, 255).astype(np.uint8))
    return path


@pytest.fixture
def scene(addon, photo, tmp_path, empty_blend):
    """An empty, saved .blend whose scene is set to make a small scene of the photo."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "work.blend"))
    scene = bpy.context.scene
    scene.make_4d.photo = str(photo)
    scene.make_4d.size = 64
    scene.make_4d.frames = 5
    return scene


def make():
    """Press the button; returns the operator's result or the text of its error."""
    try:
        return bpy.ops.make_4d.make("EXEC_DEFAULT", True)
    except RuntimeError as error:
        return str(error)


def data_names():
    kinds = (
        "scenes",
        "objects",
        "collections",
        "pointclouds",
        "curves",
        "node_groups",
        "materials",
    )
    return {kind: sorted(d.name for d in getattr(bpy.data, kind)) for kind in kinds}


def test_the_button_makes_a_scene_that_renders(scene, tmp_path):
    assert make() == {"FINISHED"}
    made = bpy.context.scene
    assert made.render.engine == "MAKE_4D" and made.camera is not None
    assert (made.render.resolution_x, made.render.resolution_y) == (64, 48)
    assert (made.frame_start, made.frame_end) == (1, 5)
    assert made.render.filepath == "//meadow.mp4"
    bpy.ops.render.render(scene=made.name)
    assert (tmp_path / "make_4d_cache").is_dir()
    assert not (tmp_path / "meadow.mp4").exists()


def test_the_artists_scene_is_not_changed(scene):
    cube = bpy.data.objects.new("My cube", bpy.data.meshes.new("My mesh"))
    scene.collection.objects.link(cube)
    scene.render.resolution_x, scene.frame_end = 333, 77
    before = (scene.render.engine, scene.camera, list(scene.objects), scene.view_settings.look)
    assert make() == {"FINISHED"}
    after = (scene.render.engine, scene.camera, list(scene.objects), scene.view_settings.look)
    assert before == after
    assert (scene.render.resolution_x, scene.frame_end) == (333, 77)
    assert len(bpy.data.scenes) == 2
    made = next(other for other in bpy.data.scenes if other != scene)
    assert made.make_4d.photo == scene.make_4d.photo and made.make_4d.frames == 5


def test_undo_removes_the_scene_and_redo_restores_it(scene):
    before = data_names()
    bpy.ops.ed.undo_push(message="before")
    assert make() == {"FINISHED"}
    after = data_names()
    assert after != before
    bpy.ops.ed.undo()
    assert data_names() == before
    bpy.ops.ed.redo()
    assert data_names() == after


def test_making_twice_gives_two_scenes(scene):
    assert make() == {"FINISHED"}
    first = set(bpy.data.objects)
    bpy.context.window.scene.make_4d.photo = scene.make_4d.photo
    assert make() == {"FINISHED"}
    assert len(bpy.data.scenes) == 2 and first < set(bpy.data.objects)


@pytest.mark.parametrize(
    ("path", "template"), [("", checks.NO_PHOTO), ("/nowhere/at/all.jpg", errors.MISSING_PHOTO)]
)
def test_a_missing_photo_is_an_error_and_changes_nothing(scene, path, template):
    scene.make_4d.photo = path
    before = data_names()
    assert is_message(make(), template)
    assert data_names() == before


def test_a_damaged_photo_is_an_error_and_changes_nothing(scene, tmp_path):
    broken = tmp_path / "text.jpg"
    broken.write_text("no picture")
    scene.make_4d.photo = str(broken)
    before = data_names()
    text = make()
    assert isinstance(text, str) and "Traceback" not in text
    assert data_names() == before


def test_a_failure_while_building_leaves_nothing(scene, monkeypatch):
    def fail(*_):
        raise OSError("the disk is gone")

    monkeypatch.setattr(results, "load_scene_data", fail)
    before = data_names()
    assert is_message(make(), NOT_BUILT, error="the disk is gone")
    assert data_names() == before
    assert manager().current is None


def test_cancel_needs_a_job(scene):
    assert not bpy.ops.make_4d.cancel.poll()
    assert bpy.ops.make_4d.make.poll()


def test_the_addon_registers_again(addon):
    addon.unregister()
    assert not hasattr(bpy.types.Scene, "make_4d")
    addon.register()
    assert hasattr(bpy.types.Scene, "make_4d")


def test_a_failed_registration_unregisters_everything(addon, monkeypatch):
    from make_4d.render import ui_compat

    addon.unregister()

    def fail():
        raise RuntimeError("no panels today")

    with monkeypatch.context() as patch:
        patch.setattr(ui_compat, "register", fail)
        with pytest.raises(RuntimeError, match="no panels today"):
            addon.register()
        assert not hasattr(bpy.types.Scene, "make_4d")
    addon.register()
