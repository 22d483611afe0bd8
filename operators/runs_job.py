"""What every operator shares that has the worker do a job: it asks, and the queue does the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.translation import translate
from ..jobs import running
from ..jobs.queue import ask, run_to_end
from ..ml.client.process import MissingPackageError
from ..ml.common.job_settings import JobSettings, SettingsError


class RunsJob:
    """Mixed into an operator before `bpy.types.Operator`: has a job done.

    In a window the job runs on by itself, after those that were asked for before; from a script and
    in background mode the operator waits for its end. The operator gives `asked`, and `kind`, under
    which `running.TAKERS` knows who takes the result.
    """

    kind: str

    if TYPE_CHECKING:
        # Of bpy.types.Operator, which a mixin may not inherit: Blender would register it.
        report: Any

    def asked(self, context: bpy.types.Context) -> JobSettings:
        """What the job shall do; raises SettingsError or OSError."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Have the job done while Blender stays alive; its result will be an undo step."""
        if bpy.app.background:
            return self.execute(context)
        try:
            waits = running.current is not None
            ask(self._wanted(context))
        except (SettingsError, MissingPackageError, OSError) as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        if waits:
            self.report({"INFO"}, rpt_("Another job runs: this one comes after it"))
        return {"INTERFACE"}  # nothing has changed yet that could be undone

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Do the job to its end (background mode and scripts)."""
        if running.current is not None:
            self.report({"ERROR"}, rpt_("Another job runs: wait for it, or cancel it."))
            return {"CANCELLED"}
        try:
            return run_to_end(self._wanted(context), self.report)
        except (SettingsError, MissingPackageError, OSError) as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}

    def _wanted(self, context: bpy.types.Context) -> running.JobRequest:
        place = running.scene_ref(context.scene)
        return running.JobRequest(self.asked(context), self.kind, place)
