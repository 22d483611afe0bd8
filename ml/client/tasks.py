"""Tasks for the worker: sent to it, and polled for its messages.

Nothing here blocks: `poll` returns the messages since the last call.
"""

from __future__ import annotations

import queue
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from ...geometry.core.messages import Message
from ...geometry.core.packages import MissingPackageError
from ..common.job_settings import JobSettings, Resources
from ..common.protocol import (
    DOWNLOAD,
    GENERATE,
    START,
    Cancelled,
    DeviceFound,
    Done,
    Failed,
    WorkerMessage,
    decode,
)
from ..stages.table import stage_label
from .kept_workers import KeptWorkers
from .process import Worker, downloads_available, models_available

NO_DOWNLOADS = "The light Make 4D can't download: copy models into the Models Folder."

GRACE_SECONDS = 3.0
DIED = "The worker process ended unexpectedly in the stage '{stage}': run again to resume."
KILLED = (
    "The worker process was killed in the stage '{stage}', possibly out of memory: run again to "
    "resume."
)


class Task:
    """Something that the worker does.

    It starts when it is created. Call `poll` regularly, from a timer or a loop, until `finished` is
    set. `close` ends the process, unless it is kept for another task, and removes the task's
    folder.

    Attributes:
        id: Of the task, in all messages.
        stage: Name of the stage, or of the task (see `protocol.TASK_LABELS`), reported last.
        device: The device that networks run on, once the worker has reported it.
        finished: How the task ended, None while it runs.
        output: Folder for the result.
        worker: The process.
    """

    def __init__(self, command: dict[str, Any], worker: Worker) -> None:
        self.id = uuid.uuid4().hex
        self.stage = START
        self.device: DeviceFound | None = None
        self.finished: Done | Failed | Cancelled | None = None
        self.worker = worker
        self._kill_at: float | None = None
        self._cancel_requested = False
        self._is_released = False
        try:
            self._folder = tempfile.TemporaryDirectory(
                prefix="make-4d-job-", ignore_cleanup_errors=True
            )
            self.output = Path(self._folder.name) / "output"
            self.output.mkdir()
        except OSError:  # a full disk
            worker.close()
            raise
        leftovers = [self._folder.name, worker.folder]
        self._send({**command, "output": str(self.output), "leftovers": leftovers})

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self.worker.pid

    def poll(self) -> list[WorkerMessage]:
        """Return the messages since the last call; never blocks.

        After the last one, `finished` is how the task ended; if the worker died, a Failed. Lines
        that are no messages, such as what a library prints, are skipped.
        """
        messages: list[WorkerMessage] = []
        while not self.finished:
            try:
                line = self.worker.next_line()
            except queue.Empty:
                break
            message = self._ended_message() if line is None else self._decoded(line)
            # A kept worker may still send messages of an earlier task.
            if message is not None and message.job == self.id:
                self._note(message)
                messages.append(message)
        if self._kill_at is not None and time.monotonic() > self._kill_at:
            self._kill_at = None
            self.worker.kill()
        return messages

    def cancel(self) -> None:
        """Ask the task to stop; the process is killed after GRACE_SECONDS."""
        if self.finished is None and self._kill_at is None:
            self._kill_at = time.monotonic() + GRACE_SECONDS
            self._cancel_requested = True
            self._send({"type": "cancel"})

    def close(self, keep_worker: bool = False) -> Worker | None:
        """Remove the task's folder and end the worker, or return it for another task."""
        self._folder.cleanup()
        return self.release_worker(keep_worker)

    def release_worker(self, keep_worker: bool = False) -> Worker | None:
        """End the worker of a finished task, or return it; the task's folder stays.

        Returns the worker at most once.
        """
        if self._is_released:
            return None
        self._is_released = True
        if keep_worker and self.finished and self.worker.is_alive:
            return self.worker
        self.worker.close()
        return None

    def _send(self, command: dict[str, Any]) -> None:
        self.worker.send({**command, "job": self.id})

    def _decoded(self, line: str) -> WorkerMessage | None:
        """Return a line of the worker as a message; a stray line goes to the worker's log."""
        try:
            return decode(line)
        except ValueError:
            self.worker.add_to_log(line)
            return None

    def _note(self, message: WorkerMessage) -> None:
        if isinstance(message, Done | Failed | Cancelled):
            self.finished = message
            self._kill_at = None
        elif isinstance(message, DeviceFound):
            self.device = message
        else:
            self.stage = message.stage

    def _ended_message(self) -> WorkerMessage:
        if self._cancel_requested:
            return Cancelled(self.id)
        code = self.worker.exit_code()
        message = Message(KILLED if code in (-9, 137) else DIED, stage=stage_label(self.stage))
        return Failed(self.id, message, self.worker.log_tail())


class Job(Task):
    """Make a scene from a photo."""

    def __init__(
        self,
        settings: JobSettings,
        cache: Path,
        resources: Resources | None = None,
        workers: KeptWorkers | None = None,
        own_cache: Path | None = None,
    ) -> None:
        """Start the job.

        Args:
            settings: Of the job.
            cache: The stage cache.
            resources: What the job may use.
            workers: Kept workers to take one from; a new one is started if none can do the job.
            own_cache: Cache folder for the files that scenes refer to, if `cache` can't be
                written; by default `cache`.

        Raises SettingsError, MissingPackageError or OSError.
        """
        settings.validate()  # before a worker is taken, which would be lost
        chosen = (KeptWorkers() if workers is None else workers).take(settings.needs_torch)
        record = (resources or Resources()).to_json()
        command = {"type": "run", "settings": settings.to_json(), "resources": record}
        command |= {"cache": str(cache), "own_cache": str(own_cache or cache)}
        super().__init__(command, chosen)


class Download(Task):
    """Download a model from the hub into the models folder: the only task that uses the network.

    Raises MissingPackageError if this package of the extension can't download.
    """

    def __init__(self, key: str, models_folder: Path) -> None:
        if models_available() and not downloads_available():
            raise MissingPackageError(NO_DOWNLOADS)
        command = {"type": DOWNLOAD, "model": key, "models_folder": str(models_folder)}
        super().__init__(command, Worker(models=True, online=True))


class DeviceQuery(Task):
    """Find the device that networks run on; the answer is in `device`."""

    def __init__(self, preferred: str) -> None:
        super().__init__({"type": "device", "device": preferred}, Worker(models=True))


class NeuralFrameTask(Task):
    """Generate one frame with the paper's networks; scene: a folder with a saved NeuralFrame."""

    def __init__(self, scene: Path, resources: Resources, worker: Worker) -> None:
        record = resources.to_json()
        super().__init__({"type": GENERATE, "scene": str(scene), "resources": record}, worker)
