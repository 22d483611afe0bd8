"""The panel Motion: what moves, along which guides, how fast, in which loop."""

from __future__ import annotations

import bpy

from ..geometry.custom_properties import MOTION_REGIONS
from ..geometry.guides import SPEED
from ..geometry.nodes.tree import modifier_of
from ..geometry.scene_parts import SceneError
from ..geometry.translation import CONTEXT, translate
from ..jobs.manager import manager
from ..operators.jobs import MAKE4D_OT_update_motion
from ..operators.motion import MAKE4D_OT_add_guide, MAKE4D_OT_paint_motion
from .base import ScenePanel
from .scene_facts import guides, is_painting, scene_parts
from .text import draw_wrapped

THUMBNAIL = 5.0


class VIEW3D_PT_make_4d_motion(ScenePanel, bpy.types.Panel):
    """The motion of clouds and water."""

    bl_label = "Motion"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the motion image, the guides, Update Motion, and the inputs that act at once."""
        try:
            parts = scene_parts(context.scene)
        except SceneError as error:
            draw_wrapped(self.layout, context, translate(error), icon="ERROR")
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
    """Draw a thumbnail of the motion image, and its buttons."""
    if image is None:
        return
    preview = image.preview_ensure()
    if preview is not None:
        layout.template_icon(preview.icon_id, scale=THUMBNAIL)
    row = layout.row(align=True)
    painting = is_painting(scene)
    row.operator(
        MAKE4D_OT_paint_motion.bl_idname,
        text="Finish Painting" if painting else "Paint",
        icon="BRUSH_DATA",
        depress=painting,
    )
    again = row.operator(MAKE4D_OT_update_motion.bl_idname, text="Detect Again", icon="LOOP_BACK")
    again.find_again = True


def draw_guides(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """Draw the guides with their speeds, and buttons that add one."""
    for guide in guides(scene):
        row = layout.row(align=True)
        row.label(text=guide.name, icon="CURVE_BEZCURVE")
        row.prop(guide, f'["{SPEED}"]', text="Speed", text_ctxt=CONTEXT)
    row = layout.row(align=True)
    row.operator(MAKE4D_OT_add_guide.bl_idname, icon="ADD")
    draw = row.operator(MAKE4D_OT_add_guide.bl_idname, text="Draw Guide", icon="GREASEPENCIL")
    draw.draw_it = True


def draw_inputs(layout: bpy.types.UILayout, moving: bpy.types.Object) -> None:
    """Draw the inputs of the moving cloud's animation: they act at once, and can be keyframed."""
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


register, unregister = bpy.utils.register_classes_factory((VIEW3D_PT_make_4d_motion,))
