"""The panel Render: a still, the film, and the output folder."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..geometry.output import FILM_KIND, output_of
from ..geometry.scene_setup import ENGINE
from ..operators.files import MAKE4D_OT_collect_files
from ..operators.render import MAKE4D_OT_open_folder, output_folder
from .base import ScenePanel, property_column
from .scene_facts import is_rendered
from .text import draw_wrapped

TEMPORARY = "Save the .blend first: Blender deletes this folder when it quits."


class VIEW3D_PT_make_4d_render(ScenePanel, bpy.types.Panel):
    """Stills and films of the scene."""

    bl_label = "Render"
    bl_order = 6

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the buttons, the settings of the output, and the render method."""
        draw_buttons(self.layout, context.scene)
        draw_output(self.layout, context)
        draw_range(self.layout, context.scene)
        if context.scene.render.engine == ENGINE:
            draw_method(self.layout, context.scene)
        self.layout.operator(MAKE4D_OT_collect_files.bl_idname, icon="PACKAGE")


def draw_buttons(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """Draw buttons that call Blender's own operators, as F12 and Ctrl-F12 do."""
    row = layout.row(align=True)
    row.scale_y = 1.4
    row.operator_context = "INVOKE_DEFAULT"
    row.operator("render.render", text="Still", icon="RENDER_STILL").use_viewport = True
    name = "Film" if output_of(scene) == FILM_KIND else "Images"
    film = row.operator("render.render", text=name, icon="RENDER_ANIMATION")
    film.animation = film.use_viewport = True
    row = layout.row(align=True)
    play = row.row(align=True)
    play.enabled = is_rendered(scene)
    play.operator("render.play_rendered_anim", text="Play Film", icon="PLAY")
    row.operator(MAKE4D_OT_open_folder.bl_idname, icon="FILE_FOLDER")


def draw_output(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw film or images, the output path, and a warning if the files would be deleted."""
    layout.row(align=True).prop(context.scene.make_4d, "output", expand=True)
    layout.prop(context.scene.render, "filepath", text="")
    if is_temporary(output_folder(context.scene)):
        draw_wrapped(layout, context, TEMPORARY, icon="INFO")


def draw_range(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """Draw the frame range and the size."""
    column = property_column(layout, align=True)
    column.prop(scene, "frame_start", text="First Frame")
    column.prop(scene, "frame_end", text="Last")
    column.prop(scene.render, "resolution_percentage", text="Size")


def draw_method(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """Draw the render method, and the number of points if the method uses it."""
    column = property_column(layout, align=True)
    column.prop(scene.make_4d_engine, "method")
    if scene.make_4d_engine.method != "SORTED":
        column.prop(scene.make_4d_engine, "nearest", text="Points")


def is_temporary(folder: Path) -> bool:
    """Whether Blender deletes a folder when it quits."""
    return folder.is_relative_to(bpy.app.tempdir)


register, unregister = bpy.utils.register_classes_factory((VIEW3D_PT_make_4d_render,))
