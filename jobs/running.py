"""The jobs that run, wait, are ready or have failed: the operators' state, which panels show."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from ..geometry.folders import cache_folder, models_folder
from ..geometry.preferences import preference
from ..ml.client.process import Worker
from ..ml.client.tasks import Download, Job
from ..ml.common.job_settings import JobSettings, Resources
from ..ml.common.protocol import Cancelled, DeviceFound, Done, Failed, Preview, Progress, StageDone
from ..ml.stages.table import STAGE_LABELS
from . import log as job_log
from . import rates


@dataclass(frozen=True)
class SceneRef:
    """The scene that a job is for: which file was open, and the scene's id in this session, which
    outlives renaming and undo; name: what it was called."""

    file: int
    uid: int
    name: str

    def scene(self) -> bpy.types.Scene | None:
        """The scene, None where it is gone or another file is open."""
        if self.file != file_number:
            return None
        return next((s for s in bpy.data.scenes if s.session_uid == self.uid), None)


@dataclass
class JobRequest:
    """A job that waits for the one before it; kind: names who takes its result (see TAKERS)."""

    settings: JobSettings
    kind: str
    place: SceneRef

    @property
    def name(self) -> str:
        """What the photo is called."""
        return Path(self.settings.photo).stem


@dataclass
class RunningJob:
    """A job and what the panel shows of it; preview: path of a picture of what is being made;
    built: the scene that was made of its result."""

    job: Job
    settings: JobSettings
    kind: str
    place: SceneRef
    fraction: float = 0.0
    detail: str = ""
    preview: str = ""
    progress: Progress | None = None
    built: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        """What the photo is called."""
        return Path(self.settings.photo).stem

    @property
    def scene(self) -> str:
        """What the scene that asked is called now; as it was called where it is gone."""
        scene = self.place.scene()
        return scene.name if scene is not None else self.place.name

    @property
    def label(self) -> str:
        """What the job is doing now, in words."""
        if isinstance(self.job.finished, Done):
            return "Ready: finish what you do, or leave Edit Mode"
        return STAGE_LABELS[self.job.stage]

    @property
    def seconds_left(self) -> float | None:
        """Estimate of the time left, from how long the stages took before."""
        return rates.seconds_left(self.settings, self.progress)

    def poll(self) -> Done | Failed | Cancelled | None:
        """Take in what the worker said; returns how the job ended once it did."""
        for message in self.job.poll():
            if isinstance(message, Progress):
                self.progress = message
                self.fraction, self.detail = message.fraction, message.detail
                self.preview = self.preview if message.detail else ""
            elif isinstance(message, Preview):
                self.preview = message.path
            elif isinstance(message, StageDone):
                rates.note(self.settings, message)
            elif isinstance(message, DeviceFound):
                note_device(message)
        return self.job.finished

    def let_go(self) -> None:
        """End the job's process, unless it is kept for the next; the result's files stay."""
        worker = self.job.let_go(keep_worker=preference("keep_models", False))
        if worker is not None:
            _kept.append(worker)

    def close(self) -> None:
        """End the job's process, unless it is kept, and remove its files."""
        self.let_go()
        self.job.close()
        if self.settings.edits:
            shutil.rmtree(self.settings.edits, ignore_errors=True)


@dataclass(frozen=True)
class Failure:
    """Why a job failed: a sentence with what to do, and the details for whoever can help."""

    message: str
    detail: str
    settings: JobSettings


@dataclass
class RunningDownload:
    """A model on its way, or the sentence that tells why it did not come."""

    task: Download | None
    fraction: float = 0.0
    detail: str = ""
    failure: str = ""

    def poll(self) -> Done | Failed | Cancelled | None:
        """Take in what the worker said; returns how the download ended once it did."""
        assert self.task is not None
        for message in self.task.poll():
            if isinstance(message, Progress):
                self.fraction, self.detail = message.fraction, message.detail
        return self.task.finished


