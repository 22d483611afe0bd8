"""Operators of jobs: starting one, cancelling it, taking its result, and its failure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.scene_parts import parts_of
from ..geometry.scene_path import KEEP, MADE, PathRequest, remake_path
from ..geometry.translation import translate
from ..jobs.details import details
from ..jobs.edits import made_with, with_edits
from ..jobs.job import RunningJob
from ..jobs.manager import manager
from ..jobs.results import FIND_MOTION, MAKE, REBUILD, UPDATE_MOTION
from ..jobs.scene_settings import job_settings
from ..ml.common.job_settings import JobSettings
from .camera import MOVE_ITEMS, OPTIONS
from .reporting import OperatorError, Reports

FIRST_MOVES = tuple(item for item in MOVE_ITEMS if item[0] != KEEP)
"""The moves that a scene can get when it is made."""
EVENT_SECONDS = 0.01
BUSY = "Another job is running: wait for it, or cancel it."
QUEUED = "Another job is running: this one starts after it"
NO_RESULT = "No result is waiting: press Make 4D."
GONE = "This result is already gone."
COPIED = "Copied: paste it into your report"


class StartsJob:
    """Mixed into an operator before `bpy.types.Operator`: runs a job of the operator's kind.

    In a window the job waits for those before it and runs in the background. From a script, and in
    background mode, the operator waits for its end.
    """

    kind: str

    if TYPE_CHECKING:
        # Of bpy.types.Operator, which a mixin may not inherit: Blender would register it.
        report: Any

    def settings(self, context: bpy.types.Context) -> JobSettings:
        """Return the job's settings; raises SceneError, SettingsError or OSError."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Queue the job. Its result will be an undo step of its own."""
        if bpy.app.background:
            return self.execute(context)
        jobs = manager()
        try:
            waits = jobs.submit(jobs.request(self.settings(context), self.kind, context.scene))
        except Reports.expected as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        if waits:
            self.report({"INFO"}, rpt_(QUEUED))
        return {"INTERFACE"}  # nothing has changed yet that could be undone

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run the job to its end (background mode and scripts)."""
        jobs = manager()
        if jobs.current is not None:
            self.report({"ERROR"}, rpt_(BUSY))
            return {"CANCELLED"}
        try:
            request = jobs.request(self.settings(context), self.kind, context.scene)
            return jobs.run(request, self.report)
        except Reports.expected as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}


class MAKE4D_OT_make(StartsJob, bpy.types.Operator):
    """Make a 4D scene from the photo."""

    bl_idname = "make_4d.make"
    bl_label = "Make 4D"
    bl_description = (
        "Turn the photo into a 4D scene with depth layers, moving clouds and water, and a camera"
    )
    bl_options = {"REGISTER", "UNDO"}
    kind = MAKE

    def settings(self, context: bpy.types.Context) -> JobSettings:
        """Return the scene's settings."""
        return job_settings(context.scene)


class MAKE4D_OT_rebuild(StartsJob, bpy.types.Operator):
    """Bring a 4D scene up to date with its settings and edits."""

    bl_idname = "make_4d.rebuild"
    bl_label = "Rebuild"
    bl_description = (
        "Update this scene with its current settings and with what you painted in its images. Only "
        "the stages that depend on your changes run again. Camera, path, materials and everything "
        "else you made stay as they are"
    )
    bl_options = {"REGISTER", "UNDO"}

    without: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Without",
        description="An image whose edits are discarded",
        options={"SKIP_SAVE", "HIDDEN"},
    )
    again: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Layer",
        description="A layer that gets a new seed; -1 for none",
        default=-1,
        options={"SKIP_SAVE", "HIDDEN"},
    )
    kind = REBUILD

    @classmethod
    def description(
        cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties
    ) -> str:
        """Return the tooltip of this button."""
        if properties.without:
            return "Discard your edits of this image, and rebuild what depends on it"
        if properties.again >= 0:
            return "Inpaint the hidden parts of this layer again, with a new seed"
        return str(cls.bl_description)

    def settings(self, context: bpy.types.Context) -> JobSettings:
        """Return the scene's settings, with its edits."""
        parts = parts_of(context.scene)
        items = parts.still.make_4d_layers
        if 0 <= self.again < len(items):
            items[self.again].seed += 1
        settings = job_settings(context.scene)
        return with_edits(settings, context.scene, parts, without=self.without)


class MAKE4D_OT_update_motion(StartsJob, bpy.types.Operator):
    """Bring the motion of a 4D scene up to date with the motion regions and guides."""

    bl_idname = "make_4d.update_motion"
    bl_label = "Update Motion"
    bl_description = (
        "Make the white parts of the motion image move, along the motion guides. Takes seconds. "
        "Layers, camera, materials and everything else you made stay as they are"
    )
    bl_options = {"REGISTER", "UNDO"}

    find_again: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Detect Again",
        description="Discard what was painted and find clouds and water in the photo again",
        options={"SKIP_SAVE"},
    )

    @property
    def kind(self) -> str:  # type: ignore[override]
        """The kind of the job."""
        return FIND_MOTION if self.find_again else UPDATE_MOTION

    def settings(self, context: bpy.types.Context) -> JobSettings:
        """Return the settings that the scene was made with, with its own loop and edits."""
        parts = parts_of(context.scene)
        made = replace(made_with(parts.still), motion=True)
        return with_edits(made, context.scene, parts, find_again=self.find_again)


