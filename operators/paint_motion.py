"""Paint Motion: paint on the photo in the viewport what moves."""

from __future__ import annotations

import bpy

from ..geometry.canvas import CANVAS_ROLE, make_canvas, remove_canvas
from ..geometry.custom_properties import MOTION_REGIONS, ROLE
from ..geometry.editable_images import pack_edited_images
from ..geometry.motion_regions import pack_painted_regions
from ..geometry.photo_view import outpainted_lens, view_from_photo
from ..geometry.scene_parts import SceneError, parts_of
from ..geometry.translation import translate
from .add_guide import select_only

SHADING = "make_4d_shading"
"""On the canvas: how the viewport was drawn before."""


class MAKE4D_OT_paint_motion(bpy.types.Operator):
    """Paint what moves, or stop painting."""

    bl_idname = "make_4d.paint_motion"
    bl_label = "Paint Motion"
    bl_description = (
        "Paint on the photo what moves: white moves and shows red, black stands still. Press again "
        "when done, then update the motion. The image may also be painted in the Image Editor"
    )
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Start, or end where the canvas is there already."""
        canvas = canvas_of(context.scene)
        if canvas is not None:
            stop_painting(context, canvas)
            return {"FINISHED"}
        try:
            parts = parts_of(context.scene)
        except SceneError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        if parts.still.get(MOTION_REGIONS) is None:
            self.report({"ERROR"}, "This scene has no motion image: press Update Motion first.")
            return {"CANCELLED"}
        start_painting(context, parts.still, parts.moving)
        return {"FINISHED"}


def canvas_of(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The scene's canvas, None while nobody paints."""
    return next((o for o in scene.objects if o.get(ROLE) == CANVAS_ROLE), None)


def start_painting(
    context: bpy.types.Context, still: bpy.types.Object, moving: bpy.types.Object | None
) -> None:
    """Put the canvas in the clouds' place and paint on it."""
    image, lens = still[MOTION_REGIONS], outpainted_lens(still)
    clouds = [cloud for cloud in (still, moving) if cloud is not None]
    canvas = make_canvas(view_from_photo(clouds, lens), lens, image)
    canvas.matrix_world = still.matrix_world
    context.scene.collection.objects.link(canvas)
    if context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    for cloud in clouds:
        cloud.hide_set(True)
    select_only(context, canvas)
    paint = context.scene.tool_settings.image_paint
    paint.mode, paint.canvas = "IMAGE", image
    # Press X to swap the two, as everywhere in Blender.
    brush = paint.unified_paint_settings
    brush.color, brush.secondary_color = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
    bpy.ops.object.mode_set(mode="TEXTURE_PAINT")
    space = viewport(context)
    if space is not None:
        canvas[SHADING] = space.shading.type
        space.shading.type = "MATERIAL"


def stop_painting(context: bpy.types.Context, canvas: bpy.types.Object) -> None:
    """Remove the canvas, keep what was painted, and show the clouds again."""
    if context.view_layer.objects.active == canvas and context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    space = viewport(context)
    if space is not None and SHADING in canvas:
        space.shading.type = canvas[SHADING]
    remove_canvas(canvas)
    parts = parts_of(context.scene)
    for cloud in filter(None, (parts.still, parts.moving)):
        cloud.hide_set(False)
    image = parts.still.get(MOTION_REGIONS)
    if image is not None and image.is_dirty:
        image.pack()


def viewport(context: bpy.types.Context) -> bpy.types.SpaceView3D | None:
    """The 3D viewport that the operator was called from, None elsewhere."""
    area = context.area
    return area.spaces.active if area is not None and area.type == "VIEW_3D" else None


@bpy.app.handlers.persistent
def _keep_painting(*_: object) -> None:
    pack_painted_regions()
    pack_edited_images()


def register() -> None:
    """Register the operator; saving a file keeps what was painted."""
    bpy.utils.register_class(MAKE4D_OT_paint_motion)
    bpy.app.handlers.save_pre.append(_keep_painting)


def unregister() -> None:
    """Remove the operator."""
    bpy.app.handlers.save_pre.remove(_keep_painting)
    bpy.utils.unregister_class(MAKE4D_OT_paint_motion)
