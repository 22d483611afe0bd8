"""Which files a model is made of, by the hub's list, and what they must be."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ..common import model_store
from ..common.errors import ModelError
from ..common.registry import ModelSpec


@dataclass(frozen=True)
class RemoteFile:
    """A file of the repository.

    name: with slashes; size: bytes; sha256: of large files, else empty; git_sha1: git's hash of
    the blob, by which the hub knows small files, else empty.
    """

    name: str
    size: int
    sha256: str
    git_sha1: str

    @property
    def etag(self) -> str:
        """The name of the file's contents in the hub's cache."""
        return self.sha256 or self.git_sha1


class Digest:
    """Hashes of a file's bytes as they come."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = file
        self.restart()

    def restart(self) -> None:
        """Forget the bytes so far."""
        self._sha256 = hashlib.sha256()
        start = f"blob {self._file.size}\0".encode()
        self._sha1 = hashlib.sha1(start, usedforsecurity=False)
        self.length = 0

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._sha256.update(data)
        if not self._file.sha256:
            self._sha1.update(data)
        self.length += len(data)

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes so far, in hexadecimal."""
        return self._sha256.hexdigest()

    def fits(self) -> bool:
        """Whether these were the bytes that the hub lists."""
        if self.length != self._file.size:
            return False
        if self._file.sha256:
            return self.sha256 == self._file.sha256
        return self._sha1.hexdigest() == self._file.git_sha1


def wanted_files(spec: ModelSpec, record: dict[str, Any], host: str) -> list[RemoteFile]:
    """The files of a model in the hub's record of its repository, the small ones first.

    Raises ModelError where the record is not one of the pinned revision, a file has no hash to be
    known by or a name that leads elsewhere, or there are no weights among them.
    """
    try:
        if record["sha"] != spec.revision:
            raise ValueError("another revision")
        names = [s for s in record["siblings"] if model_store.is_wanted(spec, s["rfilename"])]
        files = [_file(sibling) for sibling in names]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            "{host} gives no usable list of the files of {label} ({error}): press Download again "
            "later.",
            host=host,
            label=spec.label,
            error=error,
        ) from error
    if not any(file.name.endswith(".safetensors") for file in files):
        raise ModelError(
            "{label} has no safetensors weights at {host}, and Make 4D loads no others: choose "
            "another model.",
            label=spec.label,
            host=host,
        )
    return sorted(files, key=lambda file: (file.size, file.name))


def _file(sibling: dict[str, Any]) -> RemoteFile:
    name, large = str(sibling["rfilename"]), sibling.get("lfs")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or re.search(r'[\\:*?"<>|\0]', name):
        raise ValueError(f"a file called {name!r}")
    size = int(large["size"] if large else sibling["size"])
    sha256 = str(large["sha256"]) if large else ""
    git_sha1 = "" if large else str(sibling["blobId"])
    if size < 0 or not re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{40}", sha256 or git_sha1):
        raise ValueError(f"no hash of {name}")
    return RemoteFile(name, size, sha256, git_sha1)
