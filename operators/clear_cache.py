"""Clear Cache: delete the finished stages that are kept for the next run."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface, pgettext_rpt

from ..geometry.folders import cache_folders
from ..jobs.manager import manager
from ..ml.common.cache_files import clear
from ..ml.common.model_store import size_words


class MAKE4D_OT_clear_cache(bpy.types.Operator):
    """Delete what is kept of finished stages."""

    bl_idname = "make_4d.clear_cache"
    bl_label = "Clear Cache"
    bl_description = (
        "Delete what is kept of finished stages. Scenes stay as they are; making one again, or "
        "changing its motion, takes longer the next time"
    )
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Not while a job reads and writes there."""
        if manager().current is not None:
            cls.poll_message_set("A job uses the cache: wait for it, or cancel it")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first: making it again may take long."""
        folders = ", ".join(str(folder) for folder in cache_folders() if folder.is_dir())
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=pgettext_iface("Clear the cache?"),
            message=pgettext_iface("Finished stages in {folders} are deleted.").format(
                folders=folders or cache_folders()[0]
            ),
            confirm_text=pgettext_iface("Clear"),
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Delete the stages; says how much that freed."""
        freed = sum(clear(folder) for folder in cache_folders())
        cache_size = manager().cache_size
        cache_size.forget()
        cache_size.known_bytes()  # which draws the preferences again once it is counted
        if freed:
            text = pgettext_rpt("The cache is cleared: {size} freed")
            self.report({"INFO"}, text.format(size=size_words(freed)))
        else:
            self.report({"INFO"}, "The cache was empty already")
        return {"FINISHED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_clear_cache)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_clear_cache)
