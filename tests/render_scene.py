"""Scenes to render in tests: camera, clouds, and the numpy renderer's images of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from make_4d.geometry.core import splat
from make_4d.geometry.core.camera import Intrinsics, blender_from_camera
from make_4d.geometry.core.splat import Splats

WIDTH, HEIGHT = 61, 45


@contextmanager
def opened(bpy) -> Iterator:
    """An empty scene with the engine, exact colors and a camera that looks along +y."""
    from make_4d.render import engine, kept_workers

    modules = () if engine.Make4DEngine.is_registered else (kept_workers, engine)
    for module in modules:
        module.register()
    scene = bpy.context.scene
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
    try:
        yield scene
    finally:
        for module in reversed(modules):
            module.unregister()


def camera_of(scene) -> Intrinsics:
    """Intrinsics of the fixture's camera, made from its lens and not from the engine."""
    focal = scene.camera.data.lens / 36.0 * WIDTH
    return Intrinsics(focal, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)


def add_points(scene, position, **attributes):
    """A PointCloud object of camera-frame positions (P, 3) and attributes by name."""
    import bpy

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
    item = bpy.data.objects.new("cloud", cloud)
    scene.collection.objects.link(item)
    return item


def random_points(rng, count=400):
    """Positions in front of, behind and beside the camera; radii; opaque and other colors."""
    position = rng.uniform(-1, 1, (count, 3)) * [2.5, 2, 4] + [0, 0, 3]
    color = rng.uniform(0, 1, (count, 4))
    color[::2, 3] = 1
    return SimpleNamespace(
        position=position.astype(np.float32),
        radius=rng.uniform(0.02, 0.3, count).astype(np.float32),
        color=color.astype(np.float32),
    )


def reference(points, camera: Intrinsics, nearest: int | None = None):
    """Premultiplied image (h, w, 3) and alpha (h, w) of the numpy renderer."""
    front = points.position[:, 2] > 0.01
    x, y, z = points.position[front].T.astype(np.float64)
    radius = np.maximum(points.radius[front] * camera.focal / z, splat.MIN_RADIUS_PX)
    u, v = camera.focal * x / z + camera.cx, camera.focal * y / z + camera.cy
    result = splat.composite(
        Splats(u, v, z, radius),
        points.color[front, :3],
        (camera.height, camera.width),
        nearest,
        opacity=points.color[front, 3],
        least_falloff=splat.LEAST_FALLOFF,
    )
    return result.image, result.alpha


def rendered(scene, tmp_path: Path):
    """RGBA (h, w, 4), top row first, of F12's image, read back from a float EXR file."""
    import bpy

    settings = scene.render.image_settings
    settings.media_type = "IMAGE"
    settings.file_format, settings.color_depth, settings.exr_codec = "OPEN_EXR", "32", "NONE"
    settings.color_mode = "RGBA"
    scene.render.filepath = str(tmp_path / "image.exr")
    bpy.ops.render.render(write_still=True, scene=scene.name)
    image = bpy.data.images.load(scene.render.filepath)
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1]


def add(scene, points):
    return add_points(scene, points.position, radius=points.radius, color=points.color)


def photo_flight(make_scene_data, motion: bool):
    scene_data = make_scene_data(WIDTH, HEIGHT, margin=12, motion=motion)
    return scene_data, scene_data.plan.camera


def add_flight(scene, scene_data, phase: float = 0.0) -> None:
    """Add the clouds of scene data at a phase of the loop, as the animation's nodes give them."""
    from make_4d.geometry import clouds

    scene.collection.objects.link(clouds.make_cloud("still", scene_data.still))
    moving = scene_data.moving
    if not moving.count:
        return
    key = round(phase * len(moving.forward))
    none = np.zeros_like(moving.position)
    forward = none if key == 0 else moving.forward[key - 1]
    both = replace(
        moving,
        **{
            name: np.concatenate([getattr(moving, name)] * 2)
            for name in ("color", "opacity", "radius", "observed", "layer", "pixel", "disparity")
        },
        position=np.concatenate(
            [moving.position + forward, moving.position + moving.backward[key]]
        ),
        forward=np.zeros((0, 2 * moving.count, 3), np.float32),
        backward=np.zeros((0, 2 * moving.count, 3), np.float32),
        lifetime=np.zeros((0, 2 * moving.count), np.float32),
    )
    item = clouds.make_cloud("moving", both)
    backward = np.repeat([0.0, 1.0], moving.count)
    for name, values in (
        ("backward", backward),
        ("weight", np.where(backward > 0, phase, 1.0 - phase)),
    ):
        attribute = item.data.attributes.new(name, "FLOAT", "POINT")
        attribute.data.foreach_set("value", values.astype(np.float32))
    scene.collection.objects.link(item)


def pixels_of(path: Path) -> np.ndarray:
    """All numbers of an image file."""
    import bpy

    image = bpy.data.images.load(str(path))
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels


def kept_passes(monkeypatch) -> dict[str, np.ndarray]:
    """The last render's images by pass name, as the engine fills them but top row first."""
    from make_4d.render import engine

    kept: dict[str, np.ndarray] = {}

    def keep(render_pass, image):
        kept[render_pass.name] = image[::-1].copy()
        fill(render_pass, image)

    fill = engine._fill
    monkeypatch.setattr(engine, "_fill", keep)
    return kept
