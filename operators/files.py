"""Operators on files: collect what a scene needs, and clear the stage cache."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface, pgettext_rpt
from bpy.props import BoolProperty

from ..geometry.folders import cache_folders
from ..jobs.cache_use import clear_caches
from ..jobs.collect_files import collect_files
from ..jobs.manager import manager
from ..ml.common.model_store import format_size
from .reporting import OperatorError, Reports

COLLECTED = "Packed {count} images: save the .blend, then move it and make_4d_cache together"
CLEARED = "The cache is cleared: {size} freed"
BUSY = "A job is using the cache: wait for it, or cancel it"
NOT_SAVED = "Save the .blend first"
EMPTY = "The cache was already empty"
QUESTION = "Clear the cache?"
FOLDERS = "The cached results in these folders will be deleted:"
RESULTS_WAITING = (
    "Finished jobs have results that are not in the file yet: use or discard them first."
)


class MAKE4D_OT_collect_files(Reports, bpy.types.Operator):
    """Pack the editable images, and copy photo and features beside the .blend."""

    bl_idname = "make_4d.collect_files"
    bl_label = "Collect Files"
    bl_description = (
        "Pack the images of this scene into the .blend, and copy its photo into the folder "
        "make_4d_cache beside it, so that you can move both to another computer and rebuild the "
        "scene there. Rendering needs only the .blend"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only in a saved file."""
        if not bpy.data.filepath:
            cls.poll_message_set(NOT_SAVED)
            return False
        return True

    def run(self, context: bpy.types.Context) -> str:
        """Pack and copy."""
        return pgettext_rpt(COLLECTED).format(count=collect_files(context.scene))


class MAKE4D_OT_clear_cache(Reports, bpy.types.Operator):
    """Delete the cached results of stages."""

    bl_idname = "make_4d.clear_cache"
    bl_label = "Clear Cache"
    bl_description = (
        "Delete the cached results of stages. Scenes are not changed, but making one again, or "
        "updating its motion, takes longer the next time"
    )
    bl_options = {"INTERNAL"}

    scene_files: BoolProperty(  # type: ignore[valid-type]
        name="Images and Features of Other Scenes",
        description=(
            "Also delete the files of scenes that are not open now. Scenes in other .blend files "
            "lose their editable images unless these are packed, and the render method Neural"
        ),
        default=False,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Not while a job reads and writes the cache."""
        if manager().current is not None:
            cls.poll_message_set(BUSY)
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first: computing everything again can take long."""
        return context.window_manager.invoke_props_dialog(
            self, width=400, title=pgettext_iface(QUESTION), confirm_text=pgettext_iface("Clear")
        )

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the folders and the choice of what to delete."""
        self.layout.label(text=FOLDERS)
        column = self.layout.column(align=True)
        for folder in cache_folders():
            column.label(text=str(folder), icon="FILE_FOLDER", translate=False)
        self.layout.prop(self, "scene_files")

    def run(self, context: bpy.types.Context) -> str:
        """Delete the results, and say how much that freed."""
        if self.scene_files and manager().ready:
            raise OperatorError(RESULTS_WAITING)
        freed = clear_caches(self.scene_files)
        cache_size = manager().cache_size
        cache_size.forget()
        cache_size.known_bytes()  # which redraws the preferences once it is counted
        return pgettext_rpt(CLEARED).format(size=format_size(freed)) if freed else EMPTY


register, unregister = bpy.utils.register_classes_factory(
    (
        MAKE4D_OT_collect_files,
        MAKE4D_OT_clear_cache,
    )
)
