"""Choosing a photo by dropping an image file into the 3D Viewport."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt
from bpy.props import StringProperty

from ..ml.common.photo_file import SUFFIXES, photo_facts
from .properties import CATEGORY
from .reporting import Reports

SHOW_AFTER_SECONDS = 0.1
CHOSEN = "'{name}' is now the photo: press Make 4D in the sidebar"


class MAKE4D_OT_drop_photo(Reports, bpy.types.Operator):
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

    def run(self, context: bpy.types.Context) -> str:
        """Set the scene's photo, and show the sidebar tab where the work continues."""
        path = bpy.path.abspath(self.filepath)
        photo_facts(Path(path))
        context.scene.make_4d.photo = path
        show_tab(context)
        return pgettext_rpt(CHOSEN).format(name=Path(path).name)


class MAKE4D_FH_photo(bpy.types.FileHandler):
    """Calls the operator for dropped images; Blender asks if several handlers apply."""

    bl_idname = "MAKE4D_FH_photo"
    bl_label = "Photo for Make 4D"
    bl_import_operator = MAKE4D_OT_drop_photo.bl_idname
    bl_file_extensions = ";".join(SUFFIXES)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """In the 3D Viewport."""
        return context.area is not None and context.area.type == "VIEW_3D"


def show_tab(context: bpy.types.Context) -> None:
    """Open the sidebar of the viewport at the tab Make 4D."""
    area = context.area
    if area is None or area.type != "VIEW_3D":
        return
    area.spaces.active.show_region_ui = True
    if not bpy.app.background:  # the sidebar knows its tabs once it was drawn
        choose = partial(choose_tab, area.as_pointer())
        bpy.app.timers.register(choose, first_interval=SHOW_AFTER_SECONDS)


def choose_tab(address: int) -> None:
    """Choose the tab Make 4D in a viewport's sidebar, unless the viewport was closed.

    Args:
        address: The area's `as_pointer()`. The area itself, or a region of it, can't be kept until
            a timer fires: once it is closed, using it crashes Blender.
    """
    for area in open_areas():
        if area.as_pointer() == address and area.type == "VIEW_3D":
            region = next(region for region in area.regions if region.type == "UI")
            try:
                region.active_panel_category = CATEGORY
            except (TypeError, AttributeError):
                return  # not drawn yet: the sidebar keeps its tab


def open_areas() -> Iterator[bpy.types.Area]:
    """The areas of all windows."""
    for window in bpy.context.window_manager.windows:
        yield from window.screen.areas


register, unregister = bpy.utils.register_classes_factory(
    (
        MAKE4D_OT_drop_photo,
        MAKE4D_FH_photo,
    )
)
