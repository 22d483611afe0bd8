"""Free Models: end the process that keeps models in memory."""

from __future__ import annotations

import bpy

from ..jobs import running


class MAKE4D_OT_free_models(bpy.types.Operator):
    """Give back the memory of the models that are kept."""

    bl_idname = "make_4d.free_models"
    bl_label = "Free Models"
    bl_description = "Give back all memory of the models that are kept for the next job"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There has to be something to free."""
        return running.keeps_models()

    def execute(self, context: bpy.types.Context) -> set[str]:
        """End the process."""
        running.free_models()
        return {"FINISHED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_free_models)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_free_models)
