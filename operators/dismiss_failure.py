"""Dismiss: the artist has seen why the last job failed."""

from __future__ import annotations

import bpy

from ..jobs import running


class MAKE4D_OT_dismiss_failure(bpy.types.Operator):
    """Show the failure no longer."""

    bl_idname = "make_4d.dismiss_failure"
    bl_label = "Dismiss"
    bl_description = "Show this no longer; it stays in the log"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Forget it."""
        running.dismiss_failure()
        return {"FINISHED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_dismiss_failure)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_dismiss_failure)
