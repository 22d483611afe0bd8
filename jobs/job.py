"""A job from its request to its end, and the scene that it is for."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from ..ml.client.tasks import Job
from ..ml.common.job_settings import JobSettings
from ..ml.common.protocol import Cancelled, Done, Failed, Preview, Progress, StageDone
from ..ml.stages.table import STAGE_LABELS
from .rates import Rates

READY = "Ready: leave Edit Mode, or finish the current operation"


@dataclass
class OpenFile:
    """A .blend that is or was open in this session."""

    is_open: bool = True


@dataclass(frozen=True)
class SceneRef:
    """A reference to a scene that outlives renaming and undo.

    Attributes:
        file: The .blend that the scene is in.
        uid: The scene's id in this Blender session.
        name: The scene's name when the reference was made.
    """

    file: OpenFile
    uid: int
    name: str

    def scene(self) -> bpy.types.Scene | None:
        """Return the scene, or None where it was removed or another file was opened."""
        if not self.file.is_open:
            return None
        return next((s for s in bpy.data.scenes if s.session_uid == self.uid), None)


@dataclass(frozen=True)
class JobRequest:
    """A job that the artist asked for.

    Attributes:
        settings: What the job depends on.
        kind: Name of the result handler that takes the result (see `results.HANDLERS`).
        scene_ref: The scene that the job is for.
    """

    settings: JobSettings
    kind: str
    scene_ref: SceneRef

    @property
    def name(self) -> str:
        """The photo's file name without its extension."""
        return Path(self.settings.photo).stem

    def remove_edits(self) -> None:
        """Remove the folder of edits that was written for this job."""
        if self.settings.edits:
            shutil.rmtree(self.settings.edits, ignore_errors=True)


@dataclass(frozen=True)
class JobResult:
    """What a finished job hands over.

    Attributes:
        folder: Folder with the scene data.
        job_id: Id of the job, which everything that is built of it carries.
    """

    folder: Path
    job_id: str


@dataclass
class RunningJob:
    """A job in the worker, and what the panel shows of it.

    Attributes:
        task: The job's end of the worker process.
        request: What was asked for.
        rates: How long stages took on this computer.
        fraction: How much of the job is done, 0 to 1.
        detail: What the stage is doing now; empty for nothing to tell.
        preview: Path of an image of what is being made, or empty.
        progress: The last progress message.
        built: Name of the scene that was built from the result.
        started: Time of the start in seconds, of the monotonic clock.
    """

    task: Job
    request: JobRequest
    rates: Rates
    fraction: float = 0.0
    detail: str = ""
    preview: str = ""
    progress: Progress | None = None
    built: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def settings(self) -> JobSettings:
        """The job's settings."""
        return self.request.settings

    @property
    def name(self) -> str:
        """The photo's file name without its extension."""
        return self.request.name

    @property
    def scene(self) -> bpy.types.Scene | None:
        """The scene that the job is for, or None where it is gone."""
        return self.request.scene_ref.scene()

    @property
    def scene_name(self) -> str:
        """The present name of the scene that the job is for, or its last known name."""
        scene = self.scene
        return scene.name if scene is not None else self.request.scene_ref.name

    @property
    def result(self) -> JobResult:
        """The result of a job that has ended well."""
        assert isinstance(self.task.finished, Done)
        return JobResult(Path(self.task.finished.folder), self.task.id)

    @property
    def label(self) -> str:
        """What the job is doing now."""
        return READY if isinstance(self.task.finished, Done) else STAGE_LABELS[self.task.stage]

    @property
    def seconds_left(self) -> float | None:
        """Estimate of the remaining seconds, None where there is nothing to go by."""
        return self.rates.seconds_left(self.settings, self.progress)

    def poll(self) -> Done | Failed | Cancelled | None:
        """Read the worker's messages; returns how the job ended once it has."""
        for message in self.task.poll():
            if isinstance(message, Progress):
                self.progress = message
                self.fraction, self.detail = message.fraction, message.detail
                self.preview = self.preview if message.detail else ""
            elif isinstance(message, Preview):
                self.preview = message.path
            elif isinstance(message, StageDone):
                self.rates.add(self.settings, message)
        return self.task.finished


@dataclass(frozen=True)
class Failure:
    """Why a job failed.

    Attributes:
        message: One sentence for the artist, with what to do.
        detail: The traceback or the end of the log, for a report.
        settings: The job's settings.
        label: What kind of job it was.
    """

    message: str
    detail: str
    settings: JobSettings
    label: str
