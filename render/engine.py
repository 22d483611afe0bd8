"""The render engine "Make 4D": draws every visible point cloud as soft splats."""

from __future__ import annotations

from typing import ClassVar

import bpy
import numpy as np
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.core.camera import FloatArray
from ..geometry.core.render_passes import SCREEN_MOTION, enabled_passes
from ..geometry.scene_setup import ENGINE
from ..geometry.translation import translate
from . import extract, gpu_tools, neural, pass_properties, properties, view, viewport
from .draw import Caller, draw_frame
from .frame_request import FrameRequest
from .missing_libraries import missing_library
from .motion_vectors import Moment, screen_motion
from .resources import Lifetime, RenderResources

CAMERA_TYPES = ("PERSP", "ORTHO")
NO_CAMERA = "Make 4D: the scene has no camera"
NOT_A_CAMERA = "Make 4D: {name} is not a camera"
UNSUPPORTED_CAMERA = "Make 4D: {name} must be a perspective or orthographic camera"
NOT_GENERATED = "Make 4D can't generate frame {frame}: {error}"
FAILED = "Make 4D could not render: {error}"


class RenderStoppedError(Exception):
    """The artist pressed Esc."""


class Make4DEngine(bpy.types.RenderEngine):
    """Final frames and the rendered viewport of any scene with point clouds."""

    bl_idname = ENGINE
    bl_label = "Make 4D"
    bl_use_preview = False
    bl_use_postprocess = True
    bl_use_gpu_context = True
    bl_use_eevee_viewport = True

    resources: ClassVar[RenderResources]
    """Set by `register`."""
    lifetime: ClassVar[Lifetime]
    _viewport: viewport.Viewport | None = None

    def update_render_passes(
        self, scene: bpy.types.Scene, renderlayer: bpy.types.ViewLayer
    ) -> None:
        """Tell the compositor which passes there will be."""
        for each in enabled_passes(renderlayer):
            self.register_pass(scene, renderlayer, each.name, each.width, each.channels, each.kind)

    def render(self, depsgraph: bpy.types.Depsgraph) -> None:
        """Render the depsgraph's view layer at its frame; report problems as errors.

        A reported error ends the render without a file. `error_set` would not, and Blender would
        then write an image that doesn't exist (it crashes for OpenEXR).
        """
        camera = self.camera_override or depsgraph.scene.camera
        problem = missing_library(depsgraph.view_layer) or camera_problem(camera)
        if problem:
            self.report({"ERROR"}, problem)
            return
        try:
            self._render_layer(depsgraph)
        except RenderStoppedError:
            return
        except neural.NeuralUnavailableError as error:
            number = depsgraph.scene.frame_current
            text = rpt_(NOT_GENERATED).format(frame=number, error=translate(error))
            self.report({"ERROR"}, text)
        except Exception as error:
            text = rpt_(FAILED).format(error=f"{type(error).__name__}: {error}")
            self.report({"ERROR"}, text)
            raise

    def _render_layer(self, depsgraph: bpy.types.Depsgraph) -> None:
        """Render all stereo views of a view layer, or the only one."""
        names = _view_names(depsgraph.scene.render)
        moments = self._neighbors(depsgraph, names)
        clouds = self._read_clouds(depsgraph)
        for name, (before, after) in zip(names, moments, strict=True):
            self._select(name)
            through = self._camera_view(depsgraph)
            vectors = None
            if before and after:
                vectors = screen_motion(before, Moment(clouds, through), after)
            self._render_view(depsgraph, clouds, through, vectors, name)

    def _read_clouds(self, depsgraph: bpy.types.Depsgraph) -> list[extract.Cloud]:
        self._check_stopped()
        clouds = extract.visible_clouds(depsgraph)
        points = sum(len(cloud.position) for cloud in clouds)
        size = sum(cloud.nbytes for cloud in clouds) / 2**20
        text = iface_("Make 4D: {points} points, {size} MB")
        self.update_stats("", text.format(points=f"{points:,}", size=f"{size:,.0f}"))
        return clouds

    def _neighbors(
        self, depsgraph: bpy.types.Depsgraph, names: list[str]
    ) -> list[tuple[Moment | None, Moment | None]]:
        """The frames before and after this one, per stereo view, if a pass needs them.

        The scene is on its own frame again afterward, also if the render is stopped.
        """
        sources = {each.source for each in enabled_passes(depsgraph.view_layer)}
        if SCREEN_MOTION not in sources:
            return [(None, None)] * len(names)
        now, subframe = depsgraph.scene.frame_current, depsgraph.scene.frame_subframe
        moments = []
        try:
            for number in (now - 1, now + 1):
                self.frame_set(number, subframe)
                moments.append(self._moments_now(depsgraph, names))
        finally:
            self.frame_set(now, subframe)
        return list(zip(*moments, strict=True))

    def _moments_now(self, depsgraph: bpy.types.Depsgraph, names: list[str]) -> list[Moment]:
        """The scene at its present frame, per stereo view."""
        clouds = self._read_clouds(depsgraph)
        views = []
        for name in names:
            self._select(name)
            views.append(self._camera_view(depsgraph))
        return [Moment(clouds, through) for through in views]

    def _select(self, name: str) -> None:
        """Make a stereo view the active one."""
        if name:
            self.active_view_set(name)

    def view_update(self, context: bpy.types.Context, depsgraph: bpy.types.Depsgraph) -> None:
        """Note what changed in the scene, for the next drawing."""
        if self._viewport is not None:
            self._viewport.scene_changed(depsgraph)

    def view_draw(self, context: bpy.types.Context, depsgraph: bpy.types.Depsgraph) -> None:
        """Draw the rendered viewport, with a message if a simpler method is used."""
        if self._viewport is None:
            self._viewport = viewport.Viewport(self.resources)
        try:
            self._viewport.draw(self, context, depsgraph, background_color(depsgraph.scene))
            status = self._viewport.status
        except gpu_tools.GpuUnavailableError as error:
            status = str(error)
        self.update_stats("", status)

    def _render_view(
        self,
        depsgraph: bpy.types.Depsgraph,
        clouds: list[extract.Cloud],
        through: view.View,
        vectors: FloatArray | None,
        name: str,
    ) -> None:
        """Render one stereo view, or the only one (name "")."""
        self._check_stopped()
        scene, layer = depsgraph.scene, depsgraph.view_layer
        names = frozenset(each.name for each in enabled_passes(layer))
        chosen = scene.make_4d_engine
        request = FrameRequest(through, names, background_color(scene), chosen.nearest)
        drawn = draw_frame(
            clouds,
            request,
            vectors,
            chosen.method,
            self.resources,
            Caller(self._check_stopped, self._notice),
            # A still may show the points' own colors; among generated frames they would flicker.
            networks_required=self.is_animation,
        )
        self._check_stopped()
        width, height = through.width, through.height
        result = self.begin_result(0, 0, width, height, layer=layer.name, view=name)
        for render_pass in result.layers[0].passes:
            if render_pass.name in drawn:
                _fill(render_pass, drawn[render_pass.name])
        self.end_result(result)
        self.update_progress(1.0)

    def _camera_view(self, depsgraph: bpy.types.Depsgraph) -> view.View:
        """The camera's view cut to the border, if there is one."""
        render = depsgraph.scene.render
        camera = (self.camera_override or depsgraph.scene.camera).evaluated_get(depsgraph)
        size = frame_size(render)
        model_matrix = np.array(self.camera_model_matrix(camera)).reshape(4, 4)
        whole = view.view_from_camera(camera, depsgraph, model_matrix, size)
        return whole.cropped(*view.border_rectangle(render, size))

    def _notice(self, text: str) -> None:
        self.report({"WARNING"}, text)

    def _check_stopped(self) -> None:
        if self.test_break():
            raise RenderStoppedError


