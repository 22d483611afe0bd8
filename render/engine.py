"""The render engine "Make 4D": draws every visible point cloud as soft splats."""

from __future__ import annotations

import atexit

import bpy
import numpy as np
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.core.camera import FloatArray
from ..geometry.scene_setup import ENGINE
from ..geometry.translation import translate
from . import (
    extract,
    gpu_tools,
    neural,
    passes,
    session,
    timing,
    view,
    viewport,
)
from . import (
    missing_libraries as links,
)
from . import (
    motion_vectors as motion,
)
from . import (
    properties as settings,
)
from .draw import draw_frame
from .frame_request import FrameRequest

CAMERA_TYPES = ("PERSP", "ORTHO")


class RenderStoppedError(Exception):
    """The artist pressed Esc."""


class Make4DEngine(bpy.types.RenderEngine):
    """Final frames and the rendered viewport; needs nothing of the scene but its point clouds."""

    bl_idname = ENGINE
    bl_label = "Make 4D"
    bl_use_preview = False
    bl_use_postprocess = True
    bl_use_gpu_context = True
    bl_use_eevee_viewport = True

    _viewport: viewport.Viewport | None = None

    def update_render_passes(
        self, scene: bpy.types.Scene, renderlayer: bpy.types.ViewLayer
    ) -> None:
        """Tell the compositor which passes there will be."""
        for each in passes.wanted(renderlayer):
            channels = len(each.channels)
            self.register_pass(scene, renderlayer, each.name, channels, each.channels, each.kind)

    def render(self, depsgraph: bpy.types.Depsgraph) -> None:
        """Render the depsgraph's view layer at its frame; problems are reported as errors.

        A reported error ends the render without a file; `error_set` would not, and Blender would
        then write a picture that isn't there (it crashes for OpenEXR).
        """
        camera = self.camera_override or depsgraph.scene.camera
        problem = links.missing_library(depsgraph.view_layer) or camera_problem(camera)
        if problem:
            self.report({"ERROR"}, problem)
            return
        try:
            self._render_layer(depsgraph)
        except RenderStoppedError:
            return
        except neural.NeuralUnavailableError as error:
            text = rpt_("Make 4D can't paint frame {frame}: {error}")
            number = depsgraph.scene.frame_current
            self.report({"ERROR"}, text.format(frame=number, error=translate(error)))
        except Exception as error:
            text = rpt_("Make 4D could not render: {error}")
            self.report({"ERROR"}, text.format(error=f"{type(error).__name__}: {error}"))
            raise

    def _render_layer(self, depsgraph: bpy.types.Depsgraph) -> None:
        """Render all stereo views of a view layer, or the only one."""
        names = _view_names(depsgraph.scene.render)
        moments = self._neighbors(depsgraph, names)
        clouds = self._clouds_now(depsgraph)
        for name, (before, after) in zip(names, moments, strict=True):
            self._select(name)
            seen = self._camera_view(depsgraph)
            vectors = None
            if before and after:
                vectors = motion.screen_motion(before, motion.Moment(clouds, seen), after)
            self._render_view(depsgraph, clouds, seen, vectors, name)

    def _clouds_now(self, depsgraph: bpy.types.Depsgraph) -> list[extract.Cloud]:
        self._check_stopped()
        with timing.part("read"):
            clouds = extract.visible_clouds(depsgraph)
        points = sum(len(cloud.position) for cloud in clouds)
        size = sum(cloud.nbytes for cloud in clouds) / 2**20
        text = iface_("Make 4D: {points} points, {size} MB")
        self.update_stats("", text.format(points=f"{points:,}", size=f"{size:,.0f}"))
        return clouds

    def _neighbors(
        self, depsgraph: bpy.types.Depsgraph, names: list[str]
    ) -> list[tuple[motion.Moment | None, motion.Moment | None]]:
        """For each view the frames before and after this one, where the Vector pass needs them."""
        if not depsgraph.view_layer.use_pass_vector:
            return [(None, None)] * len(names)
        scene = depsgraph.scene
        now, moments = scene.frame_current, []
        for number in (now - 1, now + 1):
            self.frame_set(number, 0.0)
            clouds = self._clouds_now(depsgraph)
            views = []
            for name in names:
                self._select(name)
                views.append(self._camera_view(depsgraph))
            moments.append([motion.Moment(clouds, seen) for seen in views])
        self.frame_set(now, scene.frame_subframe)
        return list(zip(*moments, strict=True))

    def _select(self, name: str) -> None:
        """Make a stereo view the active one."""
        if name:
            self.active_view_set(name)

    def view_update(self, context: bpy.types.Context, depsgraph: bpy.types.Depsgraph) -> None:
        """The scene changed: its points are read anew with the next drawing."""
        if self._viewport is not None:
            self._viewport.scene_changed()

    def view_draw(self, context: bpy.types.Context, depsgraph: bpy.types.Depsgraph) -> None:
        """Draw the rendered viewport."""
        if self._viewport is None:
            self._viewport = viewport.Viewport()
        try:
            self._viewport.draw(self, context, depsgraph, background_color(depsgraph.scene))
        except gpu_tools.GpuUnavailableError as error:
            self.update_stats("Make 4D", str(error))

    def _render_view(
        self,
        depsgraph: bpy.types.Depsgraph,
        clouds: list[extract.Cloud],
        seen: view.View,
        vectors: FloatArray | None,
        name: str,
    ) -> None:
        """Render one stereo view, or the only one (name "")."""
        self._check_stopped()
        scene, layer = depsgraph.scene, depsgraph.view_layer
        wanted = frozenset(each.name for each in passes.wanted(layer))
        chosen = scene.make_4d_engine
        film = FrameRequest(seen, wanted, background_color(scene), chosen.nearest)
        check, notice = self._check_stopped, self._notice
        # A still shows the points' own colors; among a film's painted frames they would flicker.
        must_paint = self.is_animation
        drawn = draw_frame(clouds, film, vectors, chosen.method, check, notice, must_paint)
        self._check_stopped()
        result = self.begin_result(0, 0, seen.width, seen.height, layer=layer.name, view=name)
        with timing.part("read back"):
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
    """Why the engine can't render through `camera`, in one sentence; empty where it can."""
    if camera is None:
        return "Make 4D: the scene has no camera"
    if camera.type != "CAMERA":
        return rpt_("Make 4D: {name} is not a camera").format(name=camera.name)
    if camera.data.type not in CAMERA_TYPES:
        text = rpt_("Make 4D: {name} must be a perspective or orthographic camera")
        return text.format(name=camera.name)
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
    """Names of the stereo views to render; one empty name without multi-view."""
    if not render.use_multiview:
        return [""]
    return [v.name for v in render.views if v.use] or [""]


