"""Operators on files: collect what a scene needs, and clear the stage cache."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface, pgettext_rpt

from ..geometry.folders import cache_folders
from ..jobs.collect_files import collect_files
from ..jobs.manager import manager
from ..ml.common.cache_files import clear
from ..ml.common.model_store import size_words
from .reporting import Reports

COLLECTED = "Packed {count} images: save the .blend, then move it and make_4d_cache together"
CLEARED = "The cache is cleared: {size} freed"
BUSY = "A job is using the cache: wait for it, or cancel it"
NOT_SAVED = "Save the .blend first"
EMPTY = "The cache was already empty"


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

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Not while a job reads and writes the cache."""
        if manager().current is not None:
            cls.poll_message_set(BUSY)
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first: computing everything again can take long."""
        folders = ", ".join(str(folder) for folder in cache_folders() if folder.is_dir())
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=pgettext_iface("Clear the cache?"),
            message=pgettext_iface("The cached results in {folders} will be deleted.").format(
                folders=folders or cache_folders()[0]
            ),
            confirm_text=pgettext_iface("Clear"),
        )

    def run(self, context: bpy.types.Context) -> str:
        """Delete the results, and say how much that freed."""
        freed = sum(clear(folder) for folder in cache_folders())
        cache_size = manager().cache_size
        cache_size.forget()
        cache_size.known_bytes()  # which redraws the preferences once it is counted
        return pgettext_rpt(CLEARED).format(size=size_words(freed)) if freed else EMPTY


register, unregister = bpy.utils.register_classes_factory(
    (
        MAKE4D_OT_collect_files,
        MAKE4D_OT_clear_cache,
    )
)
