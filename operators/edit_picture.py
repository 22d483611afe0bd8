"""Edit Picture: open one of a scene's pictures where it can be painted in."""

from __future__ import annotations

import bpy

from ..geometry.editable_images import editable_images_of
from ..geometry.scene_parts import SceneError, parts_of
from ..geometry.translation import translate

SHARE = 0.5
"""Of the 3D viewport's area that an Image Editor gets where none is open."""


class MAKE4D_OT_edit_picture(bpy.types.Operator):
    """Show a picture in an Image Editor, ready to be painted in."""

    bl_idname = "make_4d.edit_picture"
    bl_label = "Edit Picture"
    bl_description = (
        "Open this picture in an Image Editor, beside the viewport where none is open, and paint "
        "in it. Then press Rebuild"
    )
    bl_options = {"INTERNAL"}

    name: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Picture", description="Which of the scene's pictures", options={"SKIP_SAVE"}
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Find the picture and a place for it."""
        try:
            image = editable_images_of(parts_of(context.scene).still).get(self.name)
        except SceneError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        if image is None:
            self.report({"ERROR"}, "The picture is gone: press Rebuild, which makes it again.")
            return {"CANCELLED"}
        if context.window is None:
            self.report({"ERROR"}, "Pictures are painted in a window: open the file in Blender.")
            return {"CANCELLED"}
        show_image(context, image)
        return {"FINISHED"}


def show_image(context: bpy.types.Context, image: bpy.types.Image) -> None:
    """Show an image in an Image Editor for painting; the brush paints white, X swaps to black."""
    area = image_editor(context)
    space = area.spaces.active
    space.image = image
    space.mode = "PAINT"
    paint = context.scene.tool_settings.image_paint
    brush = paint.unified_paint_settings
    brush.color, brush.secondary_color = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
    region = next(region for region in area.regions if region.type == "WINDOW")
    with context.temp_override(area=area, region=region):
        bpy.ops.image.view_all("EXEC_DEFAULT", fit_view=True)


def image_editor(context: bpy.types.Context) -> bpy.types.Area:
    """An Image Editor of this screen: one that is there, else half of the area in use."""
    areas = context.screen.areas
    for area in areas:
        if area.ui_type == "IMAGE_EDITOR":
            return area
    before = {area.as_pointer() for area in areas}
    with context.temp_override(area=context.area):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=SHARE)
    fresh = next(area for area in areas if area.as_pointer() not in before)
    fresh.ui_type = "IMAGE_EDITOR"
    return fresh


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_edit_picture)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_edit_picture)
