"""Cancel Download: stop a model that is on its way, or put a failure out of sight."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from ..jobs import running


class MAKE4D_OT_cancel_download(bpy.types.Operator):
    """Stop a download."""

    bl_idname = "make_4d.cancel_download"
    bl_label = "Cancel Download"
    bl_description = "Stop; what has come is kept, and the next download goes on from there"
    bl_options = {"INTERNAL"}

    model: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ask the download to stop; its watch sees it end."""
        going = running.downloads.get(self.model)
        if going is None:
            return {"CANCELLED"}
        if going.task is None:
            running.end_download(self.model)
        else:
            going.task.cancel()
        return {"FINISHED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_cancel_download)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_cancel_download)
