"""The parts of a 4D scene are found, and belong together, also when some were duplicated."""

from __future__ import annotations

import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.geometry import scene_parts
from make_4d.geometry.build import build_scene
from make_4d.geometry.scene_parts import SceneError, SceneParts, parts_of
from make_4d.geometry.scene_path import PathRequest, remake_path
from messages import raises_message
from rig_parts import made

RIG = ("path", "camera", "target")


@pytest.fixture
def parts(addon, make_scene_data) -> SceneParts:
    """The parts of a new scene; nothing is active."""
    parts = made(make_scene_data())
    activate(None)
    return parts


def activate(one) -> None:
    bpy.context.view_layer.objects.active = one


def duplicates(*objects):
    """Duplicate objects as the artist does, relations between them included."""
    bpy.ops.object.select_all(action="DESELECT")
    for each in objects:
        each.select_set(True)
    activate(objects[-1])
    bpy.ops.object.duplicate()
    copies = list(bpy.context.selected_objects)
    activate(None)
    return {copy["make_4d_role"]: copy for copy in copies}


def rig_of(scene):
    found = parts_of(scene)
    return {role: getattr(found, role) for role in RIG}


def test_a_duplicated_rig_leaves_the_scenes_camera_in_use(parts):
    scene = bpy.context.scene
    own = {role: getattr(parts, role) for role in RIG}
    duplicates(*own.values())
    assert rig_of(scene) == own


def test_a_duplicated_rig_is_used_whole_when_its_camera_films(parts):
    scene = bpy.context.scene
    copies = duplicates(parts.path, parts.camera, parts.target)
    scene.camera = copies["camera"]
    assert rig_of(scene) == copies


@pytest.mark.parametrize("role", RIG)
def test_a_duplicated_rig_is_used_whole_when_one_of_it_is_active(parts, role):
    copies = duplicates(parts.path, parts.camera, parts.target)
    activate(copies[role])
    assert rig_of(bpy.context.scene) == copies


def test_a_new_path_is_laid_for_the_camera_that_films(parts):
    scene = bpy.context.scene
    before = [tuple(p.co) for p in parts.path.data.splines[0].bezier_points]
    copies = duplicates(parts.path, parts.camera, parts.target)
    scene.camera = copies["camera"]
    rig = remake_path(scene, parts_of(scene), PathRequest("SIDE"))
    assert rig.camera == copies["camera"] and rig.curve == copies["path"]
    assert [tuple(p.co) for p in parts.path.data.splines[0].bezier_points] == before


def test_a_second_camera_without_a_path_does_not_take_the_firsts(parts):
    scene = bpy.context.scene
    copy = duplicates(parts.camera)["camera"]
    copy.constraints.clear()
    scene.camera = copy
    assert rig_of(scene) == {"camera": copy, "path": None, "target": None}


def test_a_path_that_lost_its_constraint_is_still_the_cameras(parts):
    parts.camera.constraints.clear()
    assert rig_of(bpy.context.scene) == {role: getattr(parts, role) for role in RIG}


def test_a_duplicated_scene_keeps_its_clouds_together(parts):
    copies = duplicates(parts.still, parts.moving, parts.path, parts.camera, parts.target)
    for role in ("still", "moving"):
        copies[role].location.x += 5.0
    bpy.context.view_layer.update()
    activate(copies["still"])
    assert parts_of(bpy.context.scene).moving == copies["moving"]
    activate(parts.still)
    assert parts_of(bpy.context.scene).moving == parts.moving


def test_parts_in_other_collections_are_found(parts):
    scene = bpy.context.scene
    for role in ("moving", "camera"):
        part = getattr(parts, role)
        for collection in part.users_collection:
            collection.objects.unlink(part)
        scene.collection.objects.link(part)
        assert parts_of(scene) == parts


def test_parts_are_found_without_a_collection_of_ours(parts):
    scene = bpy.context.scene
    collection = parts.still.users_collection[0]
    for part in list(collection.objects):
        scene.collection.objects.link(part)
    bpy.data.collections.remove(collection)
    assert parts_of(scene) == parts


def test_of_two_scenes_in_one_the_active_objects_counts(parts, make_scene_data):
    scene = bpy.context.scene
    build_scene(make_scene_data(seed=1), "second", bpy.data.scenes.new("other"), "id 2")
    second = bpy.data.collections["Make 4D second"]
    scene.collection.children.link(second)
    activate(bpy.data.objects["second Camera"])
    assert parts_of(scene).still.name == "second Still"
    activate(None)
    assert parts_of(scene) == parts


def test_a_scene_without_a_4d_photo_says_what_to_do(addon):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with raises_message(SceneError, scene_parts.NO_SCENE):
        parts_of(bpy.context.scene)


def test_usual_scenes_are_found_without_a_walk_through_all_objects(parts):
    """A panel asks at every redraw, so a usual scene is found in its collection alone."""
    scene = bpy.context.scene
    found = scene_parts.possible_parts(scene, None)
    assert set(found) == {parts.still, parts.moving, parts.path, parts.camera, parts.target}
    own = bpy.data.objects.new("own", None)
    scene.collection.objects.link(own)
    own["make_4d_role"] = "still"  # would be a candidate if it were looked at
    assert own not in scene_parts.possible_parts(scene, None)