class MAKE4D_OT_take_result(bpy.types.Operator):
    """Put a job's result into the file, as one undo step."""

    bl_idname = "make_4d.take_result"
    bl_label = "Make 4D"
    bl_description = "Put the finished result into this file"
    bl_options = {"REGISTER", "UNDO"}

    offered: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Offered",
        description="Number of an offered result; -1 for the job that has just ended",
        default=-1,
        options={"SKIP_SAVE", "HIDDEN"},
    )
    frames: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Frames",
        description="Length of the film. More frames make the camera move more slowly",
        min=0,
        soft_max=600,
        max=100_000,
        options={"SKIP_SAVE"},
    )
    move: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Move",
        description="How the camera moves. Every move is a curve that you can edit",
        items=FIRST_MOVES,
        options={"SKIP_SAVE"},
    )
    _timer: bpy.types.Timer | None = None

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Wait for the window's next event, without which Blender neither reports nor undoes."""
        if self.offered >= 0:
            return self.execute(context)
        window_manager = context.window_manager
        self._timer = window_manager.event_timer_add(EVENT_SECONDS, window=context.window)
        window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Take the result at the first timer event."""
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        self.cancel(context)
        if not manager().has_ended:
            return {"CANCELLED"}  # the timer asked twice while the window was slow
        return self.execute(context)

    def cancel(self, context: bpy.types.Context) -> None:
        """Remove the timer; Blender also calls this when a file is opened in between."""
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take the ended job's result, an offered one, or the last one again (redo)."""
        jobs = manager()
        if 0 <= self.offered < len(jobs.ready):
            result = jobs.take_ready(self.offered, context.scene, self.report)
        elif jobs.has_ended:
            result = jobs.finish(self.report)
        elif jobs.taken is not None:
            result = jobs.take(jobs.taken, self.report)
        else:
            self.report({"ERROR"}, rpt_(NO_RESULT))
            return {"CANCELLED"}
        if result == {"FINISHED"} and jobs.taken is not None and jobs.taken.request.kind == MAKE:
            self._set_path(jobs.taken)
        return result

    def draw(self, context: bpy.types.Context) -> None:
        """Draw what can be changed in a new scene without running the job again."""
        taken = manager().taken
        if taken is not None and taken.request.kind == MAKE:
            self.layout.use_property_split = True
            self.layout.prop(self, "frames")
            self.layout.prop(self, "move")

    def _set_path(self, job: RunningJob) -> None:
        """Give a new scene the length and the move of the redo panel, at first the job's own."""
        self.frames = self.frames or job.settings.frames
        if self.frames == job.settings.frames and self.move == MADE:
            return
        scene = bpy.data.scenes[job.built]
        scene.frame_end = self.frames
        override: dict[str, Any] = {"scene": scene, "view_layer": scene.view_layers[0]}
        try:
            with bpy.context.temp_override(**override):
                remake_path(scene, parts_of(scene), PathRequest(move=str(self.move)))
        except Reports.expected as error:
            self.report({"WARNING"}, translate(error))
            return
        for name in OPTIONS:
            scene.make_4d_camera.property_unset(name)
        scene.make_4d_camera.move = self.move


class MAKE4D_OT_cancel(Reports, bpy.types.Operator):
    """Cancel the running job, or a waiting one."""

    bl_idname = "make_4d.cancel"
    bl_label = "Cancel"
    bl_description = "Stop the job. Finished stages are kept and need not run again"
    bl_options = {"INTERNAL"}

    waiting: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Waiting",
        description="Number of a waiting job; -1 for the running one",
        default=-1,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Available while a job runs or waits."""
        return manager().current is not None or bool(manager().waiting)

    def run(self, context: bpy.types.Context) -> str:
        """Ask the running job to stop, or remove a waiting one."""
        jobs = manager()
        if 0 <= self.waiting < len(jobs.waiting):
            jobs.cancel_waiting(self.waiting)
        else:
            jobs.cancel()
        return ""


class MAKE4D_OT_discard_ready(Reports, bpy.types.Operator):
    """Discard an offered result."""

    bl_idname = "make_4d.discard_ready"
    bl_label = "Discard"
    bl_description = (
        "Discard this result. Its finished stages stay in the cache, so making it again is quick"
    )
    bl_options = {"INTERNAL"}

    offered: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Offered", description="Number of the result", options={"SKIP_SAVE"}
    )

    def run(self, context: bpy.types.Context) -> str:
        """Remove the result's files."""
        jobs = manager()
        if not 0 <= self.offered < len(jobs.ready):
            raise OperatorError(GONE)
        jobs.discard(self.offered)
        return ""


class MAKE4D_OT_dismiss_failure(Reports, bpy.types.Operator):
    """Hide the failure of the last job."""

    bl_idname = "make_4d.dismiss_failure"
    bl_label = "Dismiss"
    bl_description = "Hide this message. It stays in the log"
    bl_options = {"INTERNAL"}

    def run(self, context: bpy.types.Context) -> str:
        """Forget the failure."""
        manager().dismiss_failure()
        return ""


class MAKE4D_OT_copy_details(Reports, bpy.types.Operator):
    """Copy the details of the last job's failure."""

    bl_idname = "make_4d.copy_details"
    bl_label = "Copy Details"
    bl_description = (
        "Copy the error, the settings and all version numbers to the clipboard, to paste into a "
        "report. The names of your folders are left out"
    )
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Available after a failure."""
        return manager().failure is not None

    def run(self, context: bpy.types.Context) -> str:
        """Put the text on the clipboard."""
        failure = manager().failure
        assert failure is not None
        context.window_manager.clipboard = details(failure)
        return COPIED


register, unregister = bpy.utils.register_classes_factory(
    (
        MAKE4D_OT_make,
        MAKE4D_OT_rebuild,
        MAKE4D_OT_update_motion,
        MAKE4D_OT_take_result,
        MAKE4D_OT_cancel,
        MAKE4D_OT_discard_ready,
        MAKE4D_OT_dismiss_failure,
        MAKE4D_OT_copy_details,
    )
)
