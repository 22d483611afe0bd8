"""Renders a scene with Cycles on the processor: pictures, and exact depth and motion masks.

Depth and masks are a rendering of their own, in which everything sends its depth, its number and
the clouds' density as light, with one ray through each pixel's center.
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
SHADE_REACH = 8.0
"""Meters within which things keep the sky's light from each other."""
BORDER = 6
"""Pixels round what moves that are rendered with it, for the denoiser."""
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
    _set_up_cycles(scene)


def _set_up_cycles(scene: Any) -> None:
    """Few samples, then the denoiser where this Blender has it.

    Light that bounces is the sky's, dimmed in corners (Cycles' fast GI): a third quicker than
    following it.
    """
    cycles = scene.cycles
    cycles.device, cycles.samples, cycles.seed = "CPU", SAMPLES, 0
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 3, 1, 2
    cycles.transmission_bounces, cycles.transparent_max_bounces = 1, 2
    cycles.use_fast_gi, cycles.fast_gi_method, cycles.ao_bounces_render = True, "REPLACE", 1
    scene.world.light_settings.distance = SHADE_REACH
    cycles.use_light_tree = False  # there is one lamp
    cycles.sample_clamp_direct, cycles.sample_clamp_indirect = 0.0, 3.0
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.use_adaptive_sampling, cycles.adaptive_threshold = True, 0.01
    cycles.use_denoising = True
    try:
        cycles.denoiser = "OPENIMAGEDENOISE"
    except TypeError:  # built without it: noisier pictures, the same truth
        cycles.use_denoising = False


def render_pictures(scene: Any, setting: Setting, shares: Sequence[float]) -> list[Picture]:
    """The sRGB pictures (H, W, 3) after shares 0..1 of the flight: Blender's view Standard."""
    return [_picture(scene, setting, share, share) for share in shares]


def render_still(
    scene: Any, setting: Setting, share: float, picture: Picture, where: NDArray[np.bool_]
) -> Picture:
    """The picture after a share of the flight, with clouds and water as they are at its start.

    Only the box round `where` (H, W), all of the sky and the water, is rendered; the rest is taken
    from the picture of the moving scene, where only clouds' faint images in windows would differ.
    """
    if not where.any():
        return picture.copy()
    (top, left), (bottom, right) = (pick(np.argwhere(where), axis=0) for pick in (np.min, np.max))
    box = np.array([left, top, right + 1, bottom + 1]) + np.array([-1, -1, 1, 1]) * BORDER
    height, width = where.shape
    left, top, right, bottom = np.clip(box, 0, [width, height, width, height]).tolist()
    render = scene.render
    render.use_border = True
    render.border_min_x, render.border_max_x = left / width, right / width
    render.border_min_y, render.border_max_y = 1 - bottom / height, 1 - top / height
    still = picture.copy()
    rendered = _picture(scene, setting, share, 0.0)
    still[top:bottom, left:right] = rendered[top:bottom, left:right]
    render.use_border = False
    return still


def _picture(scene: Any, setting: Setting, share: float, time: float) -> Picture:
    aim(scene, setting, share, time)
    linear = _rendered(scene) * 2.0**setting.exposure
    encode = import_module("make_4d.geometry.core.color").linear_to_srgb
    return encode(np.clip(linear, 0.0, 1.0))


def render_truth(
    scene: Any, setting: Setting, shares: Sequence[float]
) -> list[tuple[Picture, NDArray[np.bool_]]]:
    """Depth (H, W) in meters, inf in the sky, and what moves (H, W), after shares of the flight."""
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
