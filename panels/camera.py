"""The panel Camera: its move, how far it can go, its horizon, its lens."""

from __future__ import annotations

import bpy

from ..geometry.camera_rig import TILT, Rig, roll_of
from ..geometry.path_check import is_stale, stored_measurement, summary
from ..geometry.scene_parts import SceneError, SceneParts
from ..geometry.scene_rig import existing_rig
from ..geometry.translation import CONTEXT, translate
from ..operators.camera import (
    OPTIONS,
    MAKE4D_OT_check_path,
    MAKE4D_OT_fit_path,
    MAKE4D_OT_fly_path,
    MAKE4D_OT_level_horizon,
    draw_options,
    limits_of,
)
from .base import ScenePanel, property_column
from .scene_facts import scene_parts
from .text import draw_wrapped

CHANGED = "The path has changed: check it again."


class VIEW3D_PT_make_4d_camera(ScenePanel, bpy.types.Panel):
    """The camera and its path."""

    bl_label = "Camera"
    bl_order = 3

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the move, how far the path is safe, and horizon, lens and scale."""
        draw_move(property_column(self.layout), context.scene)
        parts = scene_parts(context.scene)
        try:
            rig = existing_rig(parts)
        except SceneError as error:
            draw_wrapped(self.layout, context, translate(error), icon="ERROR")
            return
        draw_safety(self.layout, context, parts, rig)
        draw_view(self.layout, context.scene, rig)


def draw_move(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """Draw the options of the path and the button that makes it."""
    options = scene.make_4d_camera
    draw_options(layout, options)
    button = layout.operator(MAKE4D_OT_fly_path.bl_idname, icon="CURVE_BEZCURVE")
    for name in OPTIONS:  # all of them: Blender keeps the last values of the others
        setattr(button, name, getattr(options, name))


def draw_safety(
    layout: bpy.types.UILayout, context: bpy.types.Context, parts: SceneParts, rig: Rig
) -> None:
    """Draw the limits, the buttons, and the result of the last check."""
    scene = context.scene
    column = layout.column(align=True)
    row = column.row(align=True)
    row.prop(scene.make_4d_camera, "max_empty")
    row.prop(scene.make_4d_camera, "max_inpainted")
    column.operator(MAKE4D_OT_check_path.bl_idname, icon="HIDE_OFF")
    column.operator(MAKE4D_OT_fit_path.bl_idname, icon="CHECKMARK")
    measured = stored_measurement(rig.curve)
    if measured is None:
        return
    if is_stale(scene, parts, rig):
        draw_wrapped(layout, context, CHANGED, icon="INFO")
    else:
        draw_wrapped(layout, context, summary(measured, limits_of(scene)))


def draw_view(layout: bpy.types.UILayout, scene: bpy.types.Scene, rig: Rig) -> None:
    """Draw the horizon, the lens, and the scale of the scene."""
    leveled = bool(roll_of(rig))
    button = MAKE4D_OT_level_horizon.bl_idname
    if leveled or rig.camera.get(TILT, 0.0):
        layout.operator(button, icon="DRIVER_ROTATIONAL_DIFFERENCE", depress=leveled)
    else:
        layout.operator(button, text="Roll Horizon", icon="DRIVER_ROTATIONAL_DIFFERENCE")
    column = layout.column()
    column.use_property_split = True
    column.prop(rig.camera.data, "lens", text="Lens", text_ctxt=CONTEXT)
    column.prop(scene.make_4d, "nearest_distance", text="Nearest (m)")


register, unregister = bpy.utils.register_classes_factory((VIEW3D_PT_make_4d_camera,))
