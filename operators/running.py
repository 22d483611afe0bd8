"""The job that runs now, if any: shared by the operators, shown by the panel."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from ..ml.client import Job
from ..ml.protocol import Cancelled, Done, Failed, Progress
from ..ml.settings import JobSettings

STAGE_LABELS = {
    "start": "Starting",
    "photo": "Reading the photo",
    "outpaint": "Widening the photo",
    "depth": "Estimating depth",
    "cluster": "Cutting into layers",
    "inpaint": "Painting what is hidden",
    "layer_depth": "Depth of every layer",
    "motion": "Finding clouds and water",
    "cruise": "Planning the flight",
    "flight": "Lifting to 3D",
}


@dataclass
class RunningJob:
    """A job and what the panel shows of it."""

    job: Job
    scene: str
    settings: JobSettings
    fraction: float = 0.0
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
                self.fraction = message.fraction
        return self.job.finished


current: RunningJob | None = None
"""At most one job runs at a time."""


def begin(job: Job, scene: str, settings: JobSettings) -> RunningJob:
    """Make a job, asked for in the scene of this name, the running one."""
    global current
    current = RunningJob(job, scene, settings)
    return current


def end() -> None:
    """End the running job's process and forget it."""
    global current
    if current is not None:
        current.job.close()
    current = None
