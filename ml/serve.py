"""The worker's main loop: reads commands, runs jobs, answers with messages.

A thread reads standard input, so a cancel is seen while a job runs; when Blender goes away its end
of the pipe closes and the worker ends at once, leaving no process behind.
"""

from __future__ import annotations

import errno
import json
import os
import queue
import sys
import threading
import traceback
from pathlib import Path
from typing import IO, Any

from .cache import StageCache
from .context import JobCancelled
from .photo import PhotoError
from .pipeline import PipelineRun
from .protocol import Cancelled, Done, Failed, Message, encode
from .settings import JobSettings, SettingsError

UNEXPECTED = (
    "Make 4D failed in the stage '{stage}' ({error}). Please report it with the log's last lines."
)


class Server:
    """Serves jobs one after another over a pair of pipes."""

    def __init__(self, commands: IO[str], replies: IO[str]) -> None:
        self._commands, self._replies = commands, replies
        self._queue: queue.Queue[dict[str, Any]] = queue.Queue()
        self._cancelled: set[str] = set()

    def serve(self) -> None:
        """Run jobs until the pipe of commands closes."""
        threading.Thread(target=self._read_commands, daemon=True).start()
        while True:
            self._run(self._queue.get())

    def _read_commands(self) -> None:
        for line in self._commands:
            command = json.loads(line)
            if command["type"] == "cancel":
                self._cancelled.add(command["job"])
            else:
                self._queue.put(command)
        os._exit(0)

    def _send(self, message: Message) -> None:
        self._replies.write(encode(message) + "\n")
        self._replies.flush()

    def _run(self, command: dict[str, Any]) -> None:
        job = command["job"]
        try:
            cache = StageCache(Path(command["cache"]))
            settings = JobSettings.from_json(command["settings"])
            settings.validate()
        except (SettingsError, OSError, TypeError) as error:
            self._send(Failed(job, sentence_for(error, "start"), traceback.format_exc()))
            return
        run = PipelineRun(job, settings, cache, self._send, lambda: job in self._cancelled)
        try:
            notes = run.run(Path(command["output"]))
            self._send(Done(job, command["output"], notes))
        except JobCancelled:
            self._send(Cancelled(job))
        except Exception as error:
            self._send(Failed(job, sentence_for(error, run.stage), traceback.format_exc()))


def sentence_for(error: Exception, stage: str) -> str:
    """One sentence for the artist: what went wrong and what to do."""
    if isinstance(error, PhotoError | SettingsError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"Not enough memory in the stage '{stage}': choose a smaller size and run again."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full: free some space for the cache and run again."
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return f"The folder {error.filename} can't be written: choose another one and run again."
    return UNEXPECTED.format(stage=stage, error=f"{type(error).__name__}: {error}")


def main() -> None:
    """Serve over this process' standard input and output.

    Standard output is kept for messages: whatever else prints goes to standard error.
    """
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    commands = os.fdopen(os.dup(0), "r", encoding="utf-8")
    sys.stdin.close()
    Server(commands, replies).serve()
