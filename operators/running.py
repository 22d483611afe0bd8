"""The job that runs now, if any: shared by the operators, shown by the panel."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from ..geometry.folders import models_folder
from ..geometry.preferences import stored
from ..ml.client import Download, Job
from ..ml.process import Worker
from ..ml.protocol import Cancelled, DeviceFound, Done, Failed, Preview, Progress
from ..ml.settings import JobSettings, Resources

STAGE_LABELS = {
    "start": "Starting",
    "photo": "Reading the photo",
    "outpaint": "Widening the photo",
    "depth": "Estimating depth",
    "matte": "Cutting out the silhouettes",
    "cluster": "Cutting into layers",
    "inpaint": "Painting what is hidden",
    "layer_depth": "Depth of every layer",
    "features": "Features of every layer",
    "motion": "Finding clouds and water",
    "cruise": "Planning the flight",
    "flight": "Lifting to 3D",
    "download": "Downloading",
}


@dataclass
class RunningJob:
    """A job and what the panel shows of it; preview: path of a picture of what is being made."""

    job: Job
    scene: str
    settings: JobSettings
    fraction: float = 0.0
    detail: str = ""
    preview: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        """What the photo is called."""
        return Path(self.settings.photo).stem

    @property
    def label(self) -> str:
        """What the job is doing now, in words."""
        return STAGE_LABELS[self.job.stage]

    @property
    def seconds_left(self) -> float | None:
        """Estimate of the time left, once there is enough to tell from."""
        elapsed = time.monotonic() - self.started
        if self.fraction < 0.03 or elapsed < 2.0:
            return None
        return elapsed * (1.0 - self.fraction) / self.fraction

    def poll(self) -> Done | Failed | Cancelled | None:
        """Take in what the worker said; returns how the job ended once it did."""
        for message in self.job.poll():
            if isinstance(message, Progress):
                self.fraction, self.detail = message.fraction, message.detail
                self.preview = self.preview if message.detail else ""
            elif isinstance(message, Preview):
                self.preview = message.path
            elif isinstance(message, DeviceFound):
                note_device(message)
        return self.job.finished


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


current: RunningJob | None = None
"""At most one job runs at a time."""
downloads: dict[str, RunningDownload] = {}
"""Downloads that run or have failed, by the model's key."""
device: DeviceFound | None = None
"""What networks run on, as the worker told last."""
_kept: list[Worker] = []


def resources() -> Resources:
    """What jobs may use, by the artist's preferences."""
    return Resources(
        str(models_folder()),
        stored("use_hub_cache", True),
        stored("device", "auto"),
        stored("keep_models", False),
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


def begin(job: Job, scene: str, settings: JobSettings) -> RunningJob:
    """Make a job, asked for in the scene of this name, the running one."""
    global current
    current = RunningJob(job, scene, settings)
    return current


def end() -> None:
    """End the running job, and its process unless models are to be kept; forget it."""
    global current
    if current is not None:
        worker = current.job.close(keep_worker=stored("keep_models", False))
        if worker is not None:
            _kept.append(worker)
    current = None


def end_all() -> None:
    """End every process: the add-on goes."""
    end()
    free_models()
    for key in list(downloads):
        end_download(key)
