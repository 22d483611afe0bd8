"""Renders a scene with Cycles on the processor: pictures, and exact depth and motion masks.

Depth and masks are a rendering of their own, in which everything sends its depth, its number and
the clouds' density as light, with one ray through each pixel's centre.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .build import WATER
from .nodes import TIME, Tree
from .setting import FIELD_OF_VIEW, FULL_FLIGHT, Setting
from .sky import clouds, make_sun, make_world

Picture = NDArray[np.float32]
SAMPLES = 16
CLOUD_DENSITY = 0.02
"""Sky with denser clouds than this counts as moving."""
POINT_FILTER = 0.01
"""Width in pixels from which a ray of the depth rendering comes: Cycles' least."""


def empty_scene() -> Any:
    """Blender with nothing in it; returns its scene."""
    bpy = import_module("bpy")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy.context.scene


def set_up(scene: Any, setting: Setting, size: tuple[int, int]) -> None:
    """Give a scene its camera, sun and sky, and Cycles' settings; size (w, h)."""
    bpy = import_module("bpy")
    lens = bpy.data.cameras.new("camera")
    lens.sensor_fit = "HORIZONTAL" if size[0] >= size[1] else "VERTICAL"
    lens.angle, lens.clip_start, lens.clip_end = FIELD_OF_VIEW, 0.05, 1e5
    scene.camera = bpy.data.objects.new("camera", lens)
    scene.collection.objects.link(scene.camera)
    scene.world = make_world(setting.sky)
    make_sun(setting.sky)
    render = scene.render
    render.engine, render.use_persistent_data = "CYCLES", True
    render.resolution_x, render.resolution_y = size
    render.resolution_percentage = 100
    image = render.image_settings
    image.file_format, image.color_mode, image.color_depth = "OPEN_EXR", "RGB", "32"
    image.exr_codec = "NONE"
    _set_up_cycles(scene.cycles)


def _set_up_cycles(cycles: Any) -> None:
    """Few bounces, few samples, then the denoiser where this Blender has it."""
    cycles.device, cycles.samples, cycles.seed = "CPU", SAMPLES, 0
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 3, 1, 2
    cycles.transmission_bounces, cycles.transparent_max_bounces = 1, 2
    cycles.sample_clamp_direct, cycles.sample_clamp_indirect = 0.0, 3.0
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.use_adaptive_sampling, cycles.adaptive_threshold = True, 0.02
    cycles.use_denoising = True
    try:
        cycles.denoiser = "OPENIMAGEDENOISE"
    except TypeError:  # built without it: noisier pictures, the same truth
        cycles.use_denoising = False


def render_pictures(
    scene: Any, setting: Setting, shares: Sequence[float], held: bool = False
) -> list[Picture]:
    """The sRGB pictures (H, W, 3), as Blender's view Standard shows them.

    shares: of the flight, 0..1; held: the time stands still.
    """
    encode = import_module("make_4d.geometry.core.color").linear_to_srgb
    found = []
    for share in shares:
        aim(scene, setting, share, 0.0 if held else share)
        linear = _rendered(scene) * 2.0**setting.exposure
        found.append(encode(np.clip(linear, 0.0, 1.0)))
    return found


def render_truth(
    scene: Any, setting: Setting, shares: Sequence[float]
) -> list[tuple[Picture, NDArray[np.bool_]]]:
    """Depth (H, W) in metres, inf in the sky, and what moves (H, W), after shares of the flight."""
    found = []
    with _as_data(scene, setting):
        for share in shares:
            aim(scene, setting, share, share)
            depth, number, density = np.moveaxis(_rendered(scene), -1, 0)
            is_sky = depth <= 0
            moving = np.where(is_sky, density > CLOUD_DENSITY, np.round(number) == WATER)
            found.append((np.where(is_sky, np.float32(np.inf), depth), moving))
    return found


def aim(scene: Any, setting: Setting, share: float, time: float) -> None:
    """Place the camera after a share of the flight, and clouds and water at a share of the time."""
    matrix = import_module("mathutils").Matrix
    scene.camera.matrix_world = matrix(setting.flight.pose(share).tolist())
    data = import_module("bpy").data
    for owner in (*data.materials, *data.worlds):
        for node in owner.node_tree.nodes:
            if node.name.startswith(TIME):
                node.outputs[0].default_value = time * FULL_FLIGHT


def _rendered(scene: Any) -> Picture:
    """The rendered picture (H, W, 3), scene-linear, top row first."""
    bpy = import_module("bpy")
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
    """Everything sends (depth, number, 0), the sky (0, 0, density of clouds), without noise."""
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
    made = import_module("bpy").data.materials.new("data")
    made.cycles.emission_sampling = "NONE"
    tree = Tree(made.node_tree)
    depth = tree.add("CameraData", {}, "View Z Depth")
    number = tree.add("ObjectInfo", {}, "Object Index")
    sent = tree.add("Emission", {0: tree.combine(depth, number, 0.0), 1: 1.0})
    tree.add("OutputMaterial", {0: sent})
    return made


def _data_world(setting: Setting) -> Any:
    made = import_module("bpy").data.worlds.new("data")
    made.cycles.sampling_method = "NONE"
    tree = Tree(made.node_tree)
    density, _ = clouds(tree, setting.sky, tree.add("TexCoord", {}, "Generated"))
    tree.add(
        "OutputWorld", {0: tree.add("Background", {0: tree.combine(0.0, 0.0, density), 1: 1.0})}
    )
    return made
