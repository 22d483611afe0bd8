"""Rebuild: painted pictures, changed settings and single layers become the scene again."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from lake_scene import make_lake_file, paint
from make_4d.geometry.custom_properties import MOTION_REGIONS
from make_4d.geometry.editable_images import (
    EDITED,
    FRESH,
    PAINTED,
    editable_images_of,
    image_edits,
    label_of,
    read_levels,
    state_of,
)
from make_4d.geometry.nodes.hide_layers import GROUP_ROLE
from make_4d.geometry.nodes.tree import modifier_of
from make_4d.geometry.read_clouds import read_attribute
from make_4d.geometry.scene_parts import NO_SCENE, parts_of
from make_4d.jobs.edits import LINKED
from make_4d.jobs.stage_states import needs_rebuild, states
from messages import raises_message

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(addon, tmp_path_factory):
    """A file with a 4D scene of a small landscape, made by the operator."""
    return make_lake_file(tmp_path_factory.mktemp("rebuild"))


@pytest.fixture
def parts(made):
    """The scene's parts, freshly opened."""
    bpy.ops.wm.open_mainfile(filepath=str(made))
    return parts_of(bpy.context.scene)


def rebuild(**options):
    assert bpy.ops.make_4d.rebuild("EXEC_DEFAULT", True, **options) == {"FINISHED"}
    return parts_of(bpy.context.scene)


def colors(parts):
    return read_attribute(parts.still, "Color", "color", 4)


def test_a_scene_has_its_editable_images(parts):
    images = editable_images_of(parts.still)
    assert list(images)[:2] == ["outpainted", "disparity"] and "layer_1" in images
    assert all(image.has_data or image.size[0] > 0 for image in images.values())
    assert {state_of(image) for image in images.values()} == {FRESH}
    assert images["outpainted"].filepath.startswith("//make_4d_cache")
    assert images["disparity"].is_float and images["disparity"].name == "photo Disparity"
    assert images["disparity"].colorspace_settings.name == "Non-Color"
    assert set(states(bpy.context.scene).values()) == {FRESH}
    assert not needs_rebuild(states(bpy.context.scene))
    assert image_edits(parts.still) == []


def test_labels():
    names = ("outpainted", "disparity", "mask_0", "layer_2", "layer_3")
    labels = ["Outpainted Photo", "Disparity", "Layer 1 Mask", "Layer 3", "Sky"]
    assert [label_of(name, 3) for name in names] == labels


def test_paint_in_the_outpainted_photo_is_in_the_scene(parts):
    image = editable_images_of(parts.still)["outpainted"]
    paint(image, slice(80, 90), slice(60, 80), (1.0, 0.0, 0.0))
    found = states(bpy.context.scene)
    assert found["outpaint"] == PAINTED and found["depth"] == found["motion"] == "stale"
    assert not (colors(parts)[:, :3] == (1, 0, 0)).all(axis=1).any()
    place = parts.camera.name, parts.path.data.splines[0].bezier_points[1].co.copy()
    parts = rebuild()
    assert (np.abs(colors(parts)[:, :3] - (1, 0, 0)) < 1e-6).all(axis=1).sum() > 100
    assert (parts.camera.name, parts.path.data.splines[0].bezier_points[1].co) == place
    after = editable_images_of(parts.still)["outpainted"]
    assert state_of(after) == EDITED and after.packed_file is not None
    assert after.name == "photo Outpainted Photo" and not needs_rebuild(states(bpy.context.scene))
    assert states(bpy.context.scene)["outpaint"] == EDITED
    assert (read_levels("outpainted", after)[80:90, 60:80] == (255, 0, 0)).all()


def test_edits_survive_saving_and_the_loss_of_the_cache(parts, made, tmp_path):
    paint(
        editable_images_of(parts.still)["outpainted"], slice(80, 90), slice(60, 80), (0.0, 0.0, 1.0)
    )
    other = tmp_path / "elsewhere" / "scene.blend"
    other.parent.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(other))
    bpy.ops.wm.open_mainfile(filepath=str(other))
    parts = parts_of(bpy.context.scene)
    assert state_of(editable_images_of(parts.still)["outpainted"]) == PAINTED
    parts = rebuild()
    assert (other.parent / "make_4d_cache").is_dir()
    assert (np.abs(colors(parts)[:, :3] - (0, 0, 1)) < 1e-6).all(axis=1).sum() > 100
    bpy.ops.wm.save_mainfile()
    shutil.rmtree(other.parent / "make_4d_cache")
    bpy.ops.wm.open_mainfile(filepath=str(other))
    parts = rebuild()  # nothing is left but what is packed
    assert (np.abs(colors(parts)[:, :3] - (0, 0, 1)) < 1e-6).all(axis=1).sum() > 100
    assert editable_images_of(parts.still)["layer_1"].size[0] > 0


