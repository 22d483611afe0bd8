"""Blender's end of the worker: starts it, sends jobs, polls for messages, ends it.

Nothing here blocks: a thread collects the worker's lines, `poll` hands them out. The worker is
Blender's own Python in a process of its own, isolated from the user's environment, with an explicit
list of the folders in which the packages lie.
"""

from __future__ import annotations

import importlib.util
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from .protocol import Cancelled, Done, Failed, Message, decode
from .settings import JobSettings

REQUIRED = ("numpy", "cv2", "scipy", "sklearn")
GRACE_SECONDS = 3.0
LOG_TAIL_BYTES = 4000
DIED = "The worker process ended unexpectedly in the stage '{stage}'{why}: run again to resume."


class MissingPackageError(ImportError):
    """A Python package that the worker needs is not there; its text is for the artist."""


def package_folders() -> list[str]:
    """Folders in which the packages that the worker needs lie.

    Raises MissingPackageError where one is missing.
    """
    folders: list[str] = []
    for name in REQUIRED:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise MissingPackageError(
                f"The Python package '{name}' is missing: install the Make 4D extension again."
            )
        folder = str(Path(spec.origin).parent.parent)
        if folder not in folders:
            folders.append(folder)
    return folders


class Job:
    """One job in a worker process of its own.

    Create it to start; call `poll` now and then (a timer, a loop); look at `finished`. `close`
    ends the process and removes the job's folder.
    """

    def __init__(self, settings: JobSettings, cache: Path) -> None:
        settings.validate()
        self.id = uuid.uuid4().hex
        self.stage = "start"
        self.finished: Done | Failed | Cancelled | None = None
        self._kill_at: float | None = None
        self._cancel_requested = False
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._folder = tempfile.TemporaryDirectory(
            prefix="make-4d-job-", ignore_cleanup_errors=True
        )
        self.output = Path(self._folder.name) / "flight"
        self.output.mkdir()
        self._log = (Path(self._folder.name) / "worker.log").open("w+b")
        self._process = self._start()
        threading.Thread(target=self._collect, daemon=True).start()
        self._send(
            {
                "type": "run",
                "settings": settings.to_json(),
                "cache": str(cache),
                "output": str(self.output),
            }
        )

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._process.pid

    def poll(self) -> list[Message]:
        """Messages since the last call; never blocks.

        After the last one `finished` holds how the job ended: a worker that died gives a Failed.
        """
        messages: list[Message] = []
        while not self.finished:
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                break
            messages.append(self._ended_message() if line is None else decode(line))
            self._note(messages[-1])
        if self._kill_at is not None and time.monotonic() > self._kill_at:
            self._kill_at = None
            self._process.kill()
        return messages

    def cancel(self) -> None:
        """Ask the job to stop; the process is killed after a short grace."""
        if self.finished is None and self._kill_at is None:
            self._kill_at = time.monotonic() + GRACE_SECONDS
            self._cancel_requested = True
            self._send({"type": "cancel"})

    def close(self) -> None:
        """End the process, give back its memory, remove the job's folder."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                _close_quietly(stream)
        self._folder.cleanup()

    def log_tail(self) -> str:
        """The last lines that the worker printed."""
        self._log.flush()
        text = Path(self._log.name).read_bytes()[-LOG_TAIL_BYTES:]
        return text.decode(errors="replace")

    def _start(self) -> subprocess.Popen[str]:
        script = Path(__file__).with_name("worker.py")
        command = [sys.executable, "-I", "-X", "utf8", "-u", str(script), *package_folders()]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    def _collect(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _send(self, command: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({**command, "job": self.id}) + "\n")
            self._process.stdin.flush()
        except OSError:
            # The worker is gone; the end of its output reports that through `poll`.
            return

    def _note(self, message: Message) -> None:
        if isinstance(message, Done | Failed | Cancelled):
            self.finished = message
            self._kill_at = None
        else:
            self.stage = message.stage

    def _ended_message(self) -> Message:
        if self._cancel_requested:
            return Cancelled(self.id)
        code = self._process.wait()
        why = " (it was killed, perhaps for want of memory)" if code in (-9, 137) else ""
        return Failed(self.id, DIED.format(stage=self.stage, why=why), self.log_tail())


def _close_quietly(stream: Any) -> None:
    try:
        stream.close()
    except OSError:
        return
