"""Add Guide: a curve that tells where water or clouds go."""

from __future__ import annotations

import bpy
import numpy as np

from ..geometry.guides import default_line, make_guide
from ..geometry.scene_parts import SceneError, parts_of
from ..geometry.translation import translate


class MAKE4D_OT_add_guide(bpy.types.Operator):
    """Add a curve along which things move."""

    bl_idname = "make_4d.add_guide"
    bl_label = "Add Guide"
    bl_description = (
        "Add a curve along which water or clouds move. Lay it over the photo or along the river; "
        "its direction is the flow's, the radius of its points the speed. Then update the motion"
    )
    bl_options = {"REGISTER", "UNDO"}

    draw_it: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Draw",
        description="Draw the curve with the mouse, in the direction of the flow",
        options={"SKIP_SAVE"},
    )
    speed: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Speed",
        description="1 is as fast as things would move without a guide, 0 holds them still",
        default=1.0,
        min=0.0,
        soft_max=4.0,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """In Object Mode, where adding to the scene is not lost."""
        return context.mode == "OBJECT"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Make the curve, select it, and start drawing where that was asked for."""
        try:
            parts = parts_of(context.scene)
            line = np.zeros((0, 3)) if self.draw_it else default_line(parts.still, parts.moving)
        except (SceneError, KeyError) as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        guide = make_guide(parts.still, line, self.speed)
        select_only(context, guide)
        if self.draw_it:
            start_drawing(context)
            self.report({"INFO"}, "Draw in the direction of the flow, then leave Edit Mode")
        return {"FINISHED"}


def select_only(context: bpy.types.Context, chosen: bpy.types.Object) -> None:
    """Make an object the selected and active one."""
    for other in context.selected_objects:
        other.select_set(False)
    chosen.select_set(True)
    context.view_layer.objects.active = chosen


def start_drawing(context: bpy.types.Context) -> None:
    """Edit the active curve with the Draw tool, on the surface below the mouse."""
    bpy.ops.object.mode_set(mode="EDIT")
    paint = context.scene.tool_settings.curve_paint_settings
    paint.curve_type, paint.depth_mode, paint.use_corners_detect = "BEZIER", "SURFACE", False
    if context.area is not None and context.area.type == "VIEW_3D":
        bpy.ops.wm.tool_set_by_id(name="builtin.draw")


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_add_guide)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_add_guide)
