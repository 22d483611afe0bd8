"""Drop Photo: an image that is dropped into the 3D viewport becomes the scene's photo."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt
from bpy.props import StringProperty

from ..geometry.translation import translate
from ..ml.common.photo_file import SUFFIXES, PhotoError, photo_facts
from .properties import CATEGORY

SHOW_AFTER_SECONDS = 0.1


class MAKE4D_OT_drop_photo(bpy.types.Operator):
    """Choose this photo for a 4D scene."""

    bl_idname = "make_4d.drop_photo"
    bl_label = "Photo for Make 4D"
    bl_description = "Choose this image file as the photo that becomes a 4D scene"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    filepath: StringProperty(  # type: ignore[valid-type]
        name="Photo",
        description="The image file",
        subtype="FILE_PATH",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Set the scene's photo and show the tab where the work goes on."""
        path = bpy.path.abspath(self.filepath)
        try:
            photo_facts(Path(path))
        except PhotoError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        context.scene.make_4d.photo = path
        show_tab(context)
        text = pgettext_rpt("'{name}' is the photo now: press Make 4D in the sidebar")
        self.report({"INFO"}, text.format(name=Path(path).name))
        return {"FINISHED"}


class MAKE4D_FH_photo(bpy.types.FileHandler):
    """Offers the operator above for images that are dropped; Blender asks where there are more."""

    bl_idname = "MAKE4D_FH_photo"
    bl_label = "Photo for Make 4D"
    bl_import_operator = MAKE4D_OT_drop_photo.bl_idname
    bl_file_extensions = ";".join(SUFFIXES)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """In the 3D viewport."""
        return context.area is not None and context.area.type == "VIEW_3D"


def show_tab(context: bpy.types.Context) -> None:
    """Open the sidebar of the viewport at the tab Make 4D."""
    area = context.area
    if area is None or area.type != "VIEW_3D":
        return
    area.spaces.active.show_region_ui = True
    region = next(region for region in area.regions if region.type == "UI")

    def choose() -> None:
        try:
            region.active_panel_category = CATEGORY
        except (TypeError, ReferenceError, AttributeError):
            return  # not drawn yet, or closed meanwhile: it stays at the tab it was at

    if not bpy.app.background:  # the sidebar knows its tabs once it was drawn
        bpy.app.timers.register(choose, first_interval=SHOW_AFTER_SECONDS)


_CLASSES = (MAKE4D_OT_drop_photo, MAKE4D_FH_photo)


def register() -> None:
    """Register the operator and its handler."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    """Remove them."""
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
