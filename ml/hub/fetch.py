"""Fetch one file of a model: resumed, retried and verified."""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ...geometry.core.messages import Message
from ..common.context import Context
from ..common.errors import ModelError
from ..common.model_store import format_progress
from .background import TICK_SECONDS, iterate, sleep
from .hub_client import HubClient, TemporaryNetworkError
from .listing import Digest, RemoteFile

CHECKING = "checking"
RETRYING = "no response, trying again"
AMOUNT_AND_NOTE = "{amount}, {note}"
DAMAGED_TWICE = (
    "{file} of {label} arrived damaged from {host} twice: check the network connection and press "
    "Download again."
)

_CHUNK_BYTES = 1 << 20
_RESET_RETRIES_BYTES = 1 << 20
"""A connection that transferred this much before it failed resets the count of retries."""


class ProgressMeter:
    """Progress of a download in bytes, reported about ten times a second.

    Attributes:
        total: Bytes of all files.
        done: Bytes on disk so far.
        note: Additional state shown after the amount, or empty.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._last_report = 0.0
        self.total = 0
        self.done = 0
        self.note = ""

    def show_note(self, note: str) -> None:
        """Set the note and report it at once; raise JobCancelled if the job was cancelled."""
        self.note, self._last_report = note, 0.0
        self.tick()

    def tick(self) -> None:
        """Report if the last report is old enough; raise JobCancelled if the job was cancelled."""
        now = time.monotonic()
        if now - self._last_report >= TICK_SECONDS:
            self._last_report = now
            self._context.report(self.done / max(self.total, 1), self._detail())

    def _detail(self) -> str:
        """Return the amount and the note."""
        if not self.total:
            return self.note
        amount = format_progress(self.done, self.total)
        if not self.note:
            return amount
        return Message(AMOUNT_AND_NOTE, amount=amount, note=self.note)


@dataclass(frozen=True)
class FileTarget:
    """Paths of one file in the hub's cache layout.

    Attributes:
        blob: The verified contents, named by their hash.
        partial: The incomplete contents.
        snapshot: The file's own name, a link to the blob where links are possible.
    """

    blob: Path
    partial: Path
    snapshot: Path

    def bytes_on_disk(self, size: int) -> int:
        """Return the number of bytes already on disk, verified or not."""
        for path in (self.snapshot, self.blob, self.partial):
            if path.is_file():
                return min(path.stat().st_size, size)
        return 0

    def commit(self) -> None:
        """Turn the now complete partial file into the blob and link it."""
        self.partial.replace(self.blob)
        self.make_link()

    def make_link(self) -> None:
        """Link the snapshot name to the blob, or move the blob there if links are impossible."""
        self.snapshot.parent.mkdir(parents=True, exist_ok=True)
        self.snapshot.unlink(missing_ok=True)
        try:
            self.snapshot.symlink_to(os.path.relpath(self.blob, self.snapshot.parent))
        except (OSError, NotImplementedError):
            self.blob.replace(self.snapshot)


class Fetcher:
    """Fetches files with a hub client.

    Args:
        hub_client: Access to the hub.
        meter: Where progress is reported.
        retry_delays: Seconds before each retry.
    """

    def __init__(
        self, hub_client: HubClient, meter: ProgressMeter, retry_delays: tuple[float, ...]
    ) -> None:
        self._client = hub_client
        self._meter = meter
        self._retry_delays = retry_delays

    def file_list(self) -> dict[str, Any]:
        """Return the hub's record of the repository; raise ModelError."""
        retries = 0
        while True:
            try:
                with closing(iterate(self._client.file_list(), self._meter.tick)) as records:
                    return next(records)
            except TemporaryNetworkError as error:
                retries = self._try_again(error, retries)

    def fetch(self, file: RemoteFile, target: FileTarget) -> str:
        """Fetch a file into its target and return its SHA-256.

        Existing contents are kept if they match the hub's list, and deleted if not. A file that
        arrives damaged is fetched once more. Raises ModelError or OSError.
        """
        digest = self._existing_digest(file, target)
        if digest is not None:
            return digest.sha256
        for _ in range(2):
            digest = self._transfer(file, target.partial)
            if digest.fits():
                target.commit()
                return digest.sha256
            target.partial.unlink()
            self._meter.done -= digest.length
        label, host = self._client.spec.label, self._client.host
        raise ModelError(DAMAGED_TWICE, file=file.name, label=label, host=host)

    def _existing_digest(self, file: RemoteFile, target: FileTarget) -> Digest | None:
        """Return the digest of a complete file on disk, or None; other files are deleted."""
        for path in (target.snapshot, target.blob):
            if not path.is_file():
                continue
            digest = Digest(file)
            if path.stat().st_size == file.size:
                with path.open("rb") as contents:
                    self._hash_existing(contents, digest)
            if digest.fits():
                if not target.snapshot.is_file():
                    target.make_link()
                return digest
            self._meter.done -= digest.length
            path.unlink()
        return None

    def _transfer(self, file: RemoteFile, partial: Path) -> Digest:
        """Fetch what is missing of a file and return the digest of the whole."""
        partial.touch()
        digest, retries = Digest(file), 0
        with partial.open("r+b") as out:
            self._hash_existing(out, digest)
            while digest.length < file.size:
                before = digest.length
                try:
                    self._receive(file, out, digest)
                except TemporaryNetworkError as error:
                    made_progress = digest.length - before >= _RESET_RETRIES_BYTES
                    retries = self._try_again(error, 0 if made_progress else retries)
            out.flush()
            os.fsync(out.fileno())
        return digest

    def _receive(self, file: RemoteFile, out: BinaryIO, digest: Digest) -> None:
        """Append one response to `out`; raise TemporaryNetworkError if it ends early."""
        chunks = self._client.file(file.name, digest.length, file.size)
        with closing(iterate(chunks, self._meter.tick)) as received:
            for position, data in received:
                if position != digest.length:  # the server ignored the range and restarted
                    self._meter.done -= digest.length
                    digest.restart()
                    out.seek(0)
                    out.truncate()
                out.write(data)
                digest.update(data)
                self._meter.done += len(data)
                self._meter.note = ""
                if digest.length > file.size:
                    return
        if digest.length < file.size:
            raise self._client.disconnected()

    def _hash_existing(self, contents: BinaryIO, digest: Digest) -> None:
        """Hash the bytes that are on disk already."""
        self._meter.note = Message(CHECKING)
        while data := contents.read(_CHUNK_BYTES):
            digest.update(data)
            self._meter.done += len(data)
            self._meter.tick()
        self._meter.note = ""

    def _try_again(self, error: TemporaryNetworkError, retries: int) -> int:
        """Wait before a retry and return the number of retries; raise ModelError after the last."""
        if retries >= len(self._retry_delays):
            raise ModelError(error.message) from error
        self._meter.show_note(Message(RETRYING))
        sleep(self._retry_delays[retries], self._meter.tick)
        return retries + 1
