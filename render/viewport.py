"""The rendered viewport: the same image as F12, from wherever the artist looks.

While the view moves, the image is drawn at half its size; once it has been still for a moment, in
full. An image that is still right is shown again without being drawn.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import bpy
import gpu
import numpy as np
from gpu_extras.presets import draw_texture_2d

from ..geometry.core.render_passes import COMBINED
from . import gpu_tools, splat_pass
from .cloud_cache import CloudCache
from .draw import CPU, chosen_method, first_available
from .extract import Cloud
from .frame import OpenDrawing, cpu_drawing, render_clouds
from .frame_request import FrameRequest
from .resources import RenderResources
from .session import Session
from .view import View, view_from_matrices

COARSE = 2
"""Width in screen pixels of a drawn pixel while the view moves."""
STILL_AFTER = 0.2
"""Seconds after which a view counts as still."""


class Viewport:
    """What one rendered viewport keeps between its drawings."""

    def __init__(self, resources: RenderResources) -> None:
        """resources: shaders, and what is known of the GPU."""
        self.status = ""
        """Message for the artist when a simpler method than the chosen one draws."""
        self._resources = resources
        self._session = Session(resources.cache)
        self._cache = CloudCache()
        self._clouds: Sequence[Cloud] | None = None
        self._requested: tuple[FrameRequest, str] | None = None
        self._shown: FrameRequest | None = None
        self._texture: gpu.types.GPUTexture | None = None
        self._changed = 0.0
        self._works: str | None = None  # the method that drew last

    def scene_changed(self, depsgraph: bpy.types.Depsgraph) -> None:
        """Draw anew at the next redraw, and read the clouds whose points changed."""
        self._cache.note_updates(depsgraph)
        self._clouds = None
        self._works = None

    def draw(
        self,
        engine: bpy.types.RenderEngine,
        context: bpy.types.Context,
        depsgraph: bpy.types.Depsgraph,
        background: tuple[float, float, float] | None,
    ) -> None:
        """Draw into the region of `context`, in the scene's display colors.

        Raises GpuUnavailableError if even the CPU's image can't be shown.
        """
        region, scene = context.region, depsgraph.scene
        if region.width < 1 or region.height < 1:
            return
        view = region_view(context.space_data, context.region_data, (region.width, region.height))
        settings, passes = scene.make_4d_engine, frozenset({COMBINED.name})
        request = FrameRequest(view, passes, background, settings.nearest)
        self.prepare(request, depsgraph, chosen_method(settings.method, self._resources))
        gpu.state.blend_set("ALPHA_PREMULT")
        engine.bind_display_space_shader(scene)
        draw_texture_2d(self._texture, (0, 0), region.width, region.height)
        engine.unbind_display_space_shader()
        gpu.state.blend_set("NONE")

    def prepare(self, request: FrameRequest, depsgraph: bpy.types.Depsgraph, method: str) -> None:
        """Let the texture show the request, coarsely while it changes.

        method: NEAREST or SORTED.
        """
        now = time.monotonic()
        if (request, method) != self._requested or self._clouds is None:
            moving = self._requested is not None
            if self._requested and self._requested[1] != method:
                self._works = None
            self._requested, self._shown = (request, method), None
            self._changed = now if moving else 0.0
        if self._clouds is None:
            self._clouds = self._cache.read(depsgraph)
        is_still = now - self._changed >= STILL_AFTER
        now_drawn = request if is_still else coarse(request)
        if self._shown not in (request, now_drawn):
            self._texture = self._drawn(now_drawn, method)
            self._shown = now_drawn
        if self._shown != request:
            redraw_later()

    def _drawn(self, request: FrameRequest, method: str) -> gpu.types.GPUTexture:
        """The image as a texture, its first row the lowest.

        After a failure of the GPU, the simpler method that worked is used until the scene or the
        chosen method changes.
        """
        drawing = partial(splat_pass.gpu_drawing, cache=self._resources.cache)
        attempts = {
            "NEAREST": partial(self._draw_nearest, request),
            "SORTED": partial(self._draw_far_to_near, request, drawing),
            CPU: partial(self._draw_far_to_near, request, cpu_drawing),
        }
        if self._works is None:
            self.status = ""
        first = self._works or method
        self._works, texture = first_available(attempts, first, self._set_status)
        return texture

    def _set_status(self, message: str) -> None:
        self.status = message

    def _draw_nearest(self, request: FrameRequest) -> gpu.types.GPUTexture:
        return self._session.draw(self._clouds or (), request)[0]

    def _draw_far_to_near(
        self, request: FrameRequest, drawing: OpenDrawing
    ) -> gpu.types.GPUTexture:
        passes = render_clouds(self._clouds or (), request, drawing)
        with gpu_tools.gpu_errors():
            return gpu_tools.image_texture(passes[COMBINED.name])


def coarse(request: FrameRequest) -> FrameRequest:
    """The same request for an image of half the size."""
    view = request.view
    width, height = (-(-length // COARSE) for length in (view.width, view.height))
    x, y = width / view.width, height / view.height
    focal = (view.focal[0] * x, view.focal[1] * y)
    center = (view.center[0] * x, view.center[1] * y)
    smaller = replace(view, focal=focal, center=center, width=width, height=height)
    return replace(request, view=smaller)


def redraw_later() -> None:
    """Redraw the rendered viewports once the view may be still."""
    if not bpy.app.timers.is_registered(_redraw):
        bpy.app.timers.register(_redraw, first_interval=STILL_AFTER)


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D" and area.spaces.active.shading.type == "RENDERED":
                area.tag_redraw()


def region_view(
    space: bpy.types.SpaceView3D, region: bpy.types.RegionView3D, size: tuple[int, int]
) -> View:
    """View of a 3D viewport region of size (width, height) pixels."""
    clip = (space.clip_start, space.clip_end)
    if region.view_perspective == "CAMERA" and space.camera and space.camera.type == "CAMERA":
        clip = (space.camera.data.clip_start, space.camera.data.clip_end)
    elif not region.is_perspective:
        clip = (-space.clip_end, space.clip_end)  # an orthographic view has no eye to clip behind
    return view_from_matrices(
        np.array(region.view_matrix), np.array(region.window_matrix), size, clip
    )
