"""The data passes in Blender's render result, in EXR files and in the compositor."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import numpy as np
import pytest
import render_scene
from make_4d.geometry.core import render_passes
from make_4d.geometry.core.camera import blender_from_camera
from render_scene import HEIGHT, WIDTH, add_flight, add_points, camera_of, photo_flight, rendered

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
METHODS = ("NEAREST", "SORTED")
LAYER = next(each for each in render_passes.PASSES if each.name == "Layer")


@pytest.fixture(params=METHODS)
def scene(empty_blend, request) -> Iterator:
    with render_scene.opened(empty_blend) as scene:
        scene.make_4d_engine.method = request.param
        layer = scene.view_layers[0]
        enable_all(layer)
        yield scene


@pytest.fixture
def passes(monkeypatch):
    return render_scene.kept_passes(monkeypatch)


def enable_all(layer) -> None:
    for each in render_passes.PASSES:
        each.enable(layer)


def big_disc(scene, depth: float, x: float = 0.0, **attributes):
    """A disc that is opaque in the middle, at (x, 0, depth) in the camera frame."""
    position = np.array([[x, 0, depth]], np.float32)
    many = {name: np.array([value], np.float32) for name, value in attributes.items()}
    return add_points(scene, position, radius=np.array([0.2]), **many)


def middle(image):
    return image[HEIGHT // 2, WIDTH // 2]


def test_values_of_one_disc(scene, passes, tmp_path) -> None:
    big_disc(scene, 3.0, observed=0.25, layer=2)
    scene.camera.location = (0.5, -1.0, 0.25)
    scene.objects["cloud"].location = scene.camera.location
    rendered(scene, tmp_path)
    assert middle(passes["Depth"]) == pytest.approx(3.0, abs=1e-4)
    expected = np.array([0.5, 2.0, 0.25])  # 3 along +y of the camera
    np.testing.assert_allclose(middle(passes["Position"]), expected, atol=2e-3)
    assert middle(passes["Disocclusion"]) == pytest.approx(0.75, abs=1e-5)
    assert middle(passes["Layer"]) == 2.0
    np.testing.assert_allclose(middle(passes["Vector"]), 0.0, atol=1e-3)
    corner = {name: image[0, 0] for name, image in passes.items()}
    assert corner["Depth"] == np.float32(render_passes.DEPTH.empty)
    assert corner["Layer"] == LAYER.empty
    for name in ("Position", "Vector", "Disocclusion"):
        assert not np.any(corner[name])


def test_positions_lie_where_the_points_are(scene, passes, make_scene_data, tmp_path) -> None:
    scene_data, camera = photo_flight(make_scene_data, False)
    add_flight(scene, scene_data)
    scene.camera.data.lens = camera.lens_mm
    rendered(scene, tmp_path)
    points = blender_from_camera(scene_data.still.position)
    seen = passes["Position"][HEIGHT // 2 :].reshape(-1, 3)
    nearest = [np.linalg.norm(points - place, axis=1).min() for place in seen[::37]]
    assert np.median(nearest) < 0.02


def test_the_camera_moves_the_vectors(scene, passes, tmp_path) -> None:
    big_disc(scene, 4.0)
    # A tenth of a unit per frame to the right: points move to the left in the image.
    for number in (1, 3):
        scene.camera.location = (0.1 * (number - 2), 0, 0)
        scene.camera.keyframe_insert("location", frame=number)
    for curve in scene.camera.animation_data.action.layers[0].strips[0].channelbags[0].fcurves:
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"
    scene.frame_set(2)
    rendered(scene, tmp_path)
    step = 0.1 * camera_of(scene).focal / 4.0
    np.testing.assert_allclose(middle(passes["Vector"]), [step, 0, step, 0], atol=1e-2)
    assert scene.frame_current == 2


def test_the_vector_pass_keeps_the_subframe(scene, tmp_path) -> None:
    """Reading the frames before and after changes nothing in the rendered one."""
    big_disc(scene, 4.0)
    for number in (1, 5):
        scene.camera.location.x = 0.2 * number
        scene.camera.keyframe_insert("location", frame=number)
    scene.frame_set(3, subframe=0.5)
    images = []
    for enabled in (True, False):
        scene.view_layers[0].use_pass_vector = enabled
        images.append(rendered(scene, tmp_path))
        assert (scene.frame_current, scene.frame_subframe) == (3, 0.5)
    np.testing.assert_array_equal(*images)


def test_vectors_follow_points_that_move(scene, passes, make_scene_data, tmp_path) -> None:
    scene_data, camera = photo_flight(make_scene_data, True)
    built = import_module("make_4d.geometry.build").build_scene(scene_data, "photo", scene)
    made = bpy.data.scenes[built.scene]
    if scene.camera.name not in made.objects:
        made.collection.objects.link(scene.camera)
    made.camera = scene.camera  # one without animation
    made.camera.data.lens = camera.lens_mm
    made.render.engine = "MAKE_4D"
    made.make_4d_engine.method = scene.make_4d_engine.method
    made.view_layers[0].use_pass_vector = True
    made.frame_set(2)
    rendered(made, tmp_path)
    vector = passes["Vector"]
    speed = np.linalg.norm(vector[..., 2:], axis=2)
    assert speed.max() > 0.05
    assert speed.max() < 5  # no jump from the loop's end to its start
    # Mean displacement of the flow, in pixels: the same field before and after.
    moving = speed > 0.5 * speed.max()
    np.testing.assert_allclose(vector[moving, :2], vector[moving, 2:], atol=0.2 * speed.max())
    made.frame_set(1 + scene_data.plan.loop_frames)  # the loop restarts here
    rendered(made, tmp_path)
    assert np.linalg.norm(passes["Vector"], axis=2).max() < 10


def test_passes_are_in_the_exr(scene, tmp_path) -> None:
    big_disc(scene, 3.0, observed=0.25, layer=2)
    scene.view_layers[0].use_pass_z = True
    settings = scene.render.image_settings
    settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.color_depth = "OPEN_EXR_MULTILAYER", "32"
    scene.render.filepath = str(tmp_path / "passes.exr")
    bpy.ops.render.render(write_still=True)
    data = (tmp_path / "passes.exr").read_bytes()[:4000]
    for channel in ("Depth.Z", "Position.X", "Vector.W", "Disocclusion.X", "Layer.X"):
        assert f"ViewLayer.{channel}".encode() in data, channel


def test_passes_are_sockets_of_the_compositor(scene) -> None:
    tree = bpy.data.node_groups.new("compositing", "CompositorNodeTree")
    node = tree.nodes.new("CompositorNodeRLayers")
    node.scene = scene
    scene.compositing_node_group = tree
    scene.view_layers.update()
    names = {socket.name for socket in node.outputs if socket.enabled}
    assert {"Image", "Depth", "Position", "Vector", "Disocclusion", "Layer"} <= names


def no_gpu(*_) -> None:
    raise import_module("make_4d.render.gpu_tools").GpuUnavailableError("no GPU here")


@pytest.mark.parametrize("phase", [0.0, 3 / 8])
def test_both_methods_and_the_cpu_agree(
    empty_blend, make_scene_data, monkeypatch, tmp_path, phase: float
) -> None:
    splat_pass = import_module("make_4d.render.splat_pass")
    passes = render_scene.kept_passes(monkeypatch)
    scene_data, camera = photo_flight(make_scene_data, True)
    images = {}
    with render_scene.opened(empty_blend) as scene:
        add_flight(scene, scene_data, phase)
        scene.camera.data.lens, scene.camera.location = camera.lens_mm, (0.02, 0.1, 0.03)
        scene.camera.keyframe_insert("location", frame=1)
        scene.camera.location = (0.05, 0.2, 0.03)
        scene.camera.keyframe_insert("location", frame=3)
        scene.frame_set(2)
        layer = scene.view_layers[0]
        enable_all(layer)
        scene.render.film_transparent = True
        scene.make_4d_engine.nearest = 32
        for method in (*METHODS, "CPU"):
            if method == "CPU":
                monkeypatch.setattr(splat_pass, "SplatPass", no_gpu)
            scene.make_4d_engine.method = "NEAREST" if method == "NEAREST" else "SORTED"
            rendered(scene, tmp_path)
            images[method] = dict(passes)
    assert set(images["NEAREST"]) == {each.name for each in render_passes.PASSES}
    for other in ("SORTED", "CPU"):
        for name, image in images["NEAREST"].items():
            error = np.abs(image - images[other][name])
            scale = np.where(np.abs(image) > 1e9, np.inf, 1 + np.abs(image))
            if name == LAYER.name:  # a blended index can only be rounded
                assert (error > 0).mean() < 0.02, other
            else:
                assert (error / scale).max() < 2e-3, (other, name)
