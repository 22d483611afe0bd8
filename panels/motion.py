"""The sub-panel Motion: what moves, along which guides, how fast, in which loop."""

from __future__ import annotations

import bpy

from ..geometry.custom_properties import MOTION_REGIONS
from ..geometry.guides import SPEED, guides_of
from ..geometry.nodes.tree import modifier_of
from ..geometry.scene_parts import SceneError, parts_of
from ..geometry.translation import CONTEXT
from ..jobs.manager import manager
from ..operators.jobs import MAKE4D_OT_update_motion
from ..operators.motion import MAKE4D_OT_add_guide, MAKE4D_OT_paint_motion, canvas_of
from .main import CATEGORY, is_4d_scene

THUMBNAIL = 5.0


class VIEW3D_PT_make_4d_motion(bpy.types.Panel):
    """Clouds and water, as the artist wants them."""

    bl_label = "Motion"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY
    bl_parent_id = "VIEW3D_PT_make_4d"
    bl_order = 2
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Shown in 4D scenes."""
        return is_4d_scene(context.scene)

    def draw(self, context: bpy.types.Context) -> None:
        """The motion image, the guides, Update Motion, then the inputs that work at once."""
        try:
            parts = parts_of(context.scene)
        except SceneError as error:
            self.layout.label(text=str(error), icon="ERROR")
            return
        column = self.layout.column()
        column.enabled = manager().current is None
        draw_regions(column, context.scene, parts.still.get(MOTION_REGIONS))
        draw_guides(column, context.scene)
        column.separator()
        button = column.row()
        button.scale_y = 1.4
        button.operator(MAKE4D_OT_update_motion.bl_idname, icon="FILE_REFRESH")
        if parts.moving is not None:
            draw_inputs(self.layout, parts.moving)


def draw_regions(
    layout: bpy.types.UILayout, scene: bpy.types.Scene, image: bpy.types.Image | None
) -> None:
    """A thumbnail of the motion image, and what can be done with it."""
    if image is None:
        return
    preview = image.preview_ensure()
    if preview is not None:
        layout.template_icon(preview.icon_id, scale=THUMBNAIL)
    row = layout.row(align=True)
    painting = canvas_of(scene) is not None
    row.operator(
        MAKE4D_OT_paint_motion.bl_idname,
        text="Done Painting" if painting else "Paint",
        icon="BRUSH_DATA",
        depress=painting,
    )
    again = row.operator(MAKE4D_OT_update_motion.bl_idname, text="Find Again", icon="LOOP_BACK")
    again.find_again = True


def draw_guides(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """The guides with their speeds, and buttons for one more."""
    for guide in guides_of(scene):
        row = layout.row(align=True)
        row.label(text=guide.name, icon="CURVE_BEZCURVE")
        row.prop(guide, f'["{SPEED}"]', text="Speed", text_ctxt=CONTEXT)
    row = layout.row(align=True)
    row.operator(MAKE4D_OT_add_guide.bl_idname, icon="ADD")
    draw = row.operator(MAKE4D_OT_add_guide.bl_idname, text="Draw Guide", icon="GREASEPENCIL")
    draw.draw_it = True


def draw_inputs(layout: bpy.types.UILayout, moving: bpy.types.Object) -> None:
    """The inputs of the moving cloud's animation: they act at once and can be keyed."""
    modifier = modifier_of(moving, "animate")
    if modifier is None:
        return
    column = layout.column()
    column.use_property_split = True
    for socket in modifier.node_group.interface.items_tree:
        if socket.item_type != "SOCKET" or socket.in_out != "INPUT" or socket.hide_in_modifier:
            continue
        value = getattr(modifier.properties.inputs, socket.identifier, None)
        if value is not None and hasattr(value, "value"):
            column.prop(value, "value", text=socket.name, text_ctxt=CONTEXT)


def register() -> None:
    """Register the panel."""
    bpy.utils.register_class(VIEW3D_PT_make_4d_motion)


def unregister() -> None:
    """Remove the panel."""
    bpy.utils.unregister_class(VIEW3D_PT_make_4d_motion)
