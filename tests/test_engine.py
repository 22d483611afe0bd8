"""Images of the render engine, rendered by Blender, against the numpy renderer."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
import render_scene
from make_4d.geometry.core import render_passes, splat
from make_4d.geometry.core.camera import Intrinsics
from make_4d.geometry.core.splat import Splats
from render_scene import (
    HEIGHT,
    WIDTH,
    add,
    add_points,
    camera_of,
    random_points,
    reference,
    rendered,
)

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
engine = import_module("make_4d.render.engine")
extract = engine.extract
frame_request = import_module("make_4d.render.frame_request")


@pytest.fixture(params=["NEAREST", "SORTED"])
def scene(empty_blend, request) -> Iterator:
    with render_scene.opened(empty_blend) as scene:
        scene.make_4d_engine.method = request.param
        yield scene


def drawn(points, scene, camera=None):
    """The numpy renderer's image and alpha, by the scene's method."""
    nearest = scene.make_4d_engine.nearest if scene.make_4d_engine.method == "NEAREST" else None
    return reference(points, camera or camera_of(scene), nearest=nearest)


@pytest.fixture
def passes(monkeypatch):
    return render_scene.kept_passes(monkeypatch)


def test_equals_the_reference(scene, rng, tmp_path) -> None:
    points = random_points(rng, 1500)
    add(scene, points)
    scene.render.film_transparent = True
    scene.make_4d_engine.nearest = 5
    result = rendered(scene, tmp_path)
    image, alpha = drawn(points, scene)
    assert 0.2 < alpha.mean() < 0.98
    np.testing.assert_allclose(result[..., 3], alpha, atol=3e-5)
    np.testing.assert_allclose(result[..., :3], image, atol=3e-5)
    # The number of points in a pixel matters here: the two methods differ.
    assert (
        np.abs(
            reference(points, camera_of(scene), nearest=5)[1]
            - reference(points, camera_of(scene))[1]
        ).max()
        > 0.01
    )


def test_opaque_film_divides_by_coverage(scene, rng, tmp_path) -> None:
    points = random_points(rng, 60)
    add(scene, points)
    scene.world = bpy.data.worlds.new("world")
    scene.world.color = (0.1, 0.2, 0.3)
    result = rendered(scene, tmp_path)
    image, alpha = drawn(points, scene)
    covered = alpha > 2 * frame_request.FULL_COVERAGE
    np.testing.assert_allclose(
        result[covered, :3], image[covered] / alpha[covered, None], atol=1e-4
    )
    np.testing.assert_allclose(result[alpha == 0, :3], [[0.1, 0.2, 0.3]] * (alpha == 0).sum())
    assert (result[..., 3] == 1).all()


def test_moved_turned_and_scaled_objects(scene, rng, tmp_path) -> None:
    points = random_points(rng)
    thing = add(scene, points)
    thing.scale, thing.location = (0.5, 0.5, 0.5), (0.2, 0.4, -0.1)
    scene.render.film_transparent = True
    result = rendered(scene, tmp_path)
    moved = points.position * 0.5 + np.float32([0.2, 0.1, 0.4])  # in the camera frame
    same = SimpleNamespace(position=moved, radius=points.radius * 0.5, color=points.color)
    np.testing.assert_allclose(result[..., 3], drawn(same, scene)[1], atol=1e-4)


def test_shift_and_sensor_fit(scene, rng, tmp_path) -> None:
    points = random_points(rng)
    add(scene, points)
    scene.render.film_transparent = True
    data = scene.camera.data
    data.shift_x, data.shift_y, data.sensor_fit, data.sensor_height = 0.1, -0.05, "VERTICAL", 20.0
    focal = data.lens / 20.0 * HEIGHT
    # A shift of 1 moves the image by the length that the sensor is fitted to.
    cx, cy = WIDTH / 2 - 0.1 * HEIGHT, HEIGHT / 2 - 0.05 * HEIGHT
    result = rendered(scene, tmp_path)
    alpha = drawn(points, scene, Intrinsics(focal, cx, cy, WIDTH, HEIGHT))[1]
    np.testing.assert_allclose(result[..., 3], alpha, atol=1e-4)


def test_clip_range(scene, tmp_path) -> None:
    position = np.array([[-0.5, 0, 1.0], [0, 0, 3.0], [2.5, 0, 5.0]], np.float32)
    add_points(scene, position, radius=np.full(3, 0.2))
    scene.camera.data.clip_start, scene.camera.data.clip_end = 2.0, 4.0
    scene.render.film_transparent = True
    alpha = rendered(scene, tmp_path)[..., 3]
    assert alpha[:, 25:36].max() > 0.9
    assert not alpha[:, :22].any()
    assert not alpha[:, 40:].any()


@pytest.mark.parametrize("percentage", [50, 200])
def test_resolution_percentage(scene, rng, tmp_path, percentage: int) -> None:
    points = random_points(rng)
    add(scene, points)
    scene.render.resolution_percentage = percentage
    scene.render.film_transparent = True
    result = rendered(scene, tmp_path)
    width, height = WIDTH * percentage // 100, HEIGHT * percentage // 100
    assert result.shape[:2] == (height, width)
    focal = scene.camera.data.lens / 36.0 * width
    alpha = drawn(points, scene, Intrinsics(focal, width / 2, height / 2, width, height))[1]
    np.testing.assert_allclose(result[..., 3], alpha, atol=1e-4)


def test_border_is_a_part_of_the_whole(scene, rng, tmp_path) -> None:
    add(scene, random_points(rng))
    whole = rendered(scene, tmp_path)
    render = scene.render
    render.use_border, render.use_crop_to_border = True, True
    render.border_min_x, render.border_max_x = 0.3, 0.71
    render.border_min_y, render.border_max_y = 0.2, 0.9
    part = rendered(scene, tmp_path)
    left, right = int(0.3 * WIDTH), int(0.71 * WIDTH)
    top, bottom = HEIGHT - int(0.9 * HEIGHT), HEIGHT - int(0.2 * HEIGHT)
    np.testing.assert_allclose(part, whole[top:bottom, left:right], atol=1e-4)
    render.use_crop_to_border = False
    assert rendered(scene, tmp_path).shape == whole.shape


def test_depth_pass(scene, tmp_path, passes) -> None:
    position = np.array([[0, 0, 3.0], [0, 0, 7.0]], np.float32)
    add_points(scene, position, radius=np.array([0.2, 0.2]))
    rendered(scene, tmp_path)
    depth = passes["Depth"]
    # The middle of a disc, which is opaque.
    assert depth[HEIGHT // 2, WIDTH // 2] == pytest.approx(3.0, abs=1e-4)
    assert depth[0, 0] == render_passes.DEPTH.empty
    scene.view_layers[0].use_pass_z = False
    passes.clear()
    rendered(scene, tmp_path)
    assert set(passes) == {"Combined"}


def test_hidden_objects_and_view_layers(scene, rng, tmp_path) -> None:
    scene.render.film_transparent = True
    left = add_points(scene, np.array([[-1, 0, 4]], np.float32), radius=np.array([0.5]))
    right = add_points(scene, np.array([[1, 0, 4]], np.float32), radius=np.array([0.5]))
    left.hide_render = True
    alpha = rendered(scene, tmp_path)[..., 3]
    assert not alpha[:, : WIDTH // 2].any()
    assert alpha[:, WIDTH // 2 :].any()
    # A second layer without the right object: both layers are rendered, each with its own points.
    left.hide_render = False
    collection = bpy.data.collections.new("right")
    scene.collection.children.link(collection)
    scene.collection.objects.unlink(right)
    collection.objects.link(right)
    layer = scene.view_layers.new("left only")
    layer.layer_collection.children["right"].exclude = True
    layers = {}
    for name in ("ViewLayer", "left only"):
        for each in scene.view_layers:
            each.use = each.name == name
        layers[name] = rendered(scene, tmp_path)[..., 3]
    assert layers["ViewLayer"][:, WIDTH // 2 :].any()
    assert not layers["left only"][:, WIDTH // 2 :].any()
    assert layers["left only"][:, : WIDTH // 2].any()
    for each in scene.view_layers:
        each.use = True
    rendered(scene, tmp_path)


def test_orthographic(scene, tmp_path) -> None:
    position = np.array([[-1, 0.5, 2], [1, -0.5, 8]], np.float32)
    add_points(scene, position, radius=np.array([0.5, 0.5]))
    scene.camera.data.type, scene.camera.data.ortho_scale = "ORTHO", 4.0
    scene.render.film_transparent = True
    alpha = rendered(scene, tmp_path)[..., 3]
    scale = WIDTH / 4.0
    u, v = WIDTH / 2 + scale * position[:, 0], HEIGHT / 2 + scale * position[:, 1]
    discs = Splats(u, v, position[:, 2], np.full(2, 0.5 * scale))
    expected = splat.composite(
        discs, np.ones((2, 1)), (HEIGHT, WIDTH), least_falloff=splat.LEAST_FALLOFF
    ).alpha
    np.testing.assert_allclose(alpha, expected, atol=1e-4)


def test_an_animated_lens(scene, rng, tmp_path) -> None:
    points = random_points(rng)
    add(scene, points)
    scene.render.film_transparent = True
    data = scene.camera.data
    for number, lens in ((1, 30.0), (5, 60.0)):
        data.lens = lens
        data.keyframe_insert("lens", frame=number)
    for number, lens in ((5, 60.0), (1, 30.0)):
        scene.frame_set(number)
        focal = lens / 36.0 * WIDTH
        alpha = drawn(points, scene, Intrinsics(focal, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT))[1]
        np.testing.assert_allclose(rendered(scene, tmp_path)[..., 3], alpha, atol=1e-4)


def test_scenes_render_only_their_own_points(scene, tmp_path) -> None:
    add_points(scene, np.array([[0, 0, 2]], np.float32), radius=np.array([0.5]))
    other = bpy.data.scenes.new("other")
    other.render.engine, other.camera = "MAKE_4D", scene.camera
    other.render.resolution_x, other.render.resolution_y = WIDTH, HEIGHT
    other.render.film_transparent = True
    assert not rendered(other, tmp_path)[..., 3].any()
    assert rendered(scene, tmp_path)[HEIGHT // 2, WIDTH // 2, :3].all()


def test_methods_keep_their_numbers_in_files() -> None:
    """.blend files store the number of an item: it must never change."""
    from make_4d.render.properties import METHODS

    numbers = {method.identifier: method.number for method in METHODS}
    assert numbers == {"AUTO": 0, "NEAREST": 1, "SORTED": 2, "NEURAL": 3}


def test_stereo_renders_both_eyes(scene, tmp_path) -> None:
    add_points(scene, np.array([[0, 0, 2]], np.float32), radius=np.array([0.2]))
    render = scene.render
    render.use_multiview, render.views_format = True, "STEREO_3D"
    render.film_transparent = True
    scene.camera.data.stereo.convergence_mode = "PARALLEL"
    scene.camera.data.stereo.interocular_distance = 0.4
    render.image_settings.file_format = "PNG"
    render.image_settings.views_format = "INDIVIDUAL"
    render.filepath = str(tmp_path / "eye.png")
    bpy.ops.render.render(write_still=True, scene=scene.name)
    columns = []
    for eye in ("eye_L.png", "eye_R.png"):
        alpha = render_scene.pixels_of(tmp_path / eye).reshape(HEIGHT, WIDTH, 4)[..., 3]
        columns.append((alpha.sum(axis=0) * np.arange(WIDTH)).sum() / alpha.sum())
    shift = 0.4 * camera_of(scene).focal / 2.0
    assert columns[0] - columns[1] == pytest.approx(shift, abs=0.5)


def test_panels_are_added_and_removed(scene) -> None:
    from make_4d.render import ui_compat

    dimensions = bpy.types.RENDER_PT_format
    was_registered = engine.ENGINE in dimensions.COMPAT_ENGINES
    if was_registered:
        ui_compat.unregister()
    ui_compat.register()
    try:
        assert engine.ENGINE in dimensions.COMPAT_ENGINES
        assert engine.ENGINE in bpy.types.RENDER_PT_output.COMPAT_ENGINES
        assert engine.ENGINE in bpy.types.DATA_PT_lens.COMPAT_ENGINES
        assert engine.ENGINE not in bpy.types.RENDER_PT_eevee_sampling.COMPAT_ENGINES
    finally:
        ui_compat.unregister()
    assert engine.ENGINE not in dimensions.COMPAT_ENGINES
    assert not hasattr(bpy.types, "RENDER_PT_make_4d_film")
    if was_registered:
        ui_compat.register()
