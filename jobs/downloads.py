"""Downloads of pretrained models: those that run, and those that have failed."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..geometry.folders import models_folder
from ..ml.client.tasks import Download
from ..ml.common.protocol import Cancelled, Done, Failed, Progress
from ..ml.common.registry import ModelSpec
from .model_states import ModelStates

POLL_SECONDS = 0.2


@dataclass
class ModelDownload:
    """A download that runs, or has failed.

    Attributes:
        task: The download's end of the worker process, None once it has failed.
        fraction: How much has arrived, 0 to 1.
        detail: The last progress message.
        failure: Why the download failed, with what to do; empty while it runs.
    """

    task: Download | None
    fraction: float = 0.0
    detail: str = ""
    failure: str = ""

    @property
    def is_running(self) -> bool:
        """Whether the download still runs."""
        return self.task is not None

    def poll(self) -> Done | Failed | Cancelled | None:
        """Read the worker's messages; returns how the download ended once it has."""
        assert self.task is not None
        for message in self.task.poll():
            if isinstance(message, Progress):
                self.fraction, self.detail = message.fraction, message.detail
        return self.task.finished


class Downloads:
    """All downloads of a session, by the model's key."""

    def __init__(self, model_states: ModelStates) -> None:
        self._model_states = model_states
        self._downloads: dict[str, ModelDownload] = {}

    @property
    def is_active(self) -> bool:
        """Whether any download runs."""
        return any(download.is_running for download in self._downloads.values())

    @property
    def shown(self) -> tuple[tuple[str, ...], ...]:
        """What panels show of the downloads, to find out whether they need a redraw."""
        return tuple(
            (key, f"{download.fraction:.0%}", download.detail, download.failure)
            for key, download in self._downloads.items()
        )

    def get(self, key: str) -> ModelDownload | None:
        """Return a model's download, None where it has neither started nor failed."""
        return self._downloads.get(key)

    def is_running(self, key: str) -> bool:
        """Whether a model is being downloaded."""
        download = self.get(key)
        return download is not None and download.is_running

    def start(self, spec: ModelSpec) -> ModelDownload:
        """Start a model's download; raises MissingPackageError or OSError."""
        self._downloads[spec.key] = download = ModelDownload(Download(spec.key, models_folder()))
        return download

    def cancel(self, key: str) -> None:
        """Ask a download to stop, which takes a moment; forget one that has failed."""
        download = self.get(key)
        if download is None:
            return
        if download.task is None:
            self.end(key)
        else:
            download.task.cancel()

    def poll(self) -> None:
        """Read the messages of all downloads, and end those that are done."""
        for key, download in list(self._downloads.items()):
            if download.is_running and (ended := download.poll()) is not None:
                self.end(key, ended.message if isinstance(ended, Failed) else "")

    def wait(self, key: str) -> Done | Failed | Cancelled:
        """Wait for the end of a download (background mode and scripts); returns how it ended."""
        download = self._downloads[key]
        while (ended := download.poll()) is None:
            time.sleep(POLL_SECONDS)
        self.end(key, ended.message if isinstance(ended, Failed) else "")
        return ended

    def end(self, key: str, failure: str = "") -> None:
        """End a download's process. Its failure stays, to be shown."""
        download = self._downloads.pop(key)
        if download.task is not None:
            download.task.close()
        if failure:
            self._downloads[key] = ModelDownload(None, failure=failure)
        self._model_states.forget()

    def end_all(self, failure: str = "") -> None:
        """End every download that runs, or with no failure to show all of them."""
        for key, download in list(self._downloads.items()):
            if download.is_running or not failure:
                self.end(key, failure)