def camera_problem(camera: bpy.types.Object | None) -> str:
    """A sentence on why the engine can't render through `camera`; empty if it can."""
    if camera is None:
        return rpt_(NO_CAMERA)
    if camera.type != "CAMERA":
        return rpt_(NOT_A_CAMERA).format(name=camera.name)
    if camera.data.type not in CAMERA_TYPES:
        return rpt_(UNSUPPORTED_CAMERA).format(name=camera.name)
    return ""


def frame_size(render: bpy.types.RenderSettings) -> tuple[int, int]:
    """Width and height of the whole frame in pixels."""
    percentage = render.resolution_percentage
    size = render.resolution_x * percentage // 100, render.resolution_y * percentage // 100
    return max(size[0], 1), max(size[1], 1)


def background_color(scene: bpy.types.Scene) -> tuple[float, float, float] | None:
    """Scene-linear color behind the points; None for a transparent film."""
    if scene.render.film_transparent:
        return None
    return tuple(scene.world.color) if scene.world else (0.0, 0.0, 0.0)


def _view_names(render: bpy.types.RenderSettings) -> list[str]:
    """Names of the stereo views to render; one empty name without stereoscopy."""
    if not render.use_multiview:
        return [""]
    return [v.name for v in render.views if v.use] or [""]


def _fill(render_pass: bpy.types.RenderPass, image: FloatArray) -> None:
    """Copy an image (h, w) or (h, w, C), bottom row first, into a pass."""
    render_pass.rect.foreach_set(np.ascontiguousarray(image, np.float32).ravel())


def register() -> None:
    """Add the engine to Blender."""
    pass_properties.register()
    properties.register()
    Make4DEngine.resources = RenderResources()
    Make4DEngine.lifetime = Lifetime(Make4DEngine.resources)
    bpy.utils.register_class(Make4DEngine)
    Make4DEngine.lifetime.start()


def unregister() -> None:
    """Remove the engine."""
    Make4DEngine.lifetime.stop()
    bpy.utils.unregister_class(Make4DEngine)
    properties.unregister()
    pass_properties.unregister()
