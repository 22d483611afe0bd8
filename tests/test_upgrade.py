"""Files of older versions: upgraded when they are opened, linked or appended.

data/scene_version_1.blend was made by 0.1.0: the scene of `version_1_data`, the camera options
Orbit and a limit of 0.25, and two editable images, of which the outpainted photo is gray 200.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.geometry import scene_parts
from make_4d.geometry.build import build_scene
from make_4d.geometry.custom_properties import MOTION_REGIONS, SCENE_VERSION, SETTINGS, VERSION
from make_4d.geometry.editable_images import editable_images_of, image_edits
from make_4d.geometry.motion_regions import is_painted
from make_4d.geometry.replace import replace_points
from make_4d.geometry.scene_parts import SceneError, parts_of
from messages import raises_message
from render_scene import rendered

OLD_FILE = Path(__file__).parent / "data" / "scene_version_1.blend"


def version_1_data(make_scene_data):
    """The scene data of the old file: every third still point counts as inpainted."""
    data = make_scene_data(width=16, height=12, margin=2, frames=6)
    observed = data.still.observed.copy()
    observed[::3] = 0
    return replace(data, still=replace(data.still, observed=observed))


@pytest.fixture
def old_scene(addon):
    """The scene of the old file, opened."""
    bpy.ops.wm.open_mainfile(filepath=str(OLD_FILE))
    return bpy.context.scene


def bring(link: bool):
    """Link or append the old scene into an empty file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(OLD_FILE), link=link) as (_, into):
        into.scenes = ["Lake"]
    return into.scenes[0]


def disocclusion(scene, folder, monkeypatch) -> np.ndarray:
    """The pass Disocclusion of the scene's frame 3."""
    from render_scene import kept_passes

    bpy.context.window.scene = scene
    passes = kept_passes(monkeypatch)
    scene.view_layers[0].make_4d_passes.disocclusion = True
    scene.frame_set(3)
    rendered(scene, folder)
    return passes["Disocclusion"]


def test_parts_and_images_of_an_old_file_are_found(old_scene):
    parts = parts_of(old_scene)
    assert all((parts.moving, parts.path, parts.camera, parts.target))
    assert "observed" in parts.still.data.attributes
    images = editable_images_of(parts.still)
    assert set(images) == {"outpainted", "disparity"}
    edits = {edit.name: edit for edit in image_edits(parts.still)}
    assert edits["outpainted"].base == "wide-key" and (edits["outpainted"].pixels == 200).all()
    assert not is_painted(parts.still[MOTION_REGIONS])
    assert '"layers": 4' in parts.still[SETTINGS]


def test_everything_has_todays_version(old_scene):
    objects = [o for o in bpy.data.objects if VERSION in o]
    assert len(objects) == 5
    for data in (*objects, *bpy.data.images, *bpy.data.collections):
        assert data.get(VERSION, SCENE_VERSION) == SCENE_VERSION, data


def test_renamed_settings_keep_their_values(old_scene):
    options = old_scene.make_4d_camera
    assert options.move == "ORBIT" and options.max_inpainted == 0.25


@pytest.mark.parametrize("link", [True, False], ids=["linked", "appended"])
def test_linked_and_appended_data_is_upgraded(addon, link):
    scene = bring(link)
    parts = parts_of(scene)
    assert "observed" in parts.still.data.attributes
    assert "outpainted" in editable_images_of(parts.still)


def test_linked_data_is_upgraded_again_when_the_file_is_opened_again(addon, tmp_path):
    bpy.context.window.scene = bring(True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    parts = parts_of(bpy.data.scenes["Lake"])
    assert parts.still.library is not None and "observed" in parts.still.data.attributes


def test_an_old_file_renders_as_a_scene_made_today(
    old_scene, make_scene_data, tmp_path, monkeypatch
):
    old = disocclusion(old_scene, tmp_path, monkeypatch)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    build_scene(version_1_data(make_scene_data), "lake", bpy.context.scene)
    new = disocclusion(bpy.context.scene, tmp_path, monkeypatch)
    assert old.any() and not old.all()
    np.testing.assert_array_equal(old, new)


def test_an_old_file_can_be_rebuilt(old_scene, make_scene_data):
    parts = parts_of(old_scene)
    data = version_1_data(make_scene_data)
    replace_points(parts.still, parts.moving, data, "{}")
    assert len(parts.still.data.points) == data.still.count
    assert not editable_images_of(parts.still)


def test_a_newer_file_says_what_to_do(addon, make_scene_data, tmp_path, capfd):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    build_scene(make_scene_data(), "lake", bpy.context.scene)
    still = parts_of(bpy.context.scene).still
    still[VERSION] = SCENE_VERSION + 1
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "newer.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "newer.blend"))
    assert scene_parts.NEWER_SCENE in capfd.readouterr().err
    with raises_message(SceneError, scene_parts.NEWER_SCENE):
        parts_of(bpy.context.scene)
    assert bpy.context.scene.objects["lake Still"][VERSION] > SCENE_VERSION
