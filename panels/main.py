"""The sidebar tab Make 4D, in the order of work: photo, quality, camera, the button, progress."""

from __future__ import annotations

import bpy

from ..geometry.scene_setup import ENGINE
from ..geometry.translation import CONTEXT
from ..jobs.manager import manager
from ..ml.common.photo_file import PhotoFacts
from ..ml.common.registry import BUILTIN
from ..operators.jobs import MAKE4D_OT_make, MAKE4D_OT_rebuild
from ..operators.properties import CUSTOM, QUALITIES
from ..operators.render import MAKE4D_OT_add_objects
from .base import Sidebar, SubPanel
from .photo import chosen, draw_photo
from .presets import MAKE4D_PT_presets
from .progress import draw_failure, draw_progress, draw_ready, draw_waiting
from .scene_facts import is_4d_scene, is_of_chosen_photo, needs_rebuild
from .text import draw_wrapped

FIRST_STEPS = (
    ("1. Drop a photo into this view.", "IMAGE_DATA"),
    ("2. Press Make 4D and wait.", "OUTLINER_OB_POINTCLOUD"),
    ("3. Press Space to fly!", "PLAY"),
)
"""Instructions for a new user, with icons."""


class VIEW3D_PT_make_4d(Sidebar, bpy.types.Panel):
    """From a photo to a scene."""

    bl_label = "Make 4D"

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        """Draw the menu of presets."""
        MAKE4D_PT_presets.draw_panel_header(self.layout)

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the photo, the most important settings, the button, and what is running."""
        layout, scene = self.layout, context.scene
        busy = is_busy(scene)
        if is_first_run(scene):
            draw_first_steps(layout, context)
        column = layout.column()
        column.enabled = not busy
        draw_photo(column, context, brief=busy)
        if scene.make_4d.photo:
            draw_main_settings(column, scene)
        if not busy:
            draw_main_button(layout, context)
        job = manager().current
        if job is not None:
            draw_progress(layout, context, job)
        draw_waiting(layout)
        draw_ready(layout, context)
        draw_failure(layout, context)


class VIEW3D_PT_make_4d_settings(SubPanel, bpy.types.Panel):
    """Settings whose defaults suit most photos."""

    bl_label = "Settings"
    bl_order = 0

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Shown once a photo is chosen."""
        return bool(context.scene.make_4d.photo)

    def draw(self, context: bpy.types.Context) -> None:
        """Draw size, layers, seed, motion and its loop."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.enabled = not is_busy(context.scene)
        settings = context.scene.make_4d
        layout.prop(settings, "size")
        if not is_4d_scene(context.scene):  # these have a panel for layers
            layout.prop(settings, "layers")
        layout.prop(settings, "seed")
        layout.row(heading="Move", heading_ctxt=CONTEXT).prop(
            settings, "motion", text="Clouds, Water"
        )
        if settings.motion:
            layout.prop(settings, "loop_frames")


class VIEW3D_PT_make_4d_objects(SubPanel, bpy.types.Panel):
    """Ordinary objects in the photo."""

    bl_label = "Objects"
    bl_order = 5

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Shown in scenes that Make 4D renders."""
        return context.scene.render.engine == ENGINE

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the button that lets EEVEE render objects between the points."""
        self.layout.operator(MAKE4D_OT_add_objects.bl_idname, icon="MESH_MONKEY")


def is_first_run(scene: bpy.types.Scene) -> bool:
    """Whether no photo was chosen, and nothing was made, yet."""
    return not scene.make_4d.photo and not is_4d_scene(scene) and manager().current is None


def is_busy(scene: bpy.types.Scene) -> bool:
    """Whether the running job is for this scene, whose settings can't be changed until it ends."""
    return manager().is_running_for(scene)


def draw_first_steps(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the instructions for a new user."""
    column = layout.column(align=True)
    for text, icon in FIRST_STEPS:
        draw_wrapped(column, context, text, icon)


def draw_main_settings(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """Draw quality, prompt, length, and direction of the camera."""
    settings = scene.make_4d
    row = layout.row(align=True)
    for quality in QUALITIES:
        row.prop_enum(settings, "quality", quality)
    if settings.quality == CUSTOM:
        row.prop_enum(settings, "quality", CUSTOM)
    if settings.inpaint_model != BUILTIN:
        layout.prop(settings, "prompt", text="", placeholder="What to inpaint, in words")
    layout.prop(settings, "frames")
    layout.row().prop(settings, "fly", expand=True)


def draw_main_button(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the large button: Make 4D, or Rebuild if the photo's scene exists already."""
    column = layout.column(align=True)
    column.enabled = isinstance(chosen(context.scene), PhotoFacts)
    button = column.row()
    button.scale_y = 1.8
    if not is_of_chosen_photo(context.scene):
        button.operator(MAKE4D_OT_make.bl_idname, icon="OUTLINER_OB_POINTCLOUD")
        return
    button.active = needs_rebuild(context.scene)
    button.operator(MAKE4D_OT_rebuild.bl_idname, icon="FILE_REFRESH")
    column.operator(MAKE4D_OT_make.bl_idname, text="Make as New Scene", icon="DUPLICATE")


register, unregister = bpy.utils.register_classes_factory(
    (
        VIEW3D_PT_make_4d,
        VIEW3D_PT_make_4d_settings,
        VIEW3D_PT_make_4d_objects,
    )
)
