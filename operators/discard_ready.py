"""Discard: throw away a result whose scene is gone."""

from __future__ import annotations

import bpy

from ..jobs import running


class MAKE4D_OT_discard_ready(bpy.types.Operator):
    """Throw an offered result away."""

    bl_idname = "make_4d.discard_ready"
    bl_label = "Discard"
    bl_description = (
        "Throw this result away. Its finished stages stay in the cache: making it again is quick"
    )
    bl_options = {"INTERNAL"}

    offered: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Offered", description="Which of the results", options={"SKIP_SAVE"}
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove its files."""
        if not 0 <= self.offered < len(running.ready):
            self.report({"ERROR"}, "This result is gone already.")
            return {"CANCELLED"}
        running.discard(self.offered)
        return {"FINISHED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_discard_ready)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_discard_ready)