def test_undo_restores_the_edit_and_redo_the_result(parts):
    bpy.ops.ed.undo_push(message="start")
    paint(
        editable_images_of(parts.still)["outpainted"], slice(80, 90), slice(60, 80), (1.0, 0.0, 0.0)
    )
    count = len(rebuild().still.data.points)
    bpy.ops.ed.undo()
    parts = parts_of(bpy.context.scene)
    image = editable_images_of(parts.still)["outpainted"]
    assert state_of(image) == PAINTED and needs_rebuild(states(bpy.context.scene))
    assert (read_levels("outpainted", image)[80:90, 60:80] == (255, 0, 0)).all()
    assert not (colors(parts)[:, :3] == (1, 0, 0)).all(axis=1).any()
    bpy.ops.ed.redo()
    parts = parts_of(bpy.context.scene)
    assert state_of(editable_images_of(parts.still)["outpainted"]) == EDITED
    assert len(parts.still.data.points) == count
    assert (
        read_levels("outpainted", editable_images_of(parts.still)["outpainted"])[80:90, 60:80, 0]
        == 255
    ).all()


def test_stages_that_depend_on_no_change_are_not_run_again(parts, made):
    """What Rebuild asks for with all at their defaults is what Make 4D asked for."""
    cache = made.parent / "make_4d_cache"
    before = set(cache.glob("*-*"))
    rebuild()
    assert bpy.ops.make_4d.update_motion("EXEC_DEFAULT", True) == {"FINISHED"}
    assert set(cache.glob("*-*")) == before


def test_an_image_saved_by_another_program_is_an_edit(parts):
    image = editable_images_of(parts.still)["layer_1"]
    paint(image, slice(20, 30), slice(20, 90), (0.0, 1.0, 0.0))
    image.save()
    assert not image.is_dirty and state_of(image) == PAINTED
    parts = rebuild()
    assert state_of(editable_images_of(parts.still)["layer_1"]) == EDITED
    parts = rebuild(without="layer_1")  # which also sets the file right that was saved over
    image = editable_images_of(parts.still)["layer_1"]
    assert state_of(image) == FRESH
    assert not (read_levels("layer_1", image)[20:30, 20:90] == (0, 255, 0)).all(axis=-1).any()


def test_edits_of_an_image_can_be_discarded(parts):
    original = read_levels("outpainted", editable_images_of(parts.still)["outpainted"])
    paint(
        editable_images_of(parts.still)["outpainted"], slice(80, 90), slice(60, 80), (1.0, 0.0, 0.0)
    )
    rebuild()
    parts = rebuild(without="outpainted")
    image = editable_images_of(parts.still)["outpainted"]
    assert state_of(image) == FRESH
    np.testing.assert_array_equal(read_levels("outpainted", image), original)
    assert not (colors(parts)[:, :3] == (1, 0, 0)).all(axis=1).any()


def test_settings_make_stages_stale(parts):
    scene = bpy.context.scene
    scene.make_4d.layers = 2
    found = states(scene)
    assert found["depth"] == FRESH and found["cluster"] == found["inpaint"] == "stale"
    parts = rebuild()
    assert needs_rebuild(states(scene)) is False
    assert "mask_1" not in editable_images_of(parts.still) and "mask_0" in editable_images_of(
        parts.still
    )


def test_another_size_changes_image_and_camera(parts):
    scene, lens = bpy.context.scene, parts.camera.data.lens
    scene.make_4d.size = 128
    rebuild()
    assert (scene.render.resolution_x, scene.render.resolution_y) == (128, 96)
    assert parts_of(scene).camera.data.lens == pytest.approx(lens, rel=0.05)  # estimated anew
    scene.render.resolution_x = 77
    scene.make_4d.size = 96
    rebuild()
    assert scene.render.resolution_x == 77


