"""4D scenes in other files: linked, appended, several in one, and moved with their cache."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from lake_scene import make_lake_file
from make_4d.render.missing_libraries import MISSING
from messages import raises_message
from render_scene import rendered


@pytest.fixture(scope="module")
def made(addon, tmp_path_factory):
    """A saved file with a 4D scene, and the name of the scene."""
    path = make_lake_file(tmp_path_factory.mktemp("asset"))
    bpy.context.scene.name = "Lake"  # unlike the scene of an empty file
    bpy.ops.wm.save_mainfile()
    return path, "Lake"


@pytest.fixture
def original(made, tmp_path):
    """The picture of the file's own scene, half-way through its flight."""
    bpy.ops.wm.open_mainfile(filepath=str(made[0]))
    return picture(bpy.context.scene, tmp_path)


def picture(scene, folder):
    """The scene's frame 4. It is shown first: Blender renders at the shown scene's frame."""
    bpy.context.window.scene = scene
    scene.frame_set(4)
    return rendered(scene, folder)


def bring(path, name, link):
    """Link or append a scene into an empty file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(path), link=link) as (_, into):
        into.scenes = [name]
    return into.scenes[0]


@pytest.mark.parametrize("link", [True, False], ids=["linked", "appended"])
def test_a_scene_in_another_file_renders_the_same(made, original, tmp_path, link):
    scene = bring(*made, link)
    assert (scene.library is not None) == link and scene.camera is not None
    assert original[..., :3].std() > 0.02
    np.testing.assert_array_equal(picture(scene, tmp_path), original)


@pytest.mark.parametrize("link", [True, False], ids=["linked", "appended"])
def test_it_still_does_after_saving_and_opening_again(made, original, tmp_path, link):
    scene = bring(*made, link)
    name = scene.name
    bpy.context.window.scene = scene  # so that it is saved
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    np.testing.assert_array_equal(picture(bpy.data.scenes[name], tmp_path), original)


def test_two_results_in_one_file_stay_apart(made, original, tmp_path):
    first = bring(*made, False)
    with bpy.data.libraries.load(str(made[0]), link=False) as (_, into):
        into.scenes = [made[1]]
    second = into.scenes[0]
    assert first != second and not set(first.objects) & set(second.objects)
    for cloud in [o for o in second.objects if o.type == "POINTCLOUD"]:
        bpy.data.objects.remove(cloud)
    np.testing.assert_array_equal(picture(first, tmp_path), original)


@pytest.mark.parametrize("shown", ["child", "instance"])
def test_a_missing_library_is_reported_and_no_frame_rendered(made, tmp_path, shown):
    """As on a farm computer without the file, where Blender itself would render the rest."""
    library = tmp_path / "library.blend"
    shutil.copy(made[0], library)
    film = tmp_path / "film.blend"
    link_clouds(library, film, shown)
    assert rendered(bpy.context.scene, tmp_path)[..., :3].std() > 0.02
    library.unlink()
    bpy.ops.wm.open_mainfile(filepath=str(film))
    values = {"name": "Make 4D photo", "file": str(library)}
    with raises_message(RuntimeError, MISSING, **values):
        rendered(bpy.context.scene, tmp_path)
    # What isn't rendered may be missing.
    for part in (*bpy.context.scene.collection.children, *bpy.data.objects):
        part.hide_render = part.name != "Lens"
    rendered(bpy.context.scene, tmp_path)


def link_clouds(library, film, shown):
    """A scene of its own, saved, that shows the linked clouds as a collection or an instance."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(library), link=True) as (_, into):
        into.collections = ["Make 4D photo"]
    scene = bpy.context.scene
    if shown == "child":
        scene.collection.children.link(into.collections[0])
    else:
        instance = bpy.data.objects.new("Instance", None)
        instance.instance_type, instance.instance_collection = "COLLECTION", into.collections[0]
        scene.collection.objects.link(instance)
    scene.camera = bpy.data.objects.new("Lens", bpy.data.cameras.new("Lens"))
    scene.camera.rotation_euler.x = np.pi / 2
    scene.collection.objects.link(scene.camera)
    scene.render.engine = "MAKE_4D"
    scene.render.resolution_x, scene.render.resolution_y = 96, 72
    bpy.ops.wm.save_as_mainfile(filepath=str(film))


def test_a_file_that_moved_with_its_cache_makes_nothing_again(made, tmp_path):
    """On another machine: the folder has another name, and the stages are found beside the file."""
    moved = tmp_path / "elsewhere"
    shutil.copytree(made[0].parent, moved)
    before = {path.name for path in (moved / "make_4d_cache").iterdir()}
    bpy.ops.wm.open_mainfile(filepath=str(moved / made[0].name))
    scene = bpy.context.scene
    scene.make_4d.photo = str(moved / "photo.png")
    assert bpy.ops.make_4d.make("EXEC_DEFAULT", True) == {"FINISHED"}
    assert {path.name for path in (moved / "make_4d_cache").iterdir()} == before
