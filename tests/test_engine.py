"""The render engine, through Blender's own rendering, against the numpy renderer and formulas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from make_4d.geometry.core import splat
from make_4d.geometry.core.camera import Intrinsics, blender_from_camera
from make_4d.geometry.core.splat import Splats

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
clouds = import_module("make_4d.geometry.clouds")
engine = import_module("make_4d.render.engine")
compose, extract, frame, view = engine.compose, engine.extract, engine.frame, engine.view
occlusion = import_module("make_4d.render.occlusion")
scene_points = import_module("make_4d.render.scene_points")

WIDTH, HEIGHT = 61, 45


@pytest.fixture
def scene(empty_blend) -> Iterator:
    """An empty scene with the engine, exact colours and a camera that looks along +y."""
    registered = engine.Make4DEngine.is_registered
    if not registered:
        engine.register()
    scene = empty_blend.context.scene
    scene.view_settings.view_transform = "Standard"
    scene.view_layers[0].use_pass_z = True
    render = scene.render
    render.engine, render.dither_intensity = "MAKE_4D", 0.0
    render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
    data = bpy.data.cameras.new("camera")
    data.clip_start, data.clip_end = 0.01, 1000.0
    scene.camera = bpy.data.objects.new("camera", data)
    scene.camera.rotation_euler = (np.pi / 2, 0, 0)
    scene.collection.objects.link(scene.camera)
    yield scene
    if not registered:
        engine.unregister()


def camera_of(scene) -> Intrinsics:
    """Intrinsics of the fixture's camera, made from its lens and not from the engine."""
    focal = scene.camera.data.lens / 36.0 * WIDTH
    return Intrinsics(focal, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)


def add_points(scene, position, **attributes):
    """A PointCloud object of camera-frame positions (P, 3) and attributes by name."""
    kinds = {1: ("FLOAT", "value"), 2: ("FLOAT_COLOR", "color")}
    cloud = bpy.data.pointclouds.new("cloud")
    cloud.resize(len(position))
    if len(position):  # an empty cloud hasn't even positions
        flat = np.ascontiguousarray(blender_from_camera(position)).ravel()
        cloud.attributes["position"].data.foreach_set("vector", flat)
    for name, values in attributes.items():
        kind, field = kinds[np.ndim(values)]
        attribute = cloud.attributes.new(name, kind, "POINT")
        attribute.data.foreach_set(field, np.ascontiguousarray(values, np.float32).ravel())
    thing = bpy.data.objects.new("cloud", cloud)
    scene.collection.objects.link(thing)
    return thing


def random_points(rng, count=400):
    """Positions in front of, behind and beside the camera; radii; opaque and other colours."""
    position = rng.uniform(-1, 1, (count, 3)) * [2.5, 2, 4] + [0, 0, 3]
    color = rng.uniform(0, 1, (count, 4))
    color[::2, 3] = 1
    return SimpleNamespace(
        position=position.astype(np.float32),
        radius=rng.uniform(0.02, 0.3, count).astype(np.float32),
        color=color.astype(np.float32),
    )


def reference(points, camera: Intrinsics, size=None):
    """Premultiplied picture (h, w, 3) and alpha (h, w) of the numpy renderer."""
    front = points.position[:, 2] > 0.01
    x, y, z = points.position[front].T.astype(np.float64)
    radius = np.maximum(points.radius[front] * camera.focal / z, splat.MIN_RADIUS_PX)
    u, v = camera.focal * x / z + camera.cx, camera.focal * y / z + camera.cy
    picture = splat.composite(
        Splats(u, v, z, radius),
        points.color[front, :3],
        size or (camera.height, camera.width),
        opacity=points.color[front, 3],
    )
    return picture.image, picture.alpha


def rendered(scene, tmp_path: Path):
    """RGBA (h, w, 4), top row first, of F12's picture, read back from a float EXR file."""
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.exr_codec = "OPEN_EXR", "32", "NONE"
    settings.color_mode = "RGBA"
    scene.render.filepath = str(tmp_path / "picture.exr")
    bpy.ops.render.render(write_still=True, scene=scene.name)
    image = bpy.data.images.load(scene.render.filepath)
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1]


