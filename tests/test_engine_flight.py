"""Scene data through the render engine: identity, symmetric mix, solid surfaces, animation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import render_scene
from make_4d.geometry.core.render_passes import VIEW_DEPTH, Blend
from make_4d.geometry.core.splat import Splats
from render_scene import (
    HEIGHT,
    WIDTH,
    add_flight,
    photo_flight,
    pixels_of,
    rendered,
)

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
clouds = import_module("make_4d.geometry.clouds")
engine = import_module("make_4d.render.engine")
extract, view = engine.extract, engine.view
compose, frame_request, frame = (
    import_module(f"make_4d.render.{n}") for n in ("compose", "frame_request", "frame")
)
occlusion = import_module("make_4d.render.occlusion")
channels = import_module("make_4d.render.channels")
scene_points = import_module("make_4d.render.scene_points")


@pytest.fixture(params=["NEAREST", "SORTED"])
def scene(empty_blend, request) -> Iterator:
    with render_scene.opened(empty_blend) as scene:
        scene.make_4d_engine.method = request.param
        yield scene


@pytest.fixture
def passes(monkeypatch):
    return render_scene.kept_passes(monkeypatch)


@pytest.mark.parametrize("motion", [False, True])
def test_the_first_frame_is_the_photo(scene, make_scene_data, tmp_path, motion: bool) -> None:
    scene_data, camera = photo_flight(make_scene_data, motion)
    add_flight(scene, scene_data)
    scene.camera.data.lens = camera.lens_mm
    result = rendered(scene, tmp_path)
    everything = [
        (p.position[:, :2] / p.position[:, 2:] * camera.focal, p.color)
        for p in (scene_data.still, scene_data.moving)
    ]
    position, color = (np.concatenate(parts) for parts in zip(*everything, strict=True))
    column, row = np.floor(position + np.array([camera.cx, camera.cy])).astype(int).T
    inside = (column >= 0) & (column < WIDTH) & (row >= 0) & (row < HEIGHT)
    photo = np.zeros((HEIGHT, WIDTH, 3))
    photo[row[inside], column[inside]] = color[inside]
    linear = np.clip(result[..., :3], 0, None)
    encoded = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    error = np.mean((encoded - photo) ** 2)
    assert -10 * np.log10(error + 1e-12) > 45


def test_moving_clouds_mix_by_the_formula(scene, make_scene_data, passes, tmp_path) -> None:
    phase = 3 / 8
    scene_data, camera = photo_flight(make_scene_data, True)
    scene.camera.data.lens = camera.lens_mm
    scene.render.film_transparent = True
    scene.camera.location = (0.02, 0.1, 0.03)
    add_flight(scene, scene_data, phase)
    mixed = rendered(scene, tmp_path)
    images = []
    cloud = next(o for o in scene.objects if o.name == "moving").data
    backward = np.repeat([False, True], scene_data.moving.count)
    position = np.empty((len(backward), 3), np.float32)
    cloud.attributes["position"].data.foreach_get("vector", position.ravel())
    everything = position.copy()
    for hidden in (backward, ~backward):
        position[:] = everything
        position[hidden] = np.nan
        cloud.attributes["position"].data.foreach_set("vector", position.ravel())
        cloud.attributes["backward"].data.foreach_set("value", np.zeros(len(backward), np.float32))
        images.append((rendered(scene, tmp_path), passes["Depth"]))
    # Where both are solid, disparity is about 1 / depth.
    solid = np.logical_and(*(image[..., 3] > 0.99 for image, _ in images))
    assert solid.mean() > 0.9
    weights = [
        part * np.exp(4.0 / depth) * image[..., 3]
        for (image, depth), part in zip(images, (1 - phase, phase), strict=True)
    ]
    total = weights[0] + weights[1]
    first, second = (w[..., None] / total[..., None] for w in weights)
    expected = first * images[0][0] + second * images[1][0]
    np.testing.assert_allclose(mixed[solid], expected[solid], atol=2e-2)
    assert np.abs(images[0][0] - images[1][0]).max() > 0.1


def test_without_backward_weight_one_image_is_drawn(scene, make_scene_data, monkeypatch) -> None:
    scene_data, camera = photo_flight(make_scene_data, True)
    add_flight(scene, scene_data, 0.0)
    visible = extract.visible_clouds(bpy.context.evaluated_depsgraph_get())
    assert frame.loop_phase(visible) == 0.0
    through = view.View(
        np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]]),
        (camera.focal, camera.focal),
        (camera.cx, camera.cy),
        WIDTH,
        HEIGHT,
        (0.01, 1000.0),
    )
    request = frame_request.FrameRequest(through, frozenset({"Combined"}), None, 8)
    plain = frame.render_clouds(
        [c for c in visible if not c.moving]
        + [
            replace(c, **{n: getattr(c, n)[~c.backward] for n in ARRAYS}, moving=False)
            for c in visible
            if c.moving
        ],
        request,
        frame.cpu_drawing,
    )
    both = frame.render_clouds(visible, request, frame.cpu_drawing)
    np.testing.assert_array_equal(both["Combined"], plain["Combined"])


ARRAYS = (*("position", "radius", "color", "disparity", "observed", "layer", "weight", "backward"),)


def buffers_of(color: float, alpha: float, disparity: float, depth: float):
    """One pixel."""
    values = {channels.DISPARITY: disparity, DEPTH: depth, LAYER: 2 * alpha}
    composited = {channel: np.full((1, 1), v, np.float32) for channel, v in values.items()}
    one = np.ones((1, 1), np.float32)
    return compose.SplatBuffers(np.full((1, 1, 3), color, np.float32), alpha * one, composited)


DEPTH = channels.Channel(VIEW_DEPTH, Blend.MEAN)
LAYER = channels.Channel("layer", Blend.HEAVIEST)


def test_mix_formula_of_numbers() -> None:
    one = buffers_of(color=0.4, alpha=0.8, disparity=0.4, depth=0.4)
    other = buffers_of(color=0.1, alpha=0.5, disparity=0.05, depth=2.0)
    mixed = compose.mix(one, other, 0.25)
    first, second = 0.75 * np.exp(4 * 0.5) * 0.8, 0.25 * np.exp(4 * 0.1) * 0.5
    first, second = first / (first + second), second / (first + second)
    alpha = first * 0.8 + second * 0.5
    assert mixed.alpha[0, 0] == pytest.approx(alpha, rel=1e-5)
    color = (first * 0.4 / 0.8 + second * 0.1 / 0.5) * alpha
    np.testing.assert_allclose(mixed.color[0, 0], color, rtol=1e-5)
    assert mixed.channels[DEPTH][0, 0] == pytest.approx(
        (first * 0.5 + second * 4.0) * alpha, rel=1e-5
    )


def with_fringes(scene_data, rng, fraction: float):
    """The scene data with a fraction of its points transparent."""
    opacity = np.where(rng.random(scene_data.still.count) < fraction, 0.7, 1.0).astype(np.float32)
    return replace(scene_data, still=replace(scene_data.still, opacity=opacity))


@pytest.mark.parametrize("location", [(0, 0, 0), (0.1, 0.4, 0.05)])
def test_a_fringe_is_drawn_as_on_the_cpu(scene, make_scene_data, rng, tmp_path, location) -> None:
    scene_data, camera = photo_flight(make_scene_data, False)
    add_flight(scene, with_fringes(scene_data, rng, 1 / 3))
    scene.camera.data.lens, scene.camera.location = camera.lens_mm, location
    scene.render.film_transparent = True
    result = rendered(scene, tmp_path)
    pose = np.eye(4)
    pose[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    pose[:3, 3] = -pose[:3, :3] @ location
    lens, center = (camera.focal, camera.focal), (camera.cx, camera.cy)
    through = view.View(pose, lens, center, WIDTH, HEIGHT, (0.01, 1000.0))
    nearest = 8 if scene.make_4d_engine.method == "NEAREST" else None
    request = frame_request.FrameRequest(through, frozenset({"Combined"}), None, nearest)
    visible = extract.visible_clouds(bpy.context.evaluated_depsgraph_get())
    expected = frame.render_clouds(visible, request, frame.cpu_drawing)["Combined"][::-1]
    # Where rounding decides whether a disc touches a pixel another disc may be the last.
    assert (np.abs(result - expected).max(axis=-1) > 1e-4).mean() < 2e-3
    assert result[..., 3].min() < 0.95 < np.median(result[..., 3])


def test_leaving_out_hidden_points_changes_nothing(
    scene, make_scene_data, rng, monkeypatch, tmp_path
) -> None:
    scene_data, camera = photo_flight(make_scene_data, False)
    scene_data = with_fringes(scene_data, rng, 0.02)
    add_flight(scene, scene_data)
    hidden = replace(scene_data.still, position=scene_data.still.position * 1.5)
    scene.collection.objects.link(clouds.make_cloud("behind", hidden))
    scene.camera.data.lens, scene.camera.location = camera.lens_mm, (0.05, 0.3, 0.05)
    left_out = []

    def counted(order, points, size):
        result = occlusion.without_hidden(order, points, size)
        left_out.append(len(order) - len(result))
        return result

    scene.make_4d_engine.method = "SORTED"
    monkeypatch.setattr(frame, "without_hidden", counted)
    less = rendered(scene, tmp_path)
    monkeypatch.setattr(frame, "without_hidden", lambda order, *_: order)
    np.testing.assert_array_equal(rendered(scene, tmp_path), less)
    assert left_out[0] > 1000


def test_nothing_shines_through_a_surface(scene, make_scene_data, tmp_path) -> None:
    """White ground in front of a black copy: no camera sees gray."""
    scene_data, camera = photo_flight(make_scene_data, False)
    still = scene_data.still
    white = replace(still, color=np.ones_like(still.color))
    black = replace(still, position=still.position * 1.3, color=np.zeros_like(still.color))
    for name, points in (("front", white), ("behind", black)):
        scene.collection.objects.link(clouds.make_cloud(name, points))
    scene.camera.data.lens = camera.lens_mm
    for location in ((0, 0, 0), (0.005, 0, 0.005), (0, 0.2, 0)):
        scene.camera.location = location
        ground = rendered(scene, tmp_path)[HEIGHT * 3 // 4 :, :, 0]
        assert ground.min() > 0.99, location


def test_animation_in_any_order(scene, make_scene_data, tmp_path) -> None:
    scene_data, _ = photo_flight(make_scene_data, False)
    add_flight(scene, scene_data)
    scene.frame_start, scene.frame_end = 1, 4
    scene.camera.keyframe_insert("location", frame=1)
    scene.camera.location = (0.1, 0.5, 0)
    scene.camera.keyframe_insert("location", frame=4)
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(tmp_path / "frame-")
    bpy.ops.render.render(animation=True)
    files = sorted(tmp_path.glob("frame-*.png"))
    assert len(files) == 4
    assert len({f.read_bytes() for f in files}) == 4
    for number in (3, 1):
        scene.frame_set(number)
        scene.render.filepath = str(tmp_path / "alone.png")
        bpy.ops.render.render(write_still=True)
        alone = pixels_of(tmp_path / "alone.png")
        np.testing.assert_array_equal(alone, pixels_of(files[number - 1]))


def test_order_is_far_to_near_with_underpaint_behind() -> None:
    z = np.float32([5.0, 1.0, 3.0, 1.02])
    four = np.ones((4, 4), np.float32)
    under = np.float32([1, 1, 0, 1])
    points = scene_points.VisiblePoints(Splats(z, z, z, z), under, four, four, z < 0, z < 0)
    anywhere = view.View(np.eye(4), (1, 1), (0, 0), 1, 1, (0.1, 10))
    # 5.2 under 0; 5; 3; 1.0608 under 3; 1.04 under 1; 1.02; 1.
    assert scene_points.draw_order(points, anywhere).tolist() == [-1, 0, 2, -4, -2, 3, 1]


def test_the_loop_is_seamless(scene, make_scene_data, tmp_path) -> None:
    scene_data, camera = photo_flight(make_scene_data, True)
    built = import_module("make_4d.geometry.build").build_scene(scene_data, "photo", scene)
    made = bpy.data.scenes[built.scene]
    made.camera = scene.camera  # one without animation
    made.camera.data.lens = camera.lens_mm
    made.render.engine = engine.ENGINE
    if made != scene:
        made.collection.objects.link(scene.camera)
    results = {}
    for number in (1 + scene_data.plan.loop_frames, 5, 1):
        made.frame_set(number)
        results[number] = rendered(made, tmp_path)
    np.testing.assert_array_equal(results[1], results[1 + scene_data.plan.loop_frames])
    assert np.abs(results[1] - results[5]).max() > 0.1
