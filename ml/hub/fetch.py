"""Fetching one file of a model: resumed where it stopped, tried again, verified."""

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
from ..common.model_store import amount_words
from .link import Link, NoAnswer
from .listing import Digest, RemoteFile
from .waiting import TICK_SECONDS, in_thread, pause

_CHUNK = 1 << 20
_WORTH_ANOTHER_TRY = 1 << 20
"""Bytes after which a connection that breaks counts as having worked."""


class Meter:
    """Progress of a download in bytes, told about ten times a second.

    total, done: bytes; note: what else is to be said.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._told = 0.0
        self.total = 0
        self.done = 0
        self.note = ""

    def say(self, note: str) -> None:
        """Change the note and report it at once; raises JobCancelled."""
        self.note, self._told = note, 0.0
        self.tick()

    def tick(self) -> None:
        """Report where it is time to; raises JobCancelled."""
        now = time.monotonic()
        if now - self._told >= TICK_SECONDS:
            self._told = now
            self._context.report(self.done / max(self.total, 1), self._detail())

    def _detail(self) -> str:
        """How much came, and the note."""
        if not self.total:
            return self.note
        amount = amount_words(self.done, self.total)
        if not self.note:
            return amount
        return Message("{amount}, {note}", amount=amount, note=self.note)


@dataclass(frozen=True)
class Place:
    """Where a file lies in the hub's cache: its contents, their beginnings, its name."""

    blob: Path
    partial: Path
    named: Path

    def bytes_there(self, size: int) -> int:
        """Bytes of the file that are on the disk already, verified or not."""
        for path in (self.named, self.blob, self.partial):
            if path.is_file():
                return min(path.stat().st_size, size)
        return 0

    def keep(self) -> None:
        """The beginnings are all there is: give the contents their names."""
        self.partial.replace(self.blob)
        self.link()

    def link(self) -> None:
        """Give the contents their name: by a link, or themselves where links are not possible."""
        self.named.parent.mkdir(parents=True, exist_ok=True)
        self.named.unlink(missing_ok=True)
        try:
            self.named.symlink_to(os.path.relpath(self.blob, self.named.parent))
        except (OSError, NotImplementedError):
            self.blob.replace(self.named)


class Fetcher:
    """Brings files through a link; pauses: seconds before each new try."""

    def __init__(self, link: Link, meter: Meter, pauses: tuple[float, ...]) -> None:
        self._link = link
        self._meter = meter
        self._pauses = pauses

    def file_list(self) -> dict[str, Any]:
        """The hub's record of the repository; raises ModelError."""
        tries = 0
        while True:
            try:
                with closing(in_thread(self._link.file_list(), self._meter.tick)) as records:
                    return next(records)
            except NoAnswer as fault:
                tries = self._try_again(fault, tries)

    def fetch(self, file: RemoteFile, place: Place) -> str:
        """Bring a file to its place and return its SHA-256.

        What lies there already is taken where it is what the hub lists, and deleted where not. A
        file that doesn't fit is fetched once more. Raises ModelError or OSError.
        """
        digest = self._already_there(file, place)
        if digest is not None:
            return digest.sha256
        for _ in range(2):
            digest = self._transfer(file, place.partial)
            if digest.fits():
                place.keep()
                return digest.sha256
            place.partial.unlink()
            self._meter.done -= digest.length
        raise ModelError(
            "{file} of {label} came damaged from {host}, twice: check the network connection and "
            "press Download again.",
            file=file.name,
            label=self._link.spec.label,
            host=self._link.host,
        )

    def _already_there(self, file: RemoteFile, place: Place) -> Digest | None:
        for path in (place.named, place.blob):
            if not path.is_file():
                continue
            digest = Digest(file)
            if path.stat().st_size == file.size:
                with path.open("rb") as contents:
                    self._take(contents, digest)
            if digest.fits():
                if not place.named.is_file():
                    place.link()
                return digest
            self._meter.done -= digest.length
            path.unlink()
        return None

    def _transfer(self, file: RemoteFile, partial: Path) -> Digest:
        """Bring what is missing of a file; the digest is that of the whole file."""
        partial.touch()
        digest, tries = Digest(file), 0
        with partial.open("r+b") as out:
            self._take(out, digest)
            while digest.length < file.size:
                before = digest.length
                try:
                    self._receive(file, out, digest)
                except NoAnswer as fault:
                    went_well = digest.length - before >= _WORTH_ANOTHER_TRY
                    tries = self._try_again(fault, 0 if went_well else tries)
            out.flush()
            os.fsync(out.fileno())
        return digest

    def _receive(self, file: RemoteFile, out: BinaryIO, digest: Digest) -> None:
        """One request: append to `out` what comes; raises NoAnswer where it is not all."""
        pieces = self._link.file(file.name, digest.length, file.size)
        with closing(in_thread(pieces, self._meter.tick)) as received:
            for position, data in received:
                if position != digest.length:  # the server begins at the beginning
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
            raise self._link.cut()

    def _take(self, contents: BinaryIO, digest: Digest) -> None:
        """Hash what a file holds already."""
        self._meter.note = Message("checking")
        while data := contents.read(_CHUNK):
            digest.update(data)
            self._meter.done += len(data)
            self._meter.tick()
        self._meter.note = ""

    def _try_again(self, fault: NoAnswer, tries: int) -> int:
        """Wait before another try and return how many there were; raises ModelError after all."""
        if tries >= len(self._pauses):
            raise ModelError(fault.message) from fault
        self._meter.say(Message("no answer, trying again"))
        pause(self._pauses[tries], self._meter.tick)
        return tries + 1