@pytest.fixture
def passes(monkeypatch):
    """The pictures by pass name that the engine hands to Blender, the last render's."""
    kept: dict[str, np.ndarray] = {}

    def keep(render_pass, picture):
        kept[render_pass.name] = picture.copy()
        fill(render_pass, picture)

    fill = engine._fill
    monkeypatch.setattr(engine, "_fill", keep)
    return kept


def add(scene, points):
    return add_points(scene, points.position, radius=points.radius, color=points.color)


def test_equals_the_reference(scene, rng, tmp_path) -> None:
    points = random_points(rng)
    add(scene, points)
    scene.render.film_transparent = True
    picture = rendered(scene, tmp_path)
    image, alpha = reference(points, camera_of(scene))
    assert 0.2 < alpha.mean() < 0.98
    np.testing.assert_allclose(picture[..., 3], alpha, atol=2e-5)
    np.testing.assert_allclose(picture[..., :3], image, atol=2e-5)


def test_opaque_film_divides_by_coverage(scene, rng, tmp_path) -> None:
    points = random_points(rng, 60)
    add(scene, points)
    scene.world = bpy.data.worlds.new("world")
    scene.world.color = (0.1, 0.2, 0.3)
    picture = rendered(scene, tmp_path)
    image, alpha = reference(points, camera_of(scene))
    covered = alpha > 2 * compose.FULL_COVERAGE
    np.testing.assert_allclose(
        picture[covered, :3], image[covered] / alpha[covered, None], atol=1e-4
    )
    np.testing.assert_allclose(picture[alpha == 0, :3], [[0.1, 0.2, 0.3]] * (alpha == 0).sum())
    assert (picture[..., 3] == 1).all()


def test_moved_turned_and_scaled_objects(scene, rng, tmp_path) -> None:
    points = random_points(rng)
    thing = add(scene, points)
    thing.scale, thing.location = (0.5, 0.5, 0.5), (0.2, 0.4, -0.1)
    scene.render.film_transparent = True
    picture = rendered(scene, tmp_path)
    moved = points.position * 0.5 + np.float32([0.2, 0.1, 0.4])  # in the camera frame
    same = SimpleNamespace(position=moved, radius=points.radius * 0.5, color=points.color)
    np.testing.assert_allclose(picture[..., 3], reference(same, camera_of(scene))[1], atol=1e-4)


