"""The rendered viewport: the same picture as F12, from wherever the artist looks."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import gpu
import numpy as np
from gpu_extras.presets import draw_texture_2d

from ..geometry.core.camera import FloatArray
from . import compose, extract, frame, splat_pass, view


def draw_view(
    engine: bpy.types.RenderEngine,
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    clouds: Sequence[extract.Cloud],
    background: Sequence[float] | None,
) -> None:
    """Draw the clouds into the region of `context`, in the scene's display colours."""
    region = context.region
    if region.width < 1 or region.height < 1:
        return
    seen = region_view(context.space_data, context.region_data, (region.width, region.height))
    layers = frame.render_clouds(clouds, seen, splat_pass.gpu_drawing)
    texture = _texture(compose.film(layers, background))
    gpu.state.blend_set("ALPHA_PREMULT")
    engine.bind_display_space_shader(scene)
    draw_texture_2d(texture, (0, 0), region.width, region.height)
    engine.unbind_display_space_shader()
    gpu.state.blend_set("NONE")


def region_view(
    space: bpy.types.SpaceView3D, region: bpy.types.RegionView3D, size: tuple[int, int]
) -> view.View:
    """View of a 3D viewport region of size (width, height) pixels."""
    clip = (space.clip_start, space.clip_end)
    if region.view_perspective == "CAMERA" and space.camera and space.camera.type == "CAMERA":
        clip = (space.camera.data.clip_start, space.camera.data.clip_end)
    elif not region.is_perspective:
        clip = (-space.clip_end, space.clip_end)  # such a view has no eye to clip behind of
    return view.view_from_matrices(
        np.array(region.view_matrix), np.array(region.window_matrix), size, clip
    )


def _texture(picture: FloatArray) -> gpu.types.GPUTexture:
    """A picture (h, w, 4), top row first, as a texture, whose first row is the lowest."""
    height, width = picture.shape[:2]
    data = np.ascontiguousarray(picture[::-1]).ravel()
    buffer = gpu.types.Buffer("FLOAT", data.size, data)
    return gpu.types.GPUTexture((width, height), format="RGBA16F", data=buffer)
