"""What every operator shares that has the worker do a job: start, watch, cancel, conclude."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..geometry.folders import cache_folder
from ..ml.client import Job
from ..ml.model_store import why_not
from ..ml.process import MissingPackageError
from ..ml.protocol import Cancelled, Done, Failed
from ..ml.settings import JobSettings, Resources, SettingsError
from . import running
from .redraw import redraw_sidebars
from .watching import Watching

POLL_SECONDS = 0.1


class RunsJob(Watching):
    """Mixed into an operator before `bpy.types.Operator`: runs a job and looks after it.

    From a timer, or to its end in background mode. The operator gives `asked` and `finish`.
    """

    if TYPE_CHECKING:
        # Of bpy.types.Operator, which a mixin may not inherit: Blender would register it.
        poll_message_set: Any
        report: Any

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only one job at a time."""
        if running.current is not None:
            cls.poll_message_set("A photo is being made into a scene already")
            return False
        return True

    def asked(self, context: bpy.types.Context) -> JobSettings:
        """What the job shall do; raises SettingsError or OSError."""
        raise NotImplementedError

    def finish(self, folder: Path, job: running.RunningJob) -> str:
        """Take the job's result into the file; returns a sentence for the artist."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Start the job and watch it from a timer, so that Blender stays alive."""
        if bpy.app.background:
            return self.execute(context)
        if not self._begin(context):
            return {"CANCELLED"}
        return self.watch(context, POLL_SECONDS)

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Look after the job on every tick of the timer; all other events pass through."""
        if event.type != "TIMER" or running.current is None:
            return {"PASS_THROUGH"}
        ended = running.current.poll()
        redraw_sidebars(context)
        return {"PASS_THROUGH"} if ended is None else self._end(context, ended)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run the job to its end (background mode and scripts)."""
        if not self._begin(context):
            return {"CANCELLED"}
        assert running.current is not None
        while (ended := running.current.poll()) is None:
            time.sleep(POLL_SECONDS)
        return self._end(context, ended)

    def cancel(self, context: bpy.types.Context) -> None:
        """Called by Blender when the file is closed: the job ends, finished stages stay cached."""
        self._forget(context)

    def _begin(self, context: bpy.types.Context) -> bool:
        try:
            settings = self.asked(context)
            check_photo(settings)
            check_models(settings, running.resources())
            job = Job(settings, cache_folder(), running.resources(), running.kept_worker())
        except (SettingsError, MissingPackageError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return False
        running.begin(job, context.scene.name, settings)
        return True

    def _end(self, context: bpy.types.Context, ended: Done | Failed | Cancelled) -> set[str]:
        job = running.current
        assert job is not None
        try:
            return self._conclude(ended, job)
        finally:
            self._forget(context)

    def _conclude(self, ended: Done | Failed | Cancelled, job: running.RunningJob) -> set[str]:
        if isinstance(ended, Cancelled):
            self.report({"INFO"}, "Cancelled: what was finished is kept for the next run")
            return {"CANCELLED"}
        if isinstance(ended, Failed):
            print(ended.detail)
            self.report({"ERROR"}, ended.sentence)
            return {"CANCELLED"}
        try:
            sentence = self.finish(Path(ended.folder), job)
        except (OSError, ValueError, MemoryError) as error:
            self.report({"ERROR"}, f"The scene could not be built ({error}): run again.")
            return {"CANCELLED"}
        for note in ended.notes:
            self.report({"INFO"}, note)
        self.report({"INFO"}, sentence)
        return {"FINISHED"}

    def _forget(self, context: bpy.types.Context) -> None:
        running.end()
        self.stop_watching(context)
        redraw_sidebars(context)


def check_photo(settings: JobSettings) -> None:
    """Raise SettingsError unless the photo is a file."""
    if not settings.photo:
        raise SettingsError("Choose a photo first.")
    if not Path(settings.photo).is_file():
        raise SettingsError(f"There is no photo at {settings.photo}: choose another file.")


def check_models(settings: JobSettings, resources: Resources) -> None:
    """Raise SettingsError unless every model that the settings name lies ready."""
    place = Path(resources.models_folder)
    for spec in settings.models():
        if problem := why_not(spec, place, resources.use_hub_cache):
            raise SettingsError(problem)
    if settings.networks and not Path(settings.networks).is_file():
        raise SettingsError(
            f"There is no checkpoint at {settings.networks}: choose the file again in Models."
        )
