"""Scene data becomes an ordinary scene; the artist's data stays; failure leaves nothing behind."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from make_4d.geometry import custom_properties
from make_4d.geometry.core.camera import blender_from_camera
from messages import raises_message

PARTS = ("make_rig", "make_cloud", "make_material", "add_animation", "mark", "show")


@pytest.fixture
def build(addon, empty_blend):
    from make_4d.geometry import build

    return build


def positions(bpy, name, frame, scene):
    """Return the positions (P, 3) of a cloud after its modifiers at a frame."""
    scene.frame_set(frame)
    depsgraph = scene.view_layers[0].depsgraph
    geometry = bpy.data.objects[name].evaluated_get(depsgraph).evaluated_geometry()
    data = geometry.pointcloud.attributes["position"].data
    values = np.empty(len(data) * 3, np.float32)
    data.foreach_get("vector", values)
    return values.reshape(-1, 3)


def plain(value):
    """Return a value that compares by content."""
    if hasattr(value, "name_full"):
        return value.name_full
    return tuple(value) if hasattr(value, "__len__") and not isinstance(value, str) else value


def state(scene):
    """Return the objects and all simple settings of a scene as values."""
    parts = (scene, scene.render, scene.view_settings, scene.render.image_settings)
    settings = {}
    for part in parts:
        for name, kind in part.bl_rna.properties.items():
            if name not in ("session_uid", "use_nodes") and kind.type in (
                "INT",
                "FLOAT",
                "BOOLEAN",
                "STRING",
                "ENUM",
            ):
                settings[f"{part.rna_type.identifier}.{name}"] = plain(getattr(part, name))
    settings["camera"], settings["world"] = plain(scene.camera), plain(scene.world)
    settings["objects"] = {o.name: tuple(map(tuple, o.matrix_world)) for o in scene.objects}
    settings["collections"] = [c.name for c in scene.collection.children_recursive]
    return settings


def everything(bpy):
    """Return the names of all data-blocks."""
    return {(d.id_type, d.name) for d in bpy.data.user_map()}


def test_an_empty_scene_is_set_up_in_place(build, empty_blend, make_scene_data):
    bpy = empty_blend
    scene, scene_data = bpy.context.scene, make_scene_data(frames=12)
    built = build.build_scene(scene_data, "photo", scene)
    assert built.scene == scene.name and len(bpy.data.scenes) == 1
    render = scene.render
    assert (render.resolution_x, render.resolution_y) == (64, 48)
    assert render.resolution_percentage == 100 and render.engine == "MAKE_4D"
    assert (scene.frame_start, scene.frame_end, scene.frame_current) == (1, 12, 1)
    assert scene.view_settings.view_transform == "Standard" and render.dither_intensity == 0
    assert scene.camera.name == built.camera
    collection = bpy.data.collections[built.collection]
    assert collection.name == "Make 4D photo" and collection in list(scene.collection.children)
    roles = {o[custom_properties.ROLE]: o.name for o in collection.objects}
    assert roles == {
        "still": built.still,
        "moving": built.moving,
        "path": built.curve,
        "camera": built.camera,
        "target": built.target,
    }
    assert all(
        o[custom_properties.VERSION] == custom_properties.SCENE_VERSION for o in collection.objects
    )
    np.testing.assert_array_equal(
        positions(bpy, built.still, 5, scene), blender_from_camera(scene_data.still.position)
    )
    assert len(positions(bpy, built.moving, 5, scene)) == 2 * scene_data.moving.count


def test_cache_id_is_stored_on_everything(build, empty_blend, make_scene_data):
    built = build.build_scene(make_scene_data(), "photo", None, cache_id="abc123")
    assert empty_blend.data.objects[built.still]["make_4d_cache"] == "abc123"
    assert empty_blend.data.collections[built.collection]["make_4d_cache"] == "abc123"


def test_without_motion_there_is_no_moving_cloud(build, empty_blend, make_scene_data):
    built = build.build_scene(make_scene_data(motion=False), "photo", empty_blend.context.scene)
    assert built.moving is None
    assert len(empty_blend.data.pointclouds) == 1 and not empty_blend.data.node_groups


def test_the_artists_scene_stays_as_it_is(build, empty_blend, make_scene_data):
    bpy = empty_blend
    bpy.ops.wm.read_factory_settings()
    scene = bpy.context.scene
    scene.render.resolution_x, scene.frame_end, scene.frame_current = 777, 99, 33
    bpy.context.view_layer.update()
    before, blocks = state(scene), everything(bpy)
    built = build.build_scene(make_scene_data(), "photo", scene)
    assert state(scene) == before
    assert blocks < everything(bpy)
    made = bpy.data.scenes[built.scene]
    assert made != scene and made.name == "Make 4D photo"
    assert {o.name for o in made.objects}.isdisjoint(before["objects"])
    assert bpy.context.window.scene == made


@pytest.mark.parametrize("work", ["object", "nested", "strip", "marker"])
def test_a_used_scene_is_left_alone(build, empty_blend, make_scene_data, work):
    bpy = empty_blend
    scene = bpy.context.scene
    if work == "object":
        scene.collection.objects.link(bpy.data.objects.new("mine", None))
    elif work == "nested":
        inner = bpy.data.collections.new("mine")
        scene.collection.children.link(inner)
        inner.objects.link(bpy.data.objects.new("mine", None))
    elif work == "strip":
        scene.sequence_editor_create().strips.new_effect("c", "COLOR", 1, 1, length=9)
    else:
        scene.timeline_markers.new("mine", frame=3)
    assert build.build_scene(make_scene_data(), "photo", scene).scene != scene.name


def test_a_second_scene_shares_nothing_but_the_node_groups(build, empty_blend, make_scene_data):
    bpy = empty_blend
    first = build.build_scene(make_scene_data(), "photo", bpy.context.scene)
    before = state(bpy.data.scenes[first.scene])
    second = build.build_scene(make_scene_data(seed=1), "photo", bpy.data.scenes[first.scene])
    for part, name in asdict(first).items():
        assert asdict(second)[part] != name
    assert state(bpy.data.scenes[first.scene]) == before
    assert len({group.name.partition(".")[0] for group in bpy.data.node_groups}) == len(
        bpy.data.node_groups
    )
    assert len(bpy.data.materials) == 4


@pytest.mark.parametrize("factory", [True, False], ids=["new-scene", "in-place"])
@pytest.mark.parametrize("part", PARTS)
def test_failure_leaves_nothing_behind(
    build, empty_blend, make_scene_data, monkeypatch, part, factory
):
    bpy = empty_blend
    if factory:
        bpy.ops.wm.read_factory_settings()
    scene = bpy.context.scene
    scene.frame_set(33)
    before, blocks = state(scene), everything(bpy)
    real, calls = getattr(build, part), []

    def failing(*arguments):
        """Fail at the second call, or at the first if there is only one."""
        calls.append(real(*arguments))
        if len(calls) == 2 or part in ("make_rig", "add_animation", "show"):
            raise RuntimeError("in the middle")
        return calls[-1]

    monkeypatch.setattr(build, part, failing)
    with pytest.raises(RuntimeError, match="in the middle"):
        build.build_scene(make_scene_data(), "photo", scene)
    assert everything(bpy) == blocks
    assert state(scene) == before
    assert bpy.context.window.scene == scene


def test_invalid_arrays_leave_nothing_behind(build, empty_blend, make_scene_data):
    from make_4d.geometry.clouds import WRONG_SHAPE

    scene_data = make_scene_data()
    bad = replace(
        scene_data, moving=replace(scene_data.moving, radius=scene_data.moving.radius[1:])
    )
    blocks = everything(empty_blend)
    with raises_message(ValueError, WRONG_SHAPE, name="radius"):
        build.build_scene(bad, "photo", empty_blend.context.scene)
    assert everything(empty_blend) == blocks


def test_one_undo_step_reverts_everything(build, empty_blend, make_scene_data):
    bpy = empty_blend
    bpy.ops.wm.read_factory_settings()
    before, blocks = state(bpy.context.scene), everything(bpy)
    bpy.ops.ed.undo_push(message="before")
    build.build_scene(make_scene_data(), "photo", bpy.context.scene)
    bpy.ops.ed.undo_push(message="Make 4D")
    assert bpy.ops.ed.undo() == {"FINISHED"}
    assert everything(bpy) == blocks
    assert bpy.context.window.scene.name == "Scene" and state(bpy.context.scene) == before


def test_saved_file_is_the_same_when_opened(build, empty_blend, make_scene_data, tmp_path):
    bpy = empty_blend
    built = build.build_scene(make_scene_data(), "photo", bpy.context.scene)

    def seen():
        scene = bpy.data.scenes[built.scene]
        frames = [positions(bpy, built.moving, frame, scene) for frame in (9, 1, 5)]
        frames.append(positions(bpy, built.still, 5, scene))
        scene.frame_set(7)
        depsgraph = scene.view_layers[0].depsgraph
        camera = bpy.data.objects[built.camera].evaluated_get(depsgraph)
        scene.frame_set(1)
        return [*frames, np.array(camera.matrix_world)], state(scene)

    arrays, settings = seen()
    path = str(tmp_path / "a scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path, compress=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=path)
    again, settings_again = seen()
    for one, other in zip(arrays, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert settings_again == settings
    assert bpy.data.objects[built.still]["make_4d_role"] == "still"


@pytest.mark.parametrize("name", ["", "Ölbild 夕焼け", "x" * 300])
def test_unusual_names_are_accepted(build, empty_blend, make_scene_data, name):
    bpy = empty_blend
    built = build.build_scene(make_scene_data(width=8, height=6), name, bpy.context.scene)
    again = build.build_scene(make_scene_data(width=8, height=6), name, bpy.context.scene)
    for names in (built, again):
        assert names.collection in bpy.data.collections
        parts = (names.still, names.moving, names.curve, names.camera, names.target)
        assert len(set(parts)) == 5 and all(part in bpy.data.objects for part in parts)


def test_film_output(addon, empty_blend, tmp_path):
    from make_4d.geometry.scene_setup import set_film_output

    scene = empty_blend.context.scene
    set_film_output(scene, str(tmp_path / "film.mp4"))
    image, film = scene.render.image_settings, scene.render.ffmpeg
    assert (image.media_type, image.file_format) == ("VIDEO", "FFMPEG")
    assert (film.format, film.codec, film.audio_codec) == ("MPEG4", "H264", "NONE")
    assert scene.render.frame_path(frame=1).startswith(str(tmp_path / "film"))


@pytest.mark.parametrize(("meters", "scale"), [(0.0, 1.0), (2.5, 2.5)])
def test_scene_of_known_scale_uses_meters(build, empty_blend, make_scene_data, meters, scale):
    scene_data = make_scene_data()
    scene_data = replace(scene_data, plan=replace(scene_data.plan, meters_per_unit=meters))
    built = build.build_scene(scene_data, "observed", empty_blend.context.scene)
    scene = empty_blend.data.scenes[built.scene]
    assert scene.unit_settings.scale_length == pytest.approx(scale)
