"""Render a landscape with Cycles on the CPU: images, exact depth and motion masks.

Depth and masks come from a render of their own, in which every surface emits its depth and its pass
index, and the sky its cloud density, with one ray through each pixel's center.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..core.color import linear_to_srgb
from .meshes import WATER
from .nodes import TIME, Tree
from .scenery import DURATION, FIELD_OF_VIEW, Setting
from .sky import clouds, make_sun, make_world

Image = NDArray[np.float32]
SAMPLES = 16
CLOUD_DENSITY = 0.02
"""Sky with clouds denser than this counts as moving."""
SHADE_REACH = 8.0
"""Distance in meters within which objects block the sky's light."""
BORDER = 6
"""Margin in pixels around moving areas that is rendered with them, for the denoiser."""
POINT_FILTER = 0.01
"""Width of the pixel filter in the depth render, in pixels: Cycles' minimum."""


def empty_scene() -> Any:
    """Empty Blender and return its scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy.context.scene


def set_up(scene: Any, setting: Setting, size: tuple[int, int]) -> None:
    """Add camera, sun and sky to a scene, and set Cycles up.

    size: Width and height of the images in pixels.
    """
    lens = bpy.data.cameras.new("camera")
    lens.sensor_fit = "HORIZONTAL" if size[0] >= size[1] else "VERTICAL"
    lens.angle, lens.clip_start, lens.clip_end = FIELD_OF_VIEW, 0.05, 1e5
    scene.camera = bpy.data.objects.new("camera", lens)
    scene.collection.objects.link(scene.camera)
    scene.world = make_world(setting.sky)
    make_sun(setting.sky)
    render = scene.render
    render.resolution_x, render.resolution_y = size
    render.resolution_percentage = 100
    set_up_cycles(scene, SAMPLES)


def set_up_cycles(scene: Any, samples: int) -> None:
    """Render to OpenEXR with few samples, and with the denoiser if this Blender has one.

    Bounced light is the sky's light dimmed in corners (Cycles' fast GI), which takes a third less
    time than tracing it.
    """
    scene.render.engine, scene.render.use_persistent_data = "CYCLES", True
    image = scene.render.image_settings
    image.file_format, image.color_mode, image.color_depth = "OPEN_EXR", "RGB", "32"
    image.exr_codec = "NONE"
    cycles = scene.cycles
    cycles.device, cycles.samples, cycles.seed = "CPU", samples, 0
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 3, 1, 2
    cycles.transmission_bounces, cycles.transparent_max_bounces = 1, 2
    cycles.use_fast_gi, cycles.fast_gi_method, cycles.ao_bounces_render = True, "REPLACE", 1
    scene.world.light_settings.distance = SHADE_REACH
    cycles.use_light_tree = False  # there is only one lamp
    cycles.sample_clamp_direct, cycles.sample_clamp_indirect = 0.0, 3.0
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.use_adaptive_sampling, cycles.adaptive_threshold = True, 0.01
    cycles.use_denoising = True
    try:
        cycles.denoiser = "OPENIMAGEDENOISE"
    except TypeError:  # built without it: the images are noisier, the ground truth is the same
        cycles.use_denoising = False


def render_images(scene: Any, setting: Setting, fractions: Sequence[float]) -> list[Image]:
    """Return sRGB images (H, W, 3) at fractions 0..1 of the camera path.

    Their colors are those of Blender's view transform Standard.
    """
    return [_image(scene, setting, fraction, fraction) for fraction in fractions]


def render_still(
    scene: Any, setting: Setting, fraction: float, image: Image, where: NDArray[np.bool_]
) -> Image:
    """Return the image at a fraction of the path with clouds and water frozen as at its start.

    Args:
        scene: The scene.
        setting: Its light, haze and camera path.
        fraction: Where on the path, 0 to 1.
        image: The image (H, W, 3) from there with clouds and water moving.
        where: (H, W), all sky and water. Only its bounding box is rendered. The rest is copied from
            `image`, where only faint reflections of clouds in windows would differ.
    """
    if not where.any():
        return image.copy()
    (top, left), (bottom, right) = (pick(np.argwhere(where), axis=0) for pick in (np.min, np.max))
    box = np.array([left, top, right + 1, bottom + 1]) + np.array([-1, -1, 1, 1]) * BORDER
    height, width = where.shape
    left, top, right, bottom = np.clip(box, 0, [width, height, width, height]).tolist()
    render = scene.render
    render.use_border = True
    render.border_min_x, render.border_max_x = left / width, right / width
    render.border_min_y, render.border_max_y = 1 - bottom / height, 1 - top / height
    still = image.copy()
    rendered = _image(scene, setting, fraction, 0.0)
    still[top:bottom, left:right] = rendered[top:bottom, left:right]
    render.use_border = False
    return still


def _image(scene: Any, setting: Setting, fraction: float, time: float) -> Image:
    aim(scene, setting, fraction, time)
    linear = render_linear(scene) * 2.0**setting.exposure
    return linear_to_srgb(np.clip(linear, 0.0, 1.0))


def render_truth(
    scene: Any, setting: Setting, fractions: Sequence[float]
) -> list[tuple[Image, NDArray[np.bool_]]]:
    """Return depth and moving pixels at fractions 0..1 of the camera path.

    Depth (H, W) is in meters, inf in the sky; moving pixels (H, W) are clouds and water.
    """
    frames = []
    with _as_data(scene, setting):
        for fraction in fractions:
            aim(scene, setting, fraction, fraction)
            depth, number, density = np.moveaxis(render_linear(scene), -1, 0)
            is_sky = depth <= 0
            moving = np.where(is_sky, density > CLOUD_DENSITY, np.round(number) == WATER)
            frames.append((np.where(is_sky, np.float32(np.inf), depth), moving))
    return frames


def aim(scene: Any, setting: Setting, fraction: float, time: float) -> None:
    """Move the camera to a fraction of the path, and clouds and water to a fraction of its time."""
    scene.camera.matrix_world = Matrix(setting.camera_path.pose(fraction).tolist())
    for owner in (*bpy.data.materials, *bpy.data.worlds):
        for node in owner.node_tree.nodes:
            if node.name.startswith(TIME):
                node.outputs[0].default_value = time * DURATION


def render_linear(scene: Any) -> Image:
    """Render and return a scene-linear image (H, W, 3), top row first."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.exr"
        scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True, scene=scene.name)
        image = bpy.data.images.load(str(path))
        pixels = np.empty(image.size[0] * image.size[1] * image.channels, np.float32)
        image.pixels.foreach_get(pixels)
        shape = (image.size[1], image.size[0], image.channels)
        bpy.data.images.remove(image)
    return pixels.reshape(shape)[::-1, :, :3].copy()