def test_one_layer_is_inpainted_again(parts):
    before = {n: read_levels(n, i) for n, i in editable_images_of(parts.still).items()}
    parts = rebuild(again=1)
    assert parts.still.make_4d_layers[1].seed == 1
    after = {n: read_levels(n, i) for n, i in editable_images_of(parts.still).items()}
    same = {name: np.array_equal(before[name], after[name]) for name in before}
    assert not same.pop("layer_1") and all(same.values())
    parts.still.make_4d_layers[2].seed = 7
    assert states(bpy.context.scene)["inpaint"] == "stale"


def test_a_hidden_layer_is_not_drawn(parts):
    def drawn():
        depsgraph = bpy.context.evaluated_depsgraph_get()
        return [
            set(
                np.unique(
                    read_attribute(cloud.evaluated_get(depsgraph), "layer", "value", kind=int)
                )
            )
            for cloud in (parts.still, parts.moving)
        ]

    everything = drawn()
    assert 1 in everything[0]
    parts.still.make_4d_layers[1].hide = True
    assert drawn() == [layers - {1} for layers in everything]
    assert modifier_of(parts.still, GROUP_ROLE) == parts.still.modifiers[0]
    parts = rebuild(again=2)
    assert 1 not in drawn()[0], "a hidden layer stays hidden"
    parts.still.make_4d_layers[1].hide = False
    assert modifier_of(parts.still, GROUP_ROLE) is None
    assert 1 in drawn()[0]


def test_update_motion_keeps_edits_of_other_images(parts):
    paint(
        editable_images_of(parts.still)["outpainted"], slice(80, 90), slice(60, 80), (1.0, 0.0, 0.0)
    )
    rebuild()
    paint(parts.still[MOTION_REGIONS], slice(None), slice(None), 0.0)
    assert bpy.ops.make_4d.update_motion("EXEC_DEFAULT", True) == {"FINISHED"}
    parts = parts_of(bpy.context.scene)
    assert (np.abs(colors(parts)[:, :3] - (1, 0, 0)) < 1e-6).all(axis=1).sum() > 100
    assert len(parts.moving.data.points) == 0


def test_editable_images_come_with_an_appended_scene(made, tmp_path):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(made)) as (there, here):
        here.scenes = list(there.scenes)
    still = parts_of(here.scenes[-1]).still
    images = editable_images_of(still)
    assert {"outpainted", "disparity", "layer_1"} <= set(images)
    assert all(image.size[0] > 0 for image in images.values())


def test_a_linked_scene_cannot_be_rebuilt(made):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(made), link=True) as (there, here):
        here.scenes = list(there.scenes)
    linked = here.scenes[-1]
    with (
        bpy.context.temp_override(scene=linked, view_layer=linked.view_layers[0]),
        raises_message(RuntimeError, LINKED),
    ):
        bpy.ops.make_4d.rebuild()


def test_a_scene_can_be_moved_with_its_photo_and_images(parts, made, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(here / "scene.blend"))
    assert bpy.ops.make_4d.collect_files() == {"FINISHED"}
    assert bpy.context.scene.make_4d.photo == "//make_4d_cache/photos/photo.png"
    bpy.ops.wm.save_mainfile()
    shutil.move(here, there)
    moved = made.parent.rename(made.parent.with_name("hidden"))
    try:
        bpy.ops.wm.open_mainfile(filepath=str(there / "scene.blend"))
        images = editable_images_of(parts_of(bpy.context.scene).still)
        assert all(image.size[0] > 0 and state_of(image) == FRESH for image in images.values())
        assert not needs_rebuild(states(bpy.context.scene))
        paint(images["outpainted"], slice(80, 90), slice(60, 80), (1.0, 0.0, 0.0))
        red = (np.abs(colors(rebuild())[:, :3] - (1, 0, 0)) < 1e-6).all(axis=1)
        assert red.sum() > 100
    finally:
        moved.rename(made.parent)


def test_collect_files_needs_a_saved_file(addon):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    assert not bpy.ops.make_4d.collect_files.poll()


def test_rebuild_without_a_4d_scene_is_an_error(addon):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with raises_message(RuntimeError, NO_SCENE):
        bpy.ops.make_4d.rebuild()
    assert states(bpy.context.scene) == {} and not needs_rebuild(states(bpy.context.scene))
