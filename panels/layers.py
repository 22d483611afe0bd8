"""The panels Layers and Stages: the editable images of a scene, and what is up to date."""

from __future__ import annotations

import bpy

from ..geometry.core.editable_images import DISPARITY, LAYER, MASK, OUTPAINTED
from ..geometry.editable_images import (
    EDITED,
    FRESH,
    PAINTED,
    editable_images_of,
    label_of,
    layer_count,
)
from ..geometry.scene_parts import SceneError
from ..geometry.translation import CONTEXT, translate
from ..jobs.stage_states import STALE
from ..ml.common.registry import BUILTIN
from ..ml.stages.table import STAGES
from ..operators.jobs import MAKE4D_OT_rebuild
from ..operators.layers import MAKE4D_OT_edit_image
from .base import ScenePanel, SubPanel
from .scene_facts import image_state, needs_rebuild, scene_parts, states
from .text import draw_wrapped

NAME_WIDTH = 0.66
"""Fraction of the row of an image that its thumbnail and name take."""
ICONS = {FRESH: "CHECKMARK", STALE: "FILE_REFRESH", EDITED: "GREASEPENCIL", PAINTED: "BRUSH_DATA"}
STATE_LABELS = {
    FRESH: "Up to date",
    STALE: "Out of date",
    EDITED: "Edited",
    PAINTED: "Edited, Rebuild Needed",
}


class MAKE4D_UL_layers(bpy.types.UIList):
    """The layers of a photo, nearest first."""

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        data: bpy.types.Object,
        item: bpy.types.PropertyGroup,
        icon: int,
        active_data: bpy.types.Object,
        active_property: str,
        index: int = 0,
        flt_flag: int = 0,
    ) -> None:
        """Draw a thumbnail, the name, and the eye."""
        images = editable_images_of(data)
        image = images.get(f"{LAYER}{index}") or images.get(OUTPAINTED)
        row = layout.row(align=True)
        row.active = not item.hide
        label = label_of(f"{LAYER}{index}", layer_count(images))
        row.label(text=label, icon_value=thumbnail(image))
        eye = "HIDE_ON" if item.hide else "HIDE_OFF"
        layout.prop(item, "hide", text="", icon=eye, emboss=False)


class VIEW3D_PT_make_4d_layers(ScenePanel, bpy.types.Panel):
    """The layers that the photo was cut into."""

    bl_label = "Layers"
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the list of layers, the active layer, the images of the whole photo, and Rebuild."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        try:
            still = scene_parts(context.scene).still
        except SceneError as error:
            draw_wrapped(layout, context, translate(error), icon="ERROR")
            return
        layout.prop(context.scene.make_4d, "layers", text="Number", text_ctxt=CONTEXT)
        images = editable_images_of(still)
        if not still.make_4d_layers or not images:
            layout.operator(MAKE4D_OT_rebuild.bl_idname, icon="FILE_REFRESH")
            return
        layout.template_list(
            MAKE4D_UL_layers.__name__,
            "",
            still,
            "make_4d_layers",
            still,
            "make_4d_layer_index",
            rows=4,
        )
        draw_layer(layout, context.scene, still, images)
        for name in (OUTPAINTED, DISPARITY):
            draw_image(layout, name, images)
        draw_rebuild(layout, context.scene)


class VIEW3D_PT_make_4d_stages(SubPanel, bpy.types.Panel):
    """The stages, and whether they are up to date."""

    bl_label = "Stages"
    bl_parent_id = "VIEW3D_PT_make_4d_layers"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw a line for each stage."""
        column = self.layout.column(align=True)
        current = states(context.scene)
        for stage in STAGES:
            if stage.result_label and stage.name in current:
                state = current[stage.name]
                row = column.row()
                row.label(text=stage.result_label, icon=ICONS[state])
                side = row.row()
                side.active = state != FRESH
                side.label(text=STATE_LABELS[state])


def draw_layer(
    layout: bpy.types.UILayout,
    scene: bpy.types.Scene,
    still: bpy.types.Object,
    images: dict[str, bpy.types.Image],
) -> None:
    """Draw the active layer: its image and mask, and how it is inpainted."""
    index = still.make_4d_layer_index
    item = still.make_4d_layers[index]
    box = layout.box().column()
    for name in (f"{LAYER}{index}", f"{MASK}{index}"):
        draw_image(box, name, images)
    if index == 0:
        return
    box.prop(item, "seed")
    if scene.make_4d.inpaint_model != BUILTIN and index < layer_count(images):
        box.prop(item, "prompt", placeholder=scene.make_4d.prompt)
    again = box.operator(MAKE4D_OT_rebuild.bl_idname, text="Inpaint Again", icon="FILE_REFRESH")
    again.again = index


def draw_image(layout: bpy.types.UILayout, name: str, images: dict[str, bpy.types.Image]) -> None:
    """Draw an image's thumbnail and name, and its buttons: reset if it was edited, and Edit."""
    image = images.get(name)
    if image is None:
        return
    state = image_state(image)
    split = layout.split(factor=NAME_WIDTH, align=True)
    split.scale_y = 1.2
    label = label_of(name, layer_count(images))
    split.label(text=label, icon_value=thumbnail(image))
    row = split.row(align=True)
    if state != FRESH:
        row.label(text="", icon=ICONS[state])
        reset = row.operator(MAKE4D_OT_rebuild.bl_idname, text="", icon="LOOP_BACK")
        reset.without = name
    icon = "IMAGE_DATA" if state == FRESH else "NONE"  # no room for another icon
    edit = row.operator(MAKE4D_OT_edit_image.bl_idname, text="Edit", icon=icon)
    edit.name = name


def draw_rebuild(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """Draw the button Rebuild, which stands out if there is something to do."""
    row = layout.row()
    row.scale_y = 1.4
    row.active = needs_rebuild(scene)
    row.operator(MAKE4D_OT_rebuild.bl_idname, icon="FILE_REFRESH")


def thumbnail(image: bpy.types.Image | None) -> int:
    """The icon of an image, 0 for none."""
    preview = image.preview_ensure() if image is not None else None
    return preview.icon_id if preview is not None else 0


register, unregister = bpy.utils.register_classes_factory(
    (
        MAKE4D_UL_layers,
        VIEW3D_PT_make_4d_layers,
        VIEW3D_PT_make_4d_stages,
    )
)
