"""Blender's end of the worker: tasks that are sent to it and polled for messages.

Nothing here blocks: `poll` hands out what the worker said since the last call.
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
from ..common.protocol import Cancelled, DeviceFound, Done, Failed, WorkerMessage, decode
from ..stages.table import stage_label
from .kept_workers import KeptWorkers
from .process import Worker, downloads_available, models_available

NO_DOWNLOADS = "The light Make 4D downloads nothing: put models into the models folder by hand."

GRACE_SECONDS = 3.0
DIED = "The worker process ended unexpectedly in the stage '{stage}': run again to resume."
KILLED = (
    "The worker process was killed in the stage '{stage}', perhaps for want of memory: run again "
    "to resume."
)


class Task:
    """Something that the worker does.

    Create it to start; call `poll` now and then (a timer, a loop); look at `finished`. `close` ends
    the process, unless it is to be kept for another task, and removes the task's folder.
    """

    def __init__(self, command: dict[str, Any], worker: Worker) -> None:
        self.id = uuid.uuid4().hex
        self.stage = "start"
        self.device: DeviceFound | None = None
        self.finished: Done | Failed | Cancelled | None = None
        self.worker = worker
        self._kill_at: float | None = None
        self._cancel_requested = False
        self._has_let_go = False
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
        """Messages since the last call; never blocks.

        After the last one `finished` holds how the task ended: a worker that died gives a Failed.
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
        """Ask the task to stop; the process is killed after a short grace."""
        if self.finished is None and self._kill_at is None:
            self._kill_at = time.monotonic() + GRACE_SECONDS
            self._cancel_requested = True
            self._send({"type": "cancel"})

    def close(self, keep_worker: bool = False) -> Worker | None:
        """Remove the task's folder and end the worker, or hand it back for another task."""
        self._folder.cleanup()
        return self.let_go(keep_worker)

    def let_go(self, keep_worker: bool = False) -> Worker | None:
        """End the worker of a finished task, or hand it back; the task's folder stays.

        After the first time there is no worker to hand back.
        """
        if self._has_let_go:
            return None
        self._has_let_go = True
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
        told = Message(KILLED if code in (-9, 137) else DIED, stage=stage_label(self.stage))
        return Failed(self.id, told, self.worker.log_tail())


class Job(Task):
    """One run of the pipeline. Raises SettingsError, MissingPackageError or OSError at once.

    workers: kept workers to take one from; a new one is started where none of them can do the job.
    """

    def __init__(
        self,
        settings: JobSettings,
        cache: Path,
        resources: Resources | None = None,
        workers: KeptWorkers | None = None,
    ) -> None:
        settings.validate()  # before a worker is taken, which would be lost
        chosen = (KeptWorkers() if workers is None else workers).take(settings.needs_torch)
        record = (resources or Resources()).to_json()
        command = {"type": "run", "settings": settings.to_json(), "resources": record}
        super().__init__({**command, "cache": str(cache)}, chosen)


class Download(Task):
    """A model comes from the hub into the models folder: the only task that uses the network.

    Raises MissingPackageError where this package of the extension has no downloads.
    """

    def __init__(self, key: str, models_folder: Path) -> None:
        if models_available() and not downloads_available():
            raise MissingPackageError(NO_DOWNLOADS)
        command = {"type": "download", "model": key, "models_folder": str(models_folder)}
        super().__init__(command, Worker(models=True, online=True))


class DeviceQuery(Task):
    """Asks which processor networks would run on; the answer is in `device`."""

    def __init__(self, wanted: str) -> None:
        super().__init__({"type": "device", "wanted": wanted}, Worker(models=True))


class NeuralPainter(Task):
    """One frame painted by the paper's networks; `scene`: a folder that `neural_frame` wrote."""

    def __init__(self, scene: Path, resources: Resources, worker: Worker) -> None:
        record = resources.to_json()
        super().__init__({"type": "paint", "scene": str(scene), "resources": record}, worker)