def test_shift_and_sensor_fit(scene, rng, tmp_path) -> None:
    points = random_points(rng)
    add(scene, points)
    scene.render.film_transparent = True
    data = scene.camera.data
    data.shift_x, data.shift_y, data.sensor_fit, data.sensor_height = 0.1, -0.05, "VERTICAL", 20.0
    focal = data.lens / 20.0 * HEIGHT
    # A shift of 1 moves the picture by the length that the sensor is fitted to.
    cx, cy = WIDTH / 2 - 0.1 * HEIGHT, HEIGHT / 2 - 0.05 * HEIGHT
    picture = rendered(scene, tmp_path)
    alpha = reference(points, Intrinsics(focal, cx, cy, WIDTH, HEIGHT))[1]
    np.testing.assert_allclose(picture[..., 3], alpha, atol=1e-4)


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
    picture = rendered(scene, tmp_path)
    width, height = WIDTH * percentage // 100, HEIGHT * percentage // 100
    assert picture.shape[:2] == (height, width)
    focal = scene.camera.data.lens / 36.0 * width
    alpha = reference(points, Intrinsics(focal, width / 2, height / 2, width, height))[1]
    np.testing.assert_allclose(picture[..., 3], alpha, atol=1e-4)


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
    # Seen in the middle of a disc that is opaque there.
    assert depth[HEIGHT // 2, WIDTH // 2] == pytest.approx(3.0, abs=1e-4)
    assert depth[0, 0] == compose.NO_DEPTH
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


def test_defaults_for_any_cloud(scene, tmp_path) -> None:
    add_points(scene, np.array([[0, 0, 2]], np.float32))
    middle = rendered(scene, tmp_path)[HEIGHT // 2, WIDTH // 2]
    np.testing.assert_allclose(middle, extract.DEFAULT_COLOR, rtol=1e-5)


def test_bad_numbers_are_dropped(scene, tmp_path) -> None:
    position = np.array([[np.nan, 0, 2], [0, np.inf, 2], [0, 0, 2], [0, 0, 1]], np.float32)
    color = np.ones((4, 4), np.float32)
    color[2, 1] = np.nan
    add_points(scene, position, radius=np.array([0.1, 0.1, 0.1, np.nan]), color=color)
    picture = rendered(scene, tmp_path)
    assert np.isfinite(picture).all()
    np.testing.assert_allclose(picture[HEIGHT // 2, WIDTH // 2], [1, 0, 1, 1], atol=1e-5)


@pytest.mark.parametrize("count", [None, 0])
def test_without_points(scene, tmp_path, count) -> None:
    if count is not None:
        add_points(scene, np.zeros((count, 3), np.float32))
    assert not rendered(scene, tmp_path)[..., :3].any()


def test_orthographic(scene, tmp_path) -> None:
    position = np.array([[-1, 0.5, 2], [1, -0.5, 8]], np.float32)
    add_points(scene, position, radius=np.array([0.5, 0.5]))
    scene.camera.data.type, scene.camera.data.ortho_scale = "ORTHO", 4.0
    scene.render.film_transparent = True
    alpha = rendered(scene, tmp_path)[..., 3]
    scale = WIDTH / 4.0
    u, v = WIDTH / 2 + scale * position[:, 0], HEIGHT / 2 + scale * position[:, 1]
    discs = Splats(u, v, position[:, 2], np.full(2, 0.5 * scale))
    expected = splat.composite(discs, np.ones((2, 1)), (HEIGHT, WIDTH)).alpha
    np.testing.assert_allclose(alpha, expected, atol=1e-4)


def test_cameras_that_it_cannot_render(scene, tmp_path) -> None:
    add_points(scene, np.array([[0, 0, 2]], np.float32))
    scene.camera.data.type = "PANO"
    with pytest.raises(RuntimeError, match="must be a perspective or orthographic camera"):
        rendered(scene, tmp_path)
    assert not list(tmp_path.iterdir())
    scene.camera = None
    with pytest.raises(RuntimeError, match="no camera"):
        rendered(scene, tmp_path)


def test_an_error_of_ours_is_reported(scene, tmp_path, monkeypatch) -> None:
    def broken(_) -> None:
        raise KeyError("something unforeseen")

    monkeypatch.setattr(extract, "visible_clouds", broken)
    with pytest.raises(RuntimeError, match="something unforeseen"):
        rendered(scene, tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_a_gpu_the_picture_is_the_same(scene, rng, tmp_path, monkeypatch) -> None:
    add(scene, random_points(rng))
    picture = rendered(scene, tmp_path)

    def unavailable(*_) -> None:
        raise SystemError("no GPU here")

    monkeypatch.setattr(engine.splat_pass, "SplatPass", unavailable)
    np.testing.assert_allclose(rendered(scene, tmp_path), picture, atol=1e-5)


def photo_flight(make_flight, motion: bool):
    flight = make_flight(WIDTH, HEIGHT, margin=12, motion=motion)
    return flight, flight.plan.camera


def add_flight(scene, flight, share: float = 0.0) -> None:
    """The clouds of a flight at `share` of its loop, as the animation's nodes give them."""
    scene.collection.objects.link(clouds.make_cloud("still", flight.still))
    moving = flight.moving
    if not moving.count:
        return
    key = round(share * len(moving.forward))
    none = np.zeros_like(moving.position)
    forward = none if key == 0 else moving.forward[key - 1]
    both = replace(
        moving,
        **{
            name: np.concatenate([getattr(moving, name)] * 2)
            for name in ("color", "radius", "known", "layer", "disparity")
        },
        position=np.concatenate(
            [moving.position + forward, moving.position + moving.backward[key]]
        ),
        forward=np.zeros((0, 2 * moving.count, 3), np.float32),
        backward=np.zeros((0, 2 * moving.count, 3), np.float32),
    )
    thing = clouds.make_cloud("moving", both)
    backward = np.repeat([0.0, 1.0], moving.count)
    for name, values in (
        ("backward", backward),
        ("weight", np.where(backward > 0, share, 1.0 - share)),
    ):
        attribute = thing.data.attributes.new(name, "FLOAT", "POINT")
        attribute.data.foreach_set("value", values.astype(np.float32))
    scene.collection.objects.link(thing)


@pytest.mark.parametrize("motion", [False, True])
def test_the_photo_comes_back(scene, make_flight, tmp_path, motion: bool) -> None:
    flight, camera = photo_flight(make_flight, motion)
    add_flight(scene, flight)
    scene.camera.data.lens = camera.lens_mm
    picture = rendered(scene, tmp_path)
    everything = [
        (p.position[:, :2] / p.position[:, 2:] * camera.focal, p.color)
        for p in (flight.still, flight.moving)
    ]
    position, color = (np.concatenate(parts) for parts in zip(*everything, strict=True))
    column, row = np.floor(position + np.array([camera.cx, camera.cy])).astype(int).T
    inside = (column >= 0) & (column < WIDTH) & (row >= 0) & (row < HEIGHT)
    photo = np.zeros((HEIGHT, WIDTH, 3))
    photo[row[inside], column[inside]] = color[inside]
    linear = np.clip(picture[..., :3], 0, None)
    encoded = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    error = np.mean((encoded - photo) ** 2)
    assert -10 * np.log10(error + 1e-12) > 45


def test_moving_clouds_mix_by_the_formula(scene, make_flight, passes, tmp_path) -> None:
    share = 3 / 8
    flight, camera = photo_flight(make_flight, True)
    scene.camera.data.lens = camera.lens_mm
    scene.render.film_transparent = True
    scene.camera.location = (0.02, 0.1, 0.03)
    add_flight(scene, flight, share)
    mixed = rendered(scene, tmp_path)
    images = []
    cloud = next(o for o in scene.objects if o.name == "moving").data
    backward = np.repeat([False, True], flight.moving.count)
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
        for (image, depth), part in zip(images, (1 - share, share), strict=True)
    ]
    total = weights[0] + weights[1]
    first, second = (w[..., None] / total[..., None] for w in weights)
    expected = first * images[0][0] + second * images[1][0]
    np.testing.assert_allclose(mixed[solid], expected[solid], atol=2e-2)
    assert np.abs(images[0][0] - images[1][0]).max() > 0.1


def test_without_backward_weight_one_picture_is_enough(scene, make_flight, monkeypatch) -> None:
    flight, camera = photo_flight(make_flight, True)
    add_flight(scene, flight, 0.0)
    seen_clouds = extract.visible_clouds(bpy.context.evaluated_depsgraph_get())
    assert frame.backward_share(seen_clouds) == 0.0
    seen = view.View(
        np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]]),
        (camera.focal, camera.focal),
        (camera.cx, camera.cy),
        WIDTH,
        HEIGHT,
        (0.01, 1000.0),
    )
    plain = frame.render_clouds(
        [c for c in seen_clouds if not c.moving]
        + [
            replace(c, **{n: getattr(c, n)[~c.backward] for n in ARRAYS}, moving=False)
            for c in seen_clouds
            if c.moving
        ],
        seen,
        frame.cpu_drawing,
    )
    both = frame.render_clouds(seen_clouds, seen, frame.cpu_drawing)
    np.testing.assert_array_equal(both.color, plain.color)


ARRAYS = ("position", "radius", "color", "disparity", "weight", "backward")


def layers_of(color: float, alpha: float, disparity: float, depth: float):
    """One pixel."""
    one = [np.full((1, 1), value, np.float32) for value in (alpha, disparity, depth)]
    return compose.Layers(np.full((1, 1, 3), color, np.float32), *one)


def test_mix_formula_of_numbers() -> None:
    one = layers_of(color=0.4, alpha=0.8, disparity=0.4, depth=0.4)
    other = layers_of(color=0.1, alpha=0.5, disparity=0.05, depth=2.0)
    mixed = compose.mix(one, other, 0.25)
    first, second = 0.75 * np.exp(4 * 0.5) * 0.8, 0.25 * np.exp(4 * 0.1) * 0.5
    first, second = first / (first + second), second / (first + second)
    alpha = first * 0.8 + second * 0.5
    assert mixed.alpha[0, 0] == pytest.approx(alpha, rel=1e-5)
    color = (first * 0.4 / 0.8 + second * 0.1 / 0.5) * alpha
    np.testing.assert_allclose(mixed.color[0, 0], color, rtol=1e-5)
    assert mixed.depth[0, 0] == pytest.approx((first * 0.5 + second * 4.0) * alpha, rel=1e-5)


def test_leaving_out_hidden_points_changes_nothing(
    scene, make_flight, monkeypatch, tmp_path
) -> None:
    flight, camera = photo_flight(make_flight, False)
    add_flight(scene, flight)
    hidden = replace(flight.still, position=flight.still.position * 1.5)
    scene.collection.objects.link(clouds.make_cloud("behind", hidden))
    scene.camera.data.lens, scene.camera.location = camera.lens_mm, (0.05, 0.3, 0.05)
    left_out = []

    def counted(order, seen, size):
        result = occlusion.without_hidden(order, seen, size)
        left_out.append(len(order) - len(result))
        return result

    monkeypatch.setattr(frame, "without_hidden", counted)
    less = rendered(scene, tmp_path)
    monkeypatch.setattr(frame, "without_hidden", lambda order, *_: order)
    np.testing.assert_array_equal(rendered(scene, tmp_path), less)
    assert left_out[0] > 1000


def test_nothing_shines_through_a_surface(scene, make_flight, tmp_path) -> None:
    """White ground over a black copy behind it: from no place is there any grey."""
    flight, camera = photo_flight(make_flight, False)
    still = flight.still
    white = replace(still, color=np.ones_like(still.color))
    black = replace(still, position=still.position * 1.3, color=np.zeros_like(still.color))
    for name, points in (("front", white), ("behind", black)):
        scene.collection.objects.link(clouds.make_cloud(name, points))
    scene.camera.data.lens = camera.lens_mm
    for place in ((0, 0, 0), (0.005, 0, 0.005), (0, 0.2, 0)):
        scene.camera.location = place
        ground = rendered(scene, tmp_path)[HEIGHT * 3 // 4 :, :, 0]
        assert ground.min() > 0.99, place


def test_animation_in_any_order(scene, make_flight, tmp_path) -> None:
    flight, _ = photo_flight(make_flight, False)
    add_flight(scene, flight)
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


def pixels_of(path: Path) -> np.ndarray:
    image = bpy.data.images.load(str(path))
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels


def test_order_is_far_to_near_with_underpaint_behind(rng) -> None:
    z = np.float32([5.0, 1.0, 3.0, 1.02])
    seen = scene_points.Seen(
        Splats(z, z, z, z), np.float32([1, 1, 0, 1]), np.ones((4, 4), np.float32), z, z < 0, z < 0
    )
    anywhere = view.View(np.eye(4), (1, 1), (0, 0), 1, 1, (0.1, 10))
    # 5.2 under 0; 5; 3; 1.0608 under 3; 1.04 under 1; 1.02; 1.
    assert scene_points.draw_order(seen, anywhere).tolist() == [-1, 0, 2, -4, -2, 3, 1]


def test_panels_come_and_go(scene) -> None:
    from make_4d.render import ui_compat

    dimensions = bpy.types.RENDER_PT_format
    if engine.ENGINE in dimensions.COMPAT_ENGINES:
        pytest.skip("the add-on is registered already")
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
