"""Objects that EEVEE renders among the points: what hides what, what is kept, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import numpy as np
import pytest
import render_scene
from objects_parts import (
    GREEN,
    HEIGHT,
    RED,
    SKY,
    WIDTH,
    add_square,
    add_wall,
    is_green,
    is_red,
    joining,
    names,
    outside_hole,
    pixel_points,
    place,
)
from render_scene import add_points, rendered

pytestmark = pytest.mark.slow

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
objects_scene = import_module("make_4d.geometry.objects_scene")
depth_over = import_module("make_4d.geometry.nodes.depth_over")
operator = import_module("make_4d.operators.render")
compositor = import_module("make_4d.geometry.objects_compositor")
is_message = import_module("messages").is_message


@pytest.fixture
def scene(empty_blend) -> Iterator:
    """An empty scene of 96 x 64 pixels with a wide lens, and the operator."""
    missing = not operator.MAKE4D_OT_add_objects.is_registered
    with render_scene.opened(empty_blend) as scene:
        if missing:
            operator.register()
        scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
        scene.camera.data.lens = 18.0
        try:
            yield scene
        finally:
            if missing:
                operator.unregister()


def test_nearer_object_covers_and_farther_one_shows_through_a_hole(scene, tmp_path) -> None:
    add_wall(scene, 5.0, keep=outside_hole)
    add_square(scene.collection, (24, 32), 3.0, 10)
    add_square(scene.collection, (68, 32), 8.0, 24)  # twice as large as the hole
    assert place() == {"FINISHED"}
    picture = rendered(scene, tmp_path)
    red, green = is_red(picture), is_green(picture)
    assert red[23:41, 15:33].all() and red[24:40, 60:76].all()
    assert green[:20].all() and green[44:].all()
    assert green[12:52, 85:].all() and green[12:52, 36:52].all()
    # The edge of the near square lies within a pixel: nothing but mixtures of red and green.
    edge = picture[24:40, 12:16, :3]
    assert edge[..., 2].max() < 0.02
    np.testing.assert_allclose(edge[..., 0] + edge[..., 1] / 0.6, 1.0, atol=0.03)
    assert (picture[..., 3] == 1).all()


@pytest.mark.parametrize(("depth", "covers"), [(4.9, True), (5.1, False)])
def test_both_engines_measure_depth_along_the_view_axis(scene, tmp_path, depth, covers) -> None:
    add_wall(scene, 5.0)
    add_square(scene.collection, (48, 32), depth, 100)
    place()
    picture = rendered(scene, tmp_path)
    # In the corners the distance to the camera is 1.56 times the depth.
    assert (is_red if covers else is_green)(picture).all()


@pytest.mark.parametrize("transparent", [False, True])
def test_render_without_objects_is_unchanged(scene, rng, tmp_path, transparent) -> None:
    render_scene.add(scene, render_scene.random_points(rng))
    scene.render.film_transparent = transparent
    before = rendered(scene, tmp_path)
    assert place() == {"FINISHED"}
    assert {o.type for o in bpy.data.collections["Objects"].all_objects} == {"LIGHT"}
    np.testing.assert_array_equal(rendered(scene, tmp_path), before)


def test_transparent_film_shows_objects_behind_soft_points(scene, tmp_path) -> None:
    add_points(
        scene,
        np.array([[0, 0, 3.0]], np.float32),
        radius=np.array([1.0]),
        Color=np.array([[0, 0.6, 0, 0.5]]),
    )
    add_square(scene.collection, (48, 32), 8.0, 24)
    scene.render.film_transparent = True
    place()
    picture = rendered(scene, tmp_path)
    np.testing.assert_allclose(picture[32, 48], [0.5, 0.3, 0, 1], atol=0.02)
    assert not picture[2, 2].any()


def test_any_frame_size_and_camera(scene, tmp_path) -> None:
    add_wall(scene, 5.0, keep=outside_hole)
    square = add_square(scene.collection, (24, 32), 3.0, 10)
    place()
    scene.render.resolution_percentage = 50
    camera = scene.camera
    # At frame 4 the camera stands one unit to the left, and the square with it.
    for thing in (camera, square):
        x = thing.location.x
        for frame, offset in ((1, 0.0), (4, -1.0)):
            thing.location.x = x + offset
            thing.keyframe_insert("location", frame=frame)
    scene.frame_start, scene.frame_end = 4, 4
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth = "OPEN_EXR", "32"
    scene.render.filepath = str(tmp_path / "frame_")
    bpy.ops.render.render(animation=True, scene=scene.name)
    pixels = render_scene.pixels_of(tmp_path / "frame_0004.exr")
    picture = pixels.reshape(HEIGHT // 2, WIDTH // 2, -1)[::-1]
    assert is_red(picture)[13:19, 9:15].all()
    assert not is_red(picture)[:, 20:].any()
    # The hole is seen a unit farther to the right: 48 / 5 pixels, half of it at half the size.
    hole = picture[16, :, 1] < 0.2
    assert hole[36:43].all() and not hole[20:30].any()


def test_saved_file_renders_the_same(scene, tmp_path) -> None:
    add_wall(scene, 5.0, keep=outside_hole)
    add_square(scene.collection, (68, 32), 8.0, 24)
    place()
    before = rendered(scene, tmp_path)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "work.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "work.blend"))
    np.testing.assert_array_equal(rendered(bpy.context.scene, tmp_path), before)


def test_objects_without_depth_are_in_front_or_behind(scene, tmp_path) -> None:
    """A volume of fog, in front of the wall unless its location is given."""
    add_wall(scene, 5.0)
    fog = add_square(scene.collection, (30, 32), 8.0, 10)
    fog.modifiers.new("thick", "SOLIDIFY").thickness = 3.0
    tree = fog.data.materials[0].node_tree
    tree.nodes.clear()
    kinds = ("VolumePrincipled", "OutputMaterial")
    volume, output = (tree.nodes.new(f"ShaderNode{kind}") for kind in kinds)
    volume.inputs["Density"].default_value = 20.0
    volume.inputs["Emission Strength"].default_value = 20.0
    volume.inputs["Emission Color"].default_value = RED
    tree.links.new(volume.outputs[0], output.inputs["Volume"])
    place()
    picture = rendered(scene, tmp_path)
    assert (picture[28:36, 26:34, 0] > 0.5).all()
    assert is_green(picture)[:, 60:].all()
    joining(scene).inputs[depth_over.NO_SURFACE].default_value = 8.0
    assert is_green(rendered(scene, tmp_path)).all()


def test_no_halo_of_the_background(scene, tmp_path) -> None:
    """A foreground whose layer has a rim, 4 pixels wide, of sky at its own depth."""
    add_wall(scene, 100.0, SKY)
    add_wall(scene, 3.0, SKY, lambda u, v: u < 40)
    add_wall(scene, 2.999, GREEN, lambda u, v: u < 36)
    add_square(scene.collection, (40, 32), 8.0, 20)
    place()
    picture = rendered(scene, tmp_path)[20:44]
    assert is_green(picture)[:, 21:32].all()
    assert is_red(picture)[:, 41:58].all()
    assert not (picture[:, 21:58, 2] > 0.4).any()
    joining(scene).inputs[depth_over.EDGE].default_value = 0
    assert (rendered(scene, tmp_path)[20:44, 37:40, 2] > 0.4).all()


def test_contents_of_the_collection(scene) -> None:
    cloud = add_wall(scene)
    square = add_square(scene.collection, (48, 32), 3.0, 10)
    marked = bpy.data.objects.new("Path", bpy.data.curves.new("Path", "CURVE"))
    marked["make_4d_role"] = "path"
    scene.collection.objects.link(marked)
    place()
    held = set(bpy.data.collections["Objects"].all_objects)
    sun = next(thing for thing in held if thing.type == "LIGHT")
    assert held == {square, sun}
    second = objects_scene.objects_scene_of(scene)
    assert cloud.name not in second.objects and square.name in second.objects
    assert second.camera == scene.camera and second.render.engine == "BLENDER_EEVEE"
    active = bpy.context.view_layer.active_layer_collection.collection
    assert active == bpy.data.collections["Objects"]


def test_second_press_updates_and_adds_nothing(scene) -> None:
    add_wall(scene)
    place()
    before = names(), len(scene.compositing_node_group.nodes)
    other = bpy.data.objects.new("other", bpy.data.cameras.new("other"))
    scene.collection.objects.link(other)
    scene.timeline_markers.new("cut", frame=7).camera = other
    scene.camera, scene.frame_end = other, 33
    bpy.data.objects.remove(bpy.data.objects["Sun"])  # the artist's decision
    place()
    second = objects_scene.objects_scene_of(scene)
    assert (second.camera, second.frame_end) == (other, 33)
    assert [(m.frame, m.camera) for m in second.timeline_markers] == [(7, other)]
    after = names(), len(scene.compositing_node_group.nodes)
    before[0]["objects"] = sorted([*before[0]["objects"], "other"])
    before[0]["objects"].remove("Sun")
    before[0]["lights"] = after[0]["lights"]
    assert after == before


def artist_s_tree(scene, sources=1):
    tree = bpy.data.node_groups.new("Mine", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    invert, output = (tree.nodes.new(n) for n in ("CompositorNodeInvert", "NodeGroupOutput"))
    for _ in range(sources):
        source = tree.nodes.new("CompositorNodeRLayers")
        source.scene = scene
        target = tree.nodes.new("CompositorNodeInvert") if sources > 1 else invert
        tree.links.new(source.outputs["Image"], target.inputs["Color"])
    tree.links.new(invert.outputs[0], output.inputs[0])
    scene.compositing_node_group = tree
    return tree, invert


def test_compositor_of_the_artist_keeps_working(scene, tmp_path) -> None:
    add_wall(scene)
    scene.view_layers[0].use_pass_z = False
    tree, invert = artist_s_tree(scene)
    count = len(tree.nodes)
    before = rendered(scene, tmp_path)
    assert place() == {"FINISHED"}
    assert scene.compositing_node_group == tree and len(tree.nodes) == count + 2
    assert invert.inputs["Color"].links[0].from_node == joining(scene)
    np.testing.assert_array_equal(rendered(scene, tmp_path), before)
    add_square(bpy.data.collections["Objects"], (48, 32), 3.0, 10)
    np.testing.assert_allclose(rendered(scene, tmp_path)[32, 48, :3], [0, 1, 1], atol=0.02)


def test_removed_objects_scene_is_restored(scene, tmp_path) -> None:
    add_wall(scene)
    before = rendered(scene, tmp_path)
    add_square(scene.collection, (48, 32), 3.0, 10)
    place()
    nodes = len(scene.compositing_node_group.nodes)
    bpy.data.scenes.remove(objects_scene.objects_scene_of(scene))
    np.testing.assert_array_equal(rendered(scene, tmp_path), before)
    assert place() == {"FINISHED"}
    assert is_red(rendered(scene, tmp_path))[32, 48]
    assert len(scene.compositing_node_group.nodes) == nodes and len(bpy.data.scenes) == 2


def no_camera(scene):
    scene.camera = None


def other_engine(scene):
    scene.render.engine = "BLENDER_EEVEE"


def no_cloud(scene):
    bpy.data.objects.remove(bpy.data.objects["cloud"])


def shared_tree(scene):
    bpy.data.scenes.new("Other").compositing_node_group = artist_s_tree(scene)[0]


@pytest.mark.parametrize(
    ("spoil", "template"),
    [
        (no_camera, operator.NO_CAMERA),
        (other_engine, operator.OTHER_ENGINE),
        (no_cloud, operator.NO_CLOUD),
        (shared_tree, compositor.SHARED),
        (lambda scene: artist_s_tree(scene, 0), compositor.SOURCES),
        (lambda scene: artist_s_tree(scene, 2), compositor.SOURCES),
    ],
)
def test_refusal_changes_nothing(scene, spoil, template) -> None:
    add_wall(scene)
    spoil(scene)
    before = names()
    assert is_message(place(), template)
    assert names() == before


def test_objects_scene_itself_is_refused(scene) -> None:
    add_wall(scene)
    place()
    bpy.context.window.scene = objects_scene.objects_scene_of(scene)
    assert is_message(place(), operator.OBJECTS_SCENE)


def test_everything_is_one_undo_step(scene) -> None:
    add_wall(scene)
    before = names()
    bpy.ops.ed.undo_push(message="before")
    assert place() == {"FINISHED"}
    assert names() != before
    bpy.ops.ed.undo()
    assert names() == before and bpy.context.scene.compositing_node_group is None


def test_light_has_the_color_of_the_sky(scene) -> None:
    position = pixel_points(5.0)
    color = np.tile(np.float32([0.1, 0.1, 0.1, 1]), (len(position), 1))
    disparity = np.full(len(position), 0.5)
    color[:400], disparity[:400] = SKY, 0.01
    add_points(scene, position, Color=color, disparity=disparity)
    place()
    world = objects_scene.objects_scene_of(scene).world
    background = next(n for n in world.node_tree.nodes if n.type == "BACKGROUND")
    np.testing.assert_allclose(background.inputs["Color"].default_value, SKY, atol=1e-5)
    luminance = 0.2126 * SKY[0] + 0.7152 * SKY[1] + 0.0722 * SKY[2]
    assert bpy.data.objects["Sun"].data.energy == pytest.approx(3.0 * luminance, rel=1e-5)
