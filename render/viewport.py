"""The rendered viewport: the same picture as F12, from wherever the artist looks.

While the view moves the picture is drawn at half its size; once it has been still for a moment, in
full. A picture that is still right is shown again without being drawn.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import bpy
import gpu
import numpy as np
from gpu_extras.presets import draw_texture_2d

from . import extract, gpu_tools, session, splat_pass
from .draw import chosen_method
from .frame import render_clouds
from .frame_request import FrameRequest
from .view import View, view_from_matrices

COARSE = 2
"""Pixels of the screen a side for one drawn pixel, while the view moves."""
STILL_AFTER = 0.2
"""Seconds after which a view counts as still."""


class Viewport:
    """What one rendered viewport keeps between its drawings."""

    def __init__(self) -> None:
        self._session = session.Session()
        self._clouds: Sequence[extract.Cloud] | None = None
        self._wanted: tuple[FrameRequest, str] | None = None
        self._shown: FrameRequest | None = None
        self._texture: gpu.types.GPUTexture | None = None
        self._changed = 0.0

    def scene_changed(self) -> None:
        """Read the points anew with the next drawing."""
        self._clouds = None

    def draw(
        self,
        engine: bpy.types.RenderEngine,
        context: bpy.types.Context,
        depsgraph: bpy.types.Depsgraph,
        background: tuple[float, float, float] | None,
    ) -> None:
        """Draw into the region of `context`, in the scene's display colors."""
        region, scene = context.region, depsgraph.scene
        if region.width < 1 or region.height < 1:
            return
        seen = region_view(context.space_data, context.region_data, (region.width, region.height))
        film = FrameRequest(seen, frozenset({"Combined"}), background, scene.make_4d_engine.nearest)
        self._prepare(film, depsgraph, chosen_method(scene.make_4d_engine.method))
        gpu.state.blend_set("ALPHA_PREMULT")
        engine.bind_display_space_shader(scene)
        draw_texture_2d(self._texture, (0, 0), region.width, region.height)
        engine.unbind_display_space_shader()
        gpu.state.blend_set("NONE")

    def _drawn(self, film: FrameRequest, method: str) -> gpu.types.GPUTexture:
        """The picture as a texture, its first row the lowest."""
        clouds = self._clouds or ()
        if method == "NEAREST":
            self._session.update(clouds)
            return self._session.draw(film)[0]
        passes = render_clouds(clouds, film, splat_pass.gpu_drawing)
        return gpu_tools.picture_texture(passes["Combined"])

    def _prepare(self, film: FrameRequest, depsgraph: bpy.types.Depsgraph, method: str) -> None:
        """See that the texture shows `film`, coarsely while it changes."""
        now = time.monotonic()
        if (film, method) != self._wanted or self._clouds is None:
            moving = self._wanted is not None
            self._wanted, self._shown = (film, method), None
            self._changed = now if moving else 0.0
        if self._clouds is None:
            self._clouds = extract.visible_clouds(depsgraph)
        is_still = now - self._changed >= STILL_AFTER
        wanted = film if is_still else coarse(film)
        if self._shown not in (film, wanted):
            self._texture = self._drawn(wanted, method)
            self._shown = wanted
        if self._shown != film:
            redraw_later()


def coarse(film: FrameRequest) -> FrameRequest:
    """The film with a picture of half the size."""
    view = film.view
    width, height = (-(-length // COARSE) for length in (view.width, view.height))
    x, y = width / view.width, height / view.height
    focal = (view.focal[0] * x, view.focal[1] * y)
    center = (view.center[0] * x, view.center[1] * y)
    return replace(film, view=replace(view, focal=focal, center=center, width=width, height=height))


def redraw_later() -> None:
    """Have the rendered viewports drawn again once the view may be still."""
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
        clip = (-space.clip_end, space.clip_end)  # such a view has no eye to clip behind of
    return view_from_matrices(
        np.array(region.view_matrix), np.array(region.window_matrix), size, clip
    )
