"""The render engine "Make 4D": draws every visible point cloud as soft splats."""

from __future__ import annotations

from functools import partial

import bpy
import numpy as np

from ..geometry.core.camera import FloatArray
from . import compose, extract, frame, splat_pass, view, viewport

CAMERA_TYPES = ("PERSP", "ORTHO")
ENGINE = "MAKE_4D"


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

    _clouds: list[extract.Cloud] | None = None

    def update_render_passes(
        self, scene: bpy.types.Scene, renderlayer: bpy.types.ViewLayer
    ) -> None:
        """Tell the compositor which passes there will be."""
        self.register_pass(scene, renderlayer, "Combined", 4, "RGBA", "COLOR")
        if renderlayer.use_pass_z:
            self.register_pass(scene, renderlayer, "Depth", 1, "Z", "VALUE")

    def render(self, depsgraph: bpy.types.Depsgraph) -> None:
        """Render the depsgraph's view layer at its frame; problems are reported as errors.

        A reported error ends the render without a file; `error_set` would not, and Blender would
        then write a picture that isn't there (it crashes for OpenEXR).
        """
        problem = camera_problem(self.camera_override or depsgraph.scene.camera)
        if problem:
            self.report({"ERROR"}, problem)
            return
        try:
            self._render_layer(depsgraph)
        except RenderStoppedError:
            return
        except Exception as error:
            self.report({"ERROR"}, f"Make 4D could not render: {type(error).__name__}: {error}")
            raise

    def _render_layer(self, depsgraph: bpy.types.Depsgraph) -> None:
        """Render all stereo views of a view layer, or the only one."""
        clouds = extract.visible_clouds(depsgraph)
        points = sum(len(cloud.position) for cloud in clouds)
        self.update_stats("", f"Make 4D: {points:,} points")
        for name in _view_names(depsgraph.scene.render):
            self._render_view(depsgraph, clouds, name)

    def view_update(self, context: bpy.types.Context, depsgraph: bpy.types.Depsgraph) -> None:
        """The scene changed: its points are read anew with the next drawing."""
        self._clouds = None

    def view_draw(self, context: bpy.types.Context, depsgraph: bpy.types.Depsgraph) -> None:
        """Draw the rendered viewport."""
        if self._clouds is None:
            self._clouds = extract.visible_clouds(depsgraph)
        scene = depsgraph.scene
        try:
            viewport.draw_view(self, context, scene, self._clouds, background_color(scene))
        except splat_pass.GpuUnavailableError as error:
            self.update_stats("Make 4D", str(error))

    def _render_view(
        self, depsgraph: bpy.types.Depsgraph, clouds: list[extract.Cloud], name: str
    ) -> None:
        """Render one stereo view, or the only one (name "")."""
        if name:
            self.active_view_set(name)
        seen = self._camera_view(depsgraph)
        self._check_stopped()
        layers = self._draw(clouds, seen)
        self._check_stopped()
        background = background_color(depsgraph.scene)
        passes = {"Combined": compose.film(layers, background), "Depth": compose.depth_pass(layers)}
        result = self.begin_result(
            0, 0, seen.width, seen.height, layer=depsgraph.view_layer.name, view=name
        )
        for render_pass in result.layers[0].passes:
            if render_pass.name in passes:
                _fill(render_pass, passes[render_pass.name])
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

    def _draw(self, clouds: list[extract.Cloud], seen: view.View) -> compose.Layers:
        """Draw on the GPU, or, where there is none, on the processor."""
        drawing = partial(splat_pass.gpu_drawing, check=self._check_stopped)
        try:
            return frame.render_clouds(clouds, seen, drawing)
        except splat_pass.GpuUnavailableError as error:
            self.report({"WARNING"}, f"Make 4D draws on the processor, without a GPU: {error}")
            return frame.render_clouds(clouds, seen, frame.cpu_drawing)

    def _check_stopped(self) -> None:
        if self.test_break():
            raise RenderStoppedError


def camera_problem(camera: bpy.types.Object | None) -> str:
    """Why the engine can't render through `camera`, in one sentence; empty where it can."""
    if camera is None:
        return "Make 4D: the scene has no camera"
    if camera.type != "CAMERA":
        return f"Make 4D: {camera.name} is not a camera"
    if camera.data.type not in CAMERA_TYPES:
        return f"Make 4D: {camera.name} must be a perspective or orthographic camera"
    return ""


def frame_size(render: bpy.types.RenderSettings) -> tuple[int, int]:
    """Width and height of the whole frame in pixels."""
    percentage = render.resolution_percentage
    size = render.resolution_x * percentage // 100, render.resolution_y * percentage // 100
    return max(size[0], 1), max(size[1], 1)


def background_color(scene: bpy.types.Scene) -> tuple[float, float, float] | None:
    """Scene-linear colour behind the points; None for a transparent film."""
    if scene.render.film_transparent:
        return None
    return tuple(scene.world.color) if scene.world else (0.0, 0.0, 0.0)


def _view_names(render: bpy.types.RenderSettings) -> list[str]:
    """Names of the stereo views to render; one empty name without multi-view."""
    if not render.use_multiview:
        return [""]
    return [v.name for v in render.views if v.use] or [""]


def _fill(render_pass: bpy.types.RenderPass, picture: FloatArray) -> None:
    """Copy a picture (h, w) or (h, w, C), top row first, into a pass, whose first row is lowest."""
    render_pass.rect.foreach_set(np.ascontiguousarray(picture[::-1], np.float32).ravel())


def register() -> None:
    """Add the engine to Blender."""
    bpy.utils.register_class(Make4DEngine)


def unregister() -> None:
    """Remove the engine."""
    bpy.utils.unregister_class(Make4DEngine)