type ResultHandler = Callable[[Path, RunningJob], str]
RESULT_HANDLERS: dict[str, ResultHandler] = {}
"""By a job's kind, what takes its result into the file: a function of the result's folder and the
job that returns a sentence for the artist. Modules add theirs when they are registered."""
current: RunningJob | None = None
"""At most one job runs at a time."""
waiting: list[JobRequest] = []
"""Those after it, in their order."""
ready: list[RunningJob] = []
"""Finished ones whose scene is gone: their results are offered."""
taken: RunningJob | None = None
"""The one whose result was taken last: its files stay for the operator's redo panel."""
failure: Failure | None = None
"""Why the last job failed, until the next begins or the artist has seen it."""
file_number = 0
"""Counts the files that were opened."""
downloads: dict[str, RunningDownload] = {}
"""Downloads that run or have failed, by the model's key."""
device: DeviceFound | None = None
"""What networks run on, as the worker told last."""
_kept: list[Worker] = []


def resources() -> Resources:
    """What jobs may use, by the artist's preferences."""
    return Resources(
        str(models_folder()),
        preference("use_hub_cache", True),
        preference("device", "auto"),
        preference("keep_models", False),
    )


def kept_worker() -> Worker | None:
    """The worker that holds models for the next job, if there is one; it is handed over."""
    return _kept.pop() if _kept else None


def keeps_models() -> bool:
    """Whether a worker holds models in memory."""
    return bool(_kept)


def free_models() -> None:
    """End the worker that holds models."""
    while _kept:
        _kept.pop().close()


def note_device(found: DeviceFound) -> None:
    """Remember what networks run on, for the panel."""
    global device
    device = found


def forget_device() -> None:
    """Another device was chosen: what the worker told no longer holds."""
    global device
    device = None


def end_download(key: str, failure: str = "") -> None:
    """End a download's process; a failure stays to be shown."""
    ended = downloads.pop(key)
    if ended.task is not None:
        ended.task.close()
    if failure:
        downloads[key] = RunningDownload(None, failure=failure)


def scene_ref(scene: bpy.types.Scene) -> SceneRef:
    """Where a scene is, so that it is found again."""
    return SceneRef(file_number, scene.session_uid, scene.name)


def begin(wanted: JobRequest) -> RunningJob:
    """Start a job; raises SettingsError, MissingPackageError or OSError."""
    global current, failure
    job = Job(wanted.settings, cache_folder(), resources(), kept_worker())
    current, failure = RunningJob(job, wanted.settings, wanted.kind, wanted.place), None
    return current


def end() -> None:
    """End the running job and forget it."""
    global current
    if current is not None:
        current.close()
    current = None


def hold() -> RunningJob:
    """The running job has ended well: its result is kept until the next, for the redo panel."""
    global current, taken
    assert current is not None
    if taken is not None:
        taken.close()
    current.let_go()
    taken, current = current, None
    return taken


def offer() -> None:
    """The running job has ended well, and its scene is gone: its result waits for the artist."""
    global current
    assert current is not None
    current.let_go()
    ready.append(current)
    current = None


def accept(number: int, scene: bpy.types.Scene) -> RunningJob:
    """An offered result is wanted after all: as a scene of its own, in place of an empty one."""
    global taken
    if taken is not None:
        taken.close()
    taken = ready.pop(number)
    taken.kind, taken.place = "make", scene_ref(scene)
    return taken


def discard(number: int) -> None:
    """An offered result isn't wanted."""
    ready.pop(number).close()


def fail(message: str, detail: str, settings: JobSettings) -> None:
    """Note why a job failed, for the panel and for the log."""
    global failure
    failure = Failure(message, detail, settings)
    job_log.write(message, detail)


def dismiss_failure() -> None:
    """The artist has seen it."""
    global failure
    failure = None


def another_file() -> None:
    """Another file is open now."""
    global file_number
    file_number += 1


def end_all() -> None:
    """End every process and remove every file: the add-on goes."""
    global taken
    waiting.clear()
    end()
    for job in (*ready, *([taken] if taken else [])):
        job.close()
    ready.clear()
    taken = None
    free_models()
    for key in list(downloads):
        end_download(key)
