"""Cancel: stop the job that runs, or one that waits."""

from __future__ import annotations

import bpy

from ..jobs import running


class MAKE4D_OT_cancel(bpy.types.Operator):
    """Stop making the scene."""

    bl_idname = "make_4d.cancel"
    bl_label = "Cancel"
    bl_description = "Stop; stages that are finished are kept and need not be made again"
    bl_options = {"INTERNAL"}

    waiting: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Waiting",
        description="Which of the jobs that wait; -1 for the one that runs",
        default=-1,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There has to be a job."""
        return running.current is not None or bool(running.waiting)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ask the job to stop, which takes a moment; one that only waits is gone at once."""
        if 0 <= self.waiting < len(running.waiting):
            running.waiting.pop(self.waiting)
        elif running.current is not None:
            running.current.job.cancel()
        return {"FINISHED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_cancel)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_cancel)
