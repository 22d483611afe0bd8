"""The scene of the benchmark `render`: a layered landscape, as the add-on makes it of a photo."""

from __future__ import annotations

from dataclasses import fields, replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

LAYERS = ((2.0, 0.6), (7.0, 0.9), (40.0, 1.0))
"""Depth of each layer, nearest first, and its fraction of the photo's pixels. Each extends from the
bottom up to a wavy skyline, also behind nearer layers, as inpainted layers do."""
FILLED = sum(fraction for _, fraction in LAYERS)
MOVING_FRACTION = LAYERS[-1][1] / FILLED
"""Fraction of the points in the farthest layer, the one that may move."""
LOOP_FRAMES = 60
STEP = (0.004, -0.002, 0.02)
"""Camera motion per frame, scene units in the camera frame."""


def layered_scene_data(count: int, size: tuple[int, int], frames: int, moving: bool) -> Any:
    """Scene data (`geometry.core.scene_data.SceneData`) of a layered landscape.

    Each layer is a wavy height field, sampled at the pixels of a photo.

    Args:
        count: about the number of points of all layers.
        size: (w, h) of the image.
        frames: length of the camera's path.
        moving: whether the farthest layer drifts.
    """
    synthetic = import_module("synthetic")
    cloud, camera = (import_module(f"make_4d.geometry.core.{n}") for n in ("scene_data", "camera"))
    width = max(2, round((count / FILLED * size[0] / size[1]) ** 0.5))
    height = max(2, round(width * size[1] / size[0]))
    lens = camera.Intrinsics.from_field_of_view(width, height, np.radians(55.0))
    pixels = camera.pixel_centers(height, width)
    layers = []
    for index in range(len(LAYERS)):
        mask, depth = _surface(index, pixels / (width, height))
        drifts = moving and index == len(LAYERS) - 1
        points = synthetic.points(
            pixels[mask], depth, _colors(index, pixels[mask]), lens, LOOP_FRAMES if drifts else 0
        )
        observed = np.full(len(depth), 1.0 if index == 0 else 0.5, np.float32)
        layers.append(
            replace(points, layer=np.full(len(depth), index, np.int32), observed=observed)
        )
    at_rest = len(layers) - moving
    nothing = replace(layers[0], **{f.name: getattr(layers[0], f.name)[:0] for f in fields(points)})
    nothing = layers[-1] if moving else nothing
    positions = np.outer([0.0, 0.5, 1.0], np.multiply(STEP, frames)).astype(np.float32)
    look = np.tile(np.float32([0, 0, 1]), (3, 1))
    plan = cloud.ScenePlan(lens, positions, look, frames, LOOP_FRAMES)
    return cloud.SceneData(_joined(layers[:at_rest]), nothing, plan)


def _surface(index: int, positions: NDArray) -> tuple[NDArray, NDArray]:
    """The pixels (h, w) of a layer as a mask, and their depths (P,).

    positions: (h, w, 2) of the pixels, 0 to 1.
    """
    base, fraction = LAYERS[index]
    x, y = positions[..., 0], positions[..., 1]
    skyline = 1.0 - fraction + 0.08 * np.sin(4 * np.pi * x + index)
    mask = (y > skyline) if fraction < 1.0 else np.ones(x.shape, bool)
    wave = np.sin(9 * x + 2.4 * index) * np.cos(7 * y - 2.4 * index)
    depth = base * (1 + 0.12 * wave + 0.02 * np.sin(90 * x + 70 * y))
    return mask, depth[mask].astype(np.float32)


def _colors(index: int, pixels: NDArray) -> NDArray:
    """Colors (P, 3) in waves a few pixels long, with a different hue for each layer."""
    x, y = pixels[:, 0], pixels[:, 1]
    waves = [np.sin(x / 9 + index), np.sin(y / 7 + x / 23), np.sin((x + y) / 15 - index)]
    hue = np.roll([0.65, 0.5, 0.35], index)
    return np.stack([h + 0.3 * w for h, w in zip(hue, waves, strict=True)], 1).astype(np.float32)


def _joined(layers: list[Any]) -> Any:
    """The points of several layers as one."""
    names = [f.name for f in fields(layers[0])]
    parts = {n: [getattr(layer, n) for layer in layers] for n in names}
    axes = {n: 1 if n in ("forward", "backward", "lifetime") else 0 for n in names}
    return replace(layers[0], **{n: np.concatenate(parts[n], axes[n]) for n in names})


def open_scene(scene_data: Any, size: tuple[int, int], output: str) -> Any:
    """The scene data as the only scene of a new file, rendered into PNG files `output`NNNN.png.

    The photo's resolution is replaced by `size` (w, h). EEVEE and Cycles take one sample, Cycles on
    the CPU.
    """
    bpy = import_module("bpy")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    import_module("addon_utils").enable("cycles")
    build, setup = (import_module(f"make_4d.geometry.{n}") for n in ("build", "scene_setup"))
    scene = bpy.data.scenes[build.build_scene(scene_data, "bench", bpy.context.scene).scene]
    settings = {"render.resolution_x": size[0], "render.resolution_y": size[1]}
    one_sample = {"eevee.taa_render_samples": 1}
    if hasattr(scene, "cycles"):
        one_sample |= {
            "cycles.samples": 1,
            "cycles.device": "CPU",
            "cycles.use_denoising": False,
            "cycles.use_adaptive_sampling": False,
        }
    setup.apply(scene, setup.IMAGE_OUTPUT | settings | one_sample | {"render.filepath": output})
    return scene
