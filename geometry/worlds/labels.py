"""Labels of a view, rendered: depth, what a surface is, sky and clouds.

A render of its own, with one ray through each quarter of a pixel, in which every surface emits its
depth, its label and its slope, and the sky its cloud density.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bpy
import cv2
import numpy as np
from numpy.typing import NDArray

from ..landscapes.materials import Air
from ..landscapes.nodes import Tree
from ..landscapes.render import POINT_FILTER, render_linear
from ..landscapes.sky import Sky, clouds
from .samples import Kind

Image = NDArray[np.float32]
REQUIRES = ("cv2",)
GROUND, WATER_INDEX, FALLS_INDEX, UPRIGHT_INDEX, FLAT_INDEX = 0, 1, 2, 3, 4
"""Pass indices of objects. Ground is flat or upright by its slope; `upright` are trees, rocks,
buildings and other objects; `flat` are surfaces that are walked or driven on, whatever their slope.
"""
KINDS = {
    WATER_INDEX: Kind.WATER,
    FALLS_INDEX: Kind.FALLS,
    UPRIGHT_INDEX: Kind.UPRIGHT,
    FLAT_INDEX: Kind.FLAT,
}
"""Labels by pass index, but for the ground's."""
FLAT_SLOPE, STEEP_SLOPE = 0.95, 0.83
"""The normal's z above which ground is flat, and below which it stands upright. What lies between
is not labeled."""
SLOPE_RADIUS = 1.5
"""Standard deviation in pixels of the blur of the ground's slope, which removes small bumps."""
VEIL = 0.95
"""Share of the light from a surface that haze must replace to hide it."""
SUBPIXELS = 2


@dataclass(frozen=True)
class Labels:
    """The labels (H, W) of a view; see `samples.StoredSample`."""

    disparity: Image
    sky: NDArray[np.uint8]
    clouds: NDArray[np.uint8]
    kind: NDArray[np.uint8]
    veiled: NDArray[np.uint8]


def render_labels(scene: Any, sky: Sky, air: Air) -> Labels:
    """Render the labels of the scene's camera view."""
    with _as_data(scene, sky):
        first, second, third = np.moveaxis(render_linear(scene), -1, 0)
    blocks = [_blocks(channel) for channel in (first, second, third)]
    depth, code, slope = blocks
    is_sky = code < 0.5
    coverage = is_sky.mean(axis=-1)
    in_sky = coverage >= 0.5
    pick = np.where(in_sky[..., None] == is_sky, 1.0, 0.0).argmax(axis=-1)[..., None]
    chosen = [np.take_along_axis(block, pick, axis=-1)[..., 0] for block in blocks]
    depth, index, slope = chosen[0], np.round(chosen[1]) - 1, chosen[2]
    density = np.where(is_sky, blocks[2], 0.0).sum(axis=-1) / np.maximum(is_sky.sum(axis=-1), 1)
    disparity = np.where(in_sky, 0.0, 1.0 / np.maximum(depth, 1e-3)).astype(np.float32)
    kind = _kinds(in_sky, index, slope)
    return Labels(
        disparity,
        _as_bytes(coverage),
        _as_bytes(np.where(coverage > 0, np.clip(density, 0, 1), 0.0)),
        kind,
        (_hidden(air, depth) & ~in_sky).astype(np.uint8),
    )


def _blocks(channel: Image) -> Image:
    """Return the subpixels (H, W, SUBPIXELS**2) of each pixel of a channel."""
    n = SUBPIXELS
    height, width = channel.shape[0] // n, channel.shape[1] // n
    split = channel.reshape(height, n, width, n).transpose(0, 2, 1, 3)
    return split.reshape(height, width, n * n)


def _as_bytes(values: Any) -> NDArray[np.uint8]:
    return np.round(255 * np.asarray(values)).astype(np.uint8)


def _kinds(in_sky: NDArray[np.bool_], index: Image, slope: Image) -> NDArray[np.uint8]:
    """Return the labels (H, W) of surfaces from their pass indices and slopes."""
    ground = ((index == GROUND) & ~in_sky).astype(np.float32)
    weight = cv2.GaussianBlur(ground, (0, 0), SLOPE_RADIUS)
    smooth = cv2.GaussianBlur(ground * slope.astype(np.float32), (0, 0), SLOPE_RADIUS)
    smooth /= np.maximum(weight, 1e-3)
    kind = np.full(index.shape, Kind.IGNORED, np.uint8)
    kind[smooth > FLAT_SLOPE], kind[smooth < STEEP_SLOPE] = Kind.FLAT, Kind.UPRIGHT
    for number, label in KINDS.items():
        kind[index == number] = label
    kind[in_sky] = Kind.SKY
    return kind


def _hidden(air: Air, depth: Image) -> NDArray[np.bool_]:
    """Return where haze hides the surface. A layer of fog counts as if it had no end upward."""
    return 1.0 - np.exp(-depth / air.reach) > VEIL


@contextmanager
def _as_data(scene: Any, sky: Sky) -> Iterator[None]:
    """Make surfaces emit (depth, pass index + 1, slope) and the sky (0, 0, cloud density)."""
    layer, cycles, render = scene.view_layers[0], scene.cycles, scene.render
    before = cycles.samples, cycles.use_denoising, cycles.filter_width
    layer.material_override, layer.world_override = _data_material(), _data_world(sky)
    cycles.samples, cycles.use_denoising, cycles.filter_width = 1, False, POINT_FILTER
    render.resolution_percentage = 100 * SUBPIXELS
    try:
        yield
    finally:
        layer.material_override = layer.world_override = None
        cycles.samples, cycles.use_denoising, cycles.filter_width = before
        render.resolution_percentage = 100


def _data_material() -> Any:
    """Return the override, made once a scene."""
    name = "labels"
    if name in bpy.data.materials:
        return bpy.data.materials[name]
    material = bpy.data.materials.new(name)
    material.cycles.emission_sampling = "NONE"
    tree = Tree(material.node_tree)
    depth = tree.add("CameraData", {}, "View Z Depth")
    number = tree.math("ADD", tree.add("ObjectInfo", {}, "Object Index"), 1.0)
    slope = tree.math("ABSOLUTE", tree.part(tree.add("NewGeometry", {}, "Normal"), 2))
    emission = tree.add("Emission", {0: tree.combine(depth, number, slope), 1: 1.0})
    tree.add("OutputMaterial", {0: emission})
    return material


def _data_world(sky: Sky) -> Any:
    """Return the override, made once a scene."""
    name = "labels"
    if name in bpy.data.worlds:
        return bpy.data.worlds[name]
    world = bpy.data.worlds.new(name)
    world.cycles.sampling_method = "NONE"
    tree = Tree(world.node_tree)
    density, _ = clouds(tree, sky, tree.add("TexCoord", {}, "Generated"))
    background = tree.add("Background", {0: tree.combine(0.0, 0.0, density), 1: 1.0})
    tree.add("OutputWorld", {0: background})
    return world