@contextmanager
def _as_data(scene: Any, setting: Setting) -> Iterator[None]:
    """Make surfaces emit (depth, pass index, 0) and the sky (0, 0, cloud density), noise-free."""
    layer, cycles = scene.view_layers[0], scene.cycles
    before = cycles.samples, cycles.use_denoising, cycles.filter_width
    layer.material_override, layer.world_override = _data_material(), _data_world(setting)
    cycles.samples, cycles.use_denoising, cycles.filter_width = 1, False, POINT_FILTER
    try:
        yield
    finally:
        layer.material_override = layer.world_override = None
        cycles.samples, cycles.use_denoising, cycles.filter_width = before


def _data_material() -> Any:
    material = bpy.data.materials.new("data")
    material.cycles.emission_sampling = "NONE"
    tree = Tree(material.node_tree)
    depth = tree.add("CameraData", {}, "View Z Depth")
    number = tree.add("ObjectInfo", {}, "Object Index")
    emission = tree.add("Emission", {0: tree.combine(depth, number, 0.0), 1: 1.0})
    tree.add("OutputMaterial", {0: emission})
    return material


def _data_world(setting: Setting) -> Any:
    world = bpy.data.worlds.new("data")
    world.cycles.sampling_method = "NONE"
    tree = Tree(world.node_tree)
    density, _ = clouds(tree, setting.sky, tree.add("TexCoord", {}, "Generated"))
    tree.add(
        "OutputWorld", {0: tree.add("Background", {0: tree.combine(0.0, 0.0, density), 1: 1.0})}
    )
    return world
