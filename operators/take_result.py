"""Take a finished job's result into the file: the one step that undo takes back."""

from __future__ import annotations

from typing import Any

import bpy

from ..geometry.scene_path import KEEP, MADE
from ..jobs import running
from ..jobs.queue import conclude, take
from .path_options import MOVE_ITEMS

_FIRST_MOVES = tuple(move for move in MOVE_ITEMS if move[0] != KEEP)
SOON = 0.01


class MAKE4D_OT_take_result(bpy.types.Operator):
    """Put what a job has made into the scene that asked for it."""

    bl_idname = "make_4d.take_result"
    bl_label = "Make 4D"
    bl_description = "Put the finished result into this file"
    bl_options = {"REGISTER", "UNDO"}

    offered: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Offered",
        description="Which of the results whose scenes are gone; -1 for the job that just ended",
        default=-1,
        options={"SKIP_SAVE", "HIDDEN"},
    )
    frames: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Frames",
        description="Length of the flight: more frames fly the same way more slowly",
        min=0,
        soft_max=600,
        max=100_000,
        options={"SKIP_SAVE"},
    )
    move: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Move",
        description="How the camera flies; every move is a curve that you can edit",
        items=_FIRST_MOVES,
        options={"SKIP_SAVE"},
    )
    _timer: bpy.types.Timer | None = None

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Wait for the window's next event: only there Blender reports and makes undo steps."""
        if self.offered >= 0:
            return self.execute(context)
        manager = context.window_manager
        self._timer = manager.event_timer_add(SOON, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Take the result at the first tick."""
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        self.cancel(context)
        if running.current is None or running.current.job.finished is None:
            return {"CANCELLED"}  # asked for twice while the window was slow
        return self.execute(context)

    def cancel(self, context: bpy.types.Context) -> None:
        """Also called by Blender when a file is opened in between: the result is offered then."""
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take the running job's result, an offered one, or once more the one taken last."""
        if 0 <= self.offered < len(running.ready):
            result = take(running.accept(self.offered, context.scene), self.report)
        elif running.current is not None and running.current.job.finished is not None:
            result = conclude(self.report)
        elif running.taken is not None:
            result = take(running.taken, self.report)
        else:
            self.report({"ERROR"}, "No result is waiting: press Make 4D.")
            return {"CANCELLED"}
        if result == {"FINISHED"} and running.taken is not None:
            self._fly(running.taken)
        return result

    def draw(self, context: bpy.types.Context) -> None:
        """What of a new scene can be changed without the networks."""
        if running.taken is not None and running.taken.kind == "make":
            self.layout.use_property_split = True
            self.layout.prop(self, "frames")
            self.layout.prop(self, "move")

    def _fly(self, job: running.RunningJob) -> None:
        """Fly as the redo panel says; at first it says what the job was asked for."""
        if job.kind != "make":
            return
        self.frames = self.frames or job.settings.frames
        if self.frames == job.settings.frames and self.move == MADE:
            return
        scene = bpy.data.scenes[job.built]
        scene.frame_end = self.frames
        override: dict[str, Any] = {"scene": scene, "view_layer": scene.view_layers[0]}
        with bpy.context.temp_override(**override):
            bpy.ops.make_4d.fly_path("EXEC_DEFAULT", move=self.move)


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_take_result)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_take_result)
