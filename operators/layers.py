"""Layers: the settings that each has, and editing the images that a scene was made of."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, IntProperty, StringProperty

from ..geometry.editable_images import editable_images_of
from ..geometry.scene_parts import parts_of
from ..jobs.layer_items import hide_layers
from ..ml.common.job_settings import MAX_LAYER_SEED
from .motion import set_up_brush
from .reporting import OperatorError, Reports, call

FRACTION = 0.5
"""Part of the 3D Viewport that becomes an Image Editor if none is open."""
GONE = "The image is gone: press Rebuild to get it back."
NO_ROOM = "There is no room for an Image Editor: enlarge this editor, or open one yourself."
NO_WINDOW = "Images are edited in a window: open the file in Blender."


def _hide(self: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    hide_layers(self.id_data)


class Make4DLayer(bpy.types.PropertyGroup):
    """Settings of one layer, kept with the still cloud; the nearest comes first."""

    hide: BoolProperty(  # type: ignore[valid-type]
        name="Hide",
        description="Hide this layer in the viewport and in renders",
        update=_hide,
    )
    seed: IntProperty(  # type: ignore[valid-type]
        name="Seed",
        description="Random seed for inpainting this layer where nearer layers hide it",
        min=0,
        max=MAX_LAYER_SEED,
    )
    prompt: StringProperty(  # type: ignore[valid-type]
        name="Prompt",
        description=(
            "What to inpaint where nearer layers hide this one, in words. Leave empty to use the "
            "prompt of the scene"
        ),
    )


class MAKE4D_OT_edit_image(Reports, bpy.types.Operator):
    """Show an editable image in an Image Editor, in Paint mode."""

    bl_idname = "make_4d.edit_image"
    bl_label = "Edit Image"
    bl_description = (
        "Paint in this image in an Image Editor, which opens beside the viewport if there is none. "
        "Then press Rebuild"
    )
    bl_options = {"INTERNAL"}

    name: StringProperty(  # type: ignore[valid-type]
        name="Image", description="Name of the editable image", options={"SKIP_SAVE"}
    )

    def run(self, context: bpy.types.Context) -> str:
        """Find the image, and show it for painting."""
        image = editable_images_of(parts_of(context.scene).still).get(self.name)
        if image is None:
            raise OperatorError(GONE)
        if context.window is None or context.area is None:
            raise OperatorError(NO_WINDOW)
        show_image(context, image)
        return ""


def show_image(context: bpy.types.Context, image: bpy.types.Image) -> None:
    """Show an image in an Image Editor for painting; the brush paints white, X swaps to black."""
    area = image_editor(context)
    space = area.spaces.active
    space.image = image
    space.mode = "PAINT"
    set_up_brush(context.scene)
    region = next(region for region in area.regions if region.type == "WINDOW")
    with context.temp_override(area=area, region=region):
        call(bpy.ops.image.view_all, "EXEC_DEFAULT", fit_view=True)


def image_editor(context: bpy.types.Context) -> bpy.types.Area:
    """An Image Editor of this screen: an open one, else half of the area in use.

    Raises OperatorError if Blender can't split the area, because it is too small or maximized.
    """
    areas = context.screen.areas
    for area in areas:
        if area.ui_type == "IMAGE_EDITOR":
            return area
    before = {area.as_pointer() for area in areas}
    with context.temp_override(area=context.area):
        call(bpy.ops.screen.area_split, direction="VERTICAL", factor=FRACTION)
    new = next((area for area in areas if area.as_pointer() not in before), None)
    if new is None:
        raise OperatorError(NO_ROOM)
    new.ui_type = "IMAGE_EDITOR"
    return new


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (Make4DLayer, MAKE4D_OT_edit_image)
)


def register() -> None:
    """Register the operator, and the layers' settings with every object."""
    _register_classes()
    bpy.types.Object.make_4d_layers = CollectionProperty(type=Make4DLayer)
    bpy.types.Object.make_4d_layer_index = IntProperty(
        name="Layer", description="Layer whose settings are shown below"
    )


def unregister() -> None:
    """Unregister them."""
    del bpy.types.Object.make_4d_layer_index
    del bpy.types.Object.make_4d_layers
    _unregister_classes()