def _fill(render_pass: bpy.types.RenderPass, picture: FloatArray) -> None:
    """Copy a picture (h, w) or (h, w, C), rows from the bottom, into a pass."""
    render_pass.rect.foreach_set(np.ascontiguousarray(picture, np.float32).ravel())


KEPT_SECONDS = 60.0
"""How long the GPU keeps a render's points, in case another follows."""


@bpy.app.handlers.persistent
def _rendered(*_: object) -> None:
    """Free what a render kept, once none has followed for a while."""
    if bpy.app.timers.is_registered(_drop):
        bpy.app.timers.unregister(_drop)
    bpy.app.timers.register(_drop, first_interval=KEPT_SECONDS, persistent=True)


@bpy.app.handlers.persistent
def _loading(*_: object) -> None:
    _drop()


def _drop() -> None:
    session.drop()
    neural.release()


def _release() -> None:
    session.release()
    neural.release()


_HANDLERS = {"render_complete": _rendered, "render_cancel": _rendered, "load_pre": _loading}


def register() -> None:
    """Add the engine to Blender."""
    passes.register()
    settings.register()
    bpy.utils.register_class(Make4DEngine)
    # What outlives Blender's GPU crashes the process as it ends.
    atexit.register(_release)
    for name, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Remove the engine."""
    for name, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, name).remove(handler)
    if bpy.app.timers.is_registered(_drop):
        bpy.app.timers.unregister(_drop)
    _release()
    atexit.unregister(_release)
    bpy.utils.unregister_class(Make4DEngine)
    settings.unregister()
    passes.unregister()
