"""Which files a model consists of, according to the hub, and their expected sizes and hashes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ..common import model_store
from ..common.errors import ModelError
from ..common.registry import ModelSpec

UNUSABLE_LIST = (
    "{host} sent no usable list of the files of {label} ({error}): press Download again later."
)
NO_SAFETENSORS = (
    "{label} has no safetensors weights at {host}, and Make 4D loads no other format: choose "
    "another model."
)


@dataclass(frozen=True)
class RemoteFile:
    """A file of the repository.

    Attributes:
        name: Path within the repository, with forward slashes.
        size: Size in bytes.
        sha256: Hash of a file in large file storage (LFS), else empty.
        git_sha1: Git's blob hash, by which the hub identifies small files, else empty.
    """

    name: str
    size: int
    sha256: str
    git_sha1: str

    @property
    def etag(self) -> str:
        """Name of the file's contents in the hub's cache layout."""
        return self.sha256 or self.git_sha1


class Digest:
    """Running hashes of a file's bytes."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = file
        self.restart()

    def restart(self) -> None:
        """Discard the bytes so far."""
        self._sha256 = hashlib.sha256()
        start = f"blob {self._file.size}\0".encode()
        self._sha1 = hashlib.sha1(start, usedforsecurity=False)
        self.length = 0

    def update(self, data: bytes) -> None:
        """Add the next bytes."""
        self._sha256.update(data)
        if not self._file.sha256:
            self._sha1.update(data)
        self.length += len(data)

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes so far, in hexadecimal."""
        return self._sha256.hexdigest()

    def fits(self) -> bool:
        """Whether the bytes have the size and the hash that the hub lists."""
        if self.length != self._file.size:
            return False
        if self._file.sha256:
            return self.sha256 == self._file.sha256
        return self._sha1.hexdigest() == self._file.git_sha1


def repository_files(spec: ModelSpec, record: dict[str, Any], host: str) -> list[RemoteFile]:
    """Return the files of a model, smallest first.

    Args:
        spec: The model.
        record: The hub's record of its repository.
        host: The hub's name, for messages.

    Raises ModelError if the record is not one of the pinned revision, if a file lacks a hash or has
    a name that leads outside the folder, or if there are no safetensors weights.
    """
    try:
        if record["sha"] != spec.revision:
            raise ValueError("another revision")
        names = [s for s in record["siblings"] if model_store.is_needed(spec, s["rfilename"])]
        files = [_file(sibling) for sibling in names]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(UNUSABLE_LIST, host=host, label=spec.label, error=error) from error
    if not any(file.name.endswith(".safetensors") for file in files):
        raise ModelError(NO_SAFETENSORS, label=spec.label, host=host)
    return sorted(files, key=lambda file: (file.size, file.name))


def _file(sibling: dict[str, Any]) -> RemoteFile:
    """Return a file from its entry in the record; raise ValueError or KeyError if unusable."""
    name, lfs = str(sibling["rfilename"]), sibling.get("lfs")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or re.search(r'[\\:*?"<>|\0]', name):
        raise ValueError(f"a file called {name!r}")
    size = int(lfs["size"] if lfs else sibling["size"])
    sha256 = str(lfs["sha256"]) if lfs else ""
    git_sha1 = "" if lfs else str(sibling["blobId"])
    if size < 0 or not re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{40}", sha256 or git_sha1):
        raise ValueError(f"no hash of {name}")
    return RemoteFile(name, size, sha256, git_sha1)
