"""The worker's main loop: reads commands, runs tasks, replies with messages.

A thread reads standard input, so that a cancel is noticed while a job runs. When Blender goes away,
its end of the pipe closes and the worker ends at once, leaving no process and no temporary folder
behind.
"""

from __future__ import annotations

import errno
import json
import os
import queue
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from ...geometry.core.messages import Message, UserError
from ..cache.stage_cache import StageCache
from ..common.context import JobCancelled
from ..common.job_settings import JobSettings, Resources
from ..common.protocol import (
    DOWNLOAD,
    GENERATE,
    START,
    Cancelled,
    DeviceFound,
    Done,
    Failed,
    Progress,
    WorkerMessage,
    encode,
)
from ..common.registry import model
from ..models.model_cache import ModelCache
from ..stages.context import StageContext
from ..stages.table import stage_label
from .pipeline import PipelineRun

Command = dict[str, Any]

REMOVAL_ATTEMPTS, REMOVAL_SECONDS = 50, 0.1
"""How often the removal of a folder is tried, and the pause in between."""

UNEXPECTED = (
    "Make 4D failed in the stage '{stage}' ({error}). Please report it with the log's last lines."
)
NO_MEMORY = "Not enough memory in the stage '{stage}': choose a smaller size and run again."
FULL_DISK = "The disk is full: free some space for the cache and run again."
NOT_WRITABLE = "The folder {folder} can't be written: choose another one and run again."
READ_ONLY_CACHE = (
    "The cache folder {folder} can't be written: its finished stages were used, but no new ones "
    "were kept."
)


class Server:
    """Serves tasks one after another over a pair of pipes.

    Args:
        commands: Where commands are read from, one JSON line each.
        replies: Where messages are written to.
        package_problems: Messages about packages of other extensions in the place of ours.
    """

    def __init__(
        self, commands: IO[str], replies: IO[str], package_problems: Sequence[Message] = ()
    ) -> None:
        self._commands, self._replies = commands, replies
        self._package_problems = package_problems
        self._queue: queue.Queue[Command] = queue.Queue()
        self._cancelled: set[str] = set()
        self._leftovers: set[str] = set()
        self._models = ModelCache()
        self._stage = START

    def serve(self) -> None:
        """Run tasks until the pipe of commands closes."""
        threading.Thread(target=self._read_commands, daemon=True).start()
        while True:
            self._run(self._queue.get())

    def _read_commands(self) -> None:
        for line in self._commands:
            command = json.loads(line)
            if command["type"] == "cancel":
                self._cancelled.add(command["job"])
            else:
                self._leftovers.update(command.get("leftovers", ()))
                self._queue.put(command)
        for folder in self._leftovers:
            _remove(Path(folder))
        os._exit(0)

    def _send(self, message: WorkerMessage) -> None:
        if isinstance(message, Progress):
            self._stage = message.stage
        try:
            self._replies.write(encode(message) + "\n")
            self._replies.flush()
        except OSError:
            # Blender is gone. If this thread raised, the process would end before the thread that
            # reads commands has removed what is left over.
            threading.Event().wait()

    def _run(self, command: Command) -> None:
        job, self._stage = command["job"], START
        tasks = {"run": self._make, DOWNLOAD: self._download}
        tasks |= {"device": self._find_device, GENERATE: self._generate}
        try:
            self._models.resources = Resources(**command.get("resources", {}))
            notes = tasks[command["type"]](command)
            self._send(Done(job, command["output"], notes))
        except JobCancelled:
            self._send(Cancelled(job))
        except Exception as error:
            self._send(
                Failed(
                    job,
                    message_for(error, self._stage, self._package_problems),
                    traceback.format_exc(),
                )
            )
        finally:
            self._models.release()

    def _make(self, command: Command) -> tuple[str, ...]:
        """Make a scene from a photo; returns notes for the artist."""
        job = command["job"]
        cache = StageCache(Path(command["cache"]))
        settings = JobSettings.from_json(command["settings"])
        settings.validate()
        if settings.needs_torch:
            self._find_device(command)
        run = PipelineRun(
            job,
            settings,
            cache,
            self._send,
            lambda: job in self._cancelled,
            self._models,
            cache.folder if cache.is_writable else Path(command["own_cache"]),
        )
        notes = run.run(Path(command["output"]))
        return (
            notes if cache.is_writable else (*notes, Message(READ_ONLY_CACHE, folder=cache.folder))
        )

    def _download(self, command: Command) -> tuple[str, ...]:
        from ..hub.download import download

        download(model(command["model"]), Path(command["models_folder"]), self._context(command))
        return ()

    def _find_device(self, command: Command) -> tuple[str, ...]:
        from ..models import device

        preferred = command.get("device", self._models.resources.device)
        chosen = device.choose(preferred)
        self._send(
            DeviceFound(
                command["job"], chosen.kind, chosen.name, chosen.free_bytes, chosen.total_bytes
            )
        )
        return ()

    def _generate(self, command: Command) -> tuple[str, ...]:
        from ..networks.render_frame import render_frame

        render_frame(Path(command["scene"]), Path(command["output"]), self._context(command))
        return ()

    def _context(self, command: Command) -> StageContext:
        """Return the context of a task without stages."""
        job, stage = command["job"], command["type"]
        return StageContext(
            lambda fraction, detail: self._send(Progress(job, stage, fraction, fraction, detail)),
            lambda: job in self._cancelled,
            models=self._models,
        )


def _remove(folder: Path) -> None:
    """Remove a folder, even while the running task still writes into it."""
    for _ in range(REMOVAL_ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(REMOVAL_SECONDS)


def message_for(error: Exception, stage: str, package_problems: Sequence[Message] = ()) -> Message:
    """Return one sentence for the artist: what went wrong and what to do.

    Args:
        error: The error.
        stage: Name of the stage or task that failed.
        package_problems: Messages about Python packages that may be the cause.
    """
    if isinstance(error, UserError):
        return error.message
    label = stage_label(stage)
    if isinstance(error, MemoryError):
        return Message(NO_MEMORY, stage=label)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return Message(FULL_DISK)
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return Message(NOT_WRITABLE, folder=error.filename)
    if package_problems:
        return package_problems[0]
    return Message(UNEXPECTED, stage=label, error=f"{type(error).__name__}: {error}")


def main(package_problems: Sequence[Message] = ()) -> None:
    """Serve over the standard input and output of this process.

    Standard output is reserved for messages; everything else that prints goes to standard error.
    """
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    commands = os.fdopen(os.dup(0), "r", encoding="utf-8")
    sys.stdin.close()
    Server(commands, replies, package_problems).serve()
