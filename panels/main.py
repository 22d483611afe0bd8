"""The sidebar tab Make 4D: photo, frames, the button, progress and Cancel."""

from __future__ import annotations

import bpy

from ..geometry.marks import ROLE
from ..geometry.scene_setup import ENGINE
from ..operators import running
from ..operators.cancel import MAKE4D_OT_cancel
from ..operators.make import MAKE4D_OT_make
from ..operators.objects import MAKE4D_OT_add_objects
from .preview import draw_preview

CATEGORY = "Make 4D"


class VIEW3D_PT_make_4d(bpy.types.Panel):
    """From a photo to a scene."""

    bl_label = "Make 4D"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY

    def draw(self, context: bpy.types.Context) -> None:
        """Photo, length, direction, the button; while a job runs its progress instead."""
        layout = self.layout
        settings = context.scene.make_4d
        column = layout.column()
        column.enabled = running.current is None
        column.prop(settings, "photo", text="", placeholder="Choose a photo")
        column.prop(settings, "frames")
        column.row().prop(settings, "fly", expand=True)
        if running.current is None:
            button = layout.row()
            button.scale_y = 1.8
            button.enabled = bool(settings.photo)
            button.operator(MAKE4D_OT_make.bl_idname, icon="OUTLINER_OB_POINTCLOUD")
        else:
            draw_progress(layout, running.current)


class VIEW3D_PT_make_4d_settings(bpy.types.Panel):
    """Settings that the defaults suit most of the time."""

    bl_label = "Settings"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY
    bl_parent_id = "VIEW3D_PT_make_4d"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """Size, layers, lens, seed, motion and its loop."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.enabled = running.current is None
        for name in ("size", "layers", "field_of_view", "seed", "motion", "loop_frames"):
            layout.prop(context.scene.make_4d, name)


class VIEW3D_PT_make_4d_objects(bpy.types.Panel):
    """Objects of the artist's own in the photo."""

    bl_label = "Objects"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY
    bl_parent_id = "VIEW3D_PT_make_4d"
    bl_order = 2
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Shown in scenes that this engine renders."""
        return context.scene.render.engine == ENGINE

    def draw(self, context: bpy.types.Context) -> None:
        """The button that lets EEVEE draw objects between the points."""
        self.layout.operator(MAKE4D_OT_add_objects.bl_idname, icon="MESH_MONKEY")


def is_4d_scene(scene: bpy.types.Scene) -> bool:
    """Whether a scene holds a still cloud, without which none of the sub-panels applies."""
    return any(o.type == "POINTCLOUD" and o.get(ROLE) == "still" for o in scene.objects)


def draw_progress(layout: bpy.types.UILayout, job: running.RunningJob) -> None:
    """A bar with the stage's name, what it makes just now, the time left, and Cancel."""
    text = f"{job.label} ({job.fraction:.0%})"
    layout.progress(factor=job.fraction, text=text)
    if job.detail:
        layout.label(text=job.detail[:1].upper() + job.detail[1:])
    draw_preview(layout, job.preview)
    row = layout.row()
    left = job.seconds_left
    row.label(text="" if left is None else f"About {time_text(left)} left")
    row.operator(MAKE4D_OT_cancel.bl_idname, icon="X")


def time_text(seconds: float) -> str:
    """A duration in words: '40 s' or '3 min'."""
    if seconds < 90:
        return f"{max(5, 5 * round(seconds / 5))} s"
    return f"{round(seconds / 60)} min"


_CLASSES = (VIEW3D_PT_make_4d, VIEW3D_PT_make_4d_settings, VIEW3D_PT_make_4d_objects)


def register() -> None:
    """Register the panels."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    """Remove the panels."""
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
