"""The stage cache: named arrays of finished stages, found again by a hash of what made them.

A stage's folder appears by one rename, so a killed run leaves either the whole stage or nothing,
and several processes can share a cache.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.cache_files import SCRATCH, STAGE_FILE, folder_bytes, modified_time, stage_folders

Arrays = dict[str, NDArray[Any]]
DEFAULT_LIMIT_BYTES = 4 << 30
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
_OCCUPIED = (errno.EEXIST, errno.ENOTEMPTY)
_STORE_ATTEMPTS = 3


def stage_key(name: str, version: int, settings: Mapping[str, Any], inputs: list[str]) -> str:
    """Return a hash of everything a stage's result depends on.

    Args:
        name: Name of the stage.
        version: Version of the stage (see `ml.stages.stage.Stage`).
        settings: The settings that it declares, JSON values by name.
        inputs: Keys of the stages it needs and of the files and models it reads.
    """
    record = json.dumps([name, version, dict(settings), inputs], sort_keys=True)
    return hashlib.sha256(record.encode()).hexdigest()[:24]


def file_key(path: Path) -> str:
    """Return a hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:24]


def arrays_key(arrays: Arrays) -> str:
    """Return a hash of arrays, their names and shapes."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:24]


class StageCache:
    """A folder of finished stages.

    A folder that can't be written, such as one shared by a render farm, is only read.
    """

    def __init__(self, folder: Path) -> None:
        """Open a cache; raises OSError if the folder isn't there and can't be created."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.is_writable = _is_writable(folder)

    def path(self, name: str, key: str) -> Path:
        """Return the folder of the stage `name` with this key, whether or not it is there."""
        return self.folder / f"{name}-{key}"

    def load(self, name: str, key: str) -> Arrays | None:
        """Return the arrays of a finished stage, None if it is absent or damaged."""
        folder = self.path(name, key)
        if not folder.is_dir():
            return None
        try:
            arrays = {f.stem: np.load(f, allow_pickle=False) for f in sorted(folder.glob("*.npy"))}
            names = json.loads((folder / STAGE_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError, EOFError):
            names, arrays = None, {}
        if names is None or sorted(names) != sorted(arrays):
            self._remove(folder)
            return None
        with contextlib.suppress(OSError):  # of a cache that is only read
            os.utime(folder)
        return arrays

    def store(self, name: str, key: str, arrays: Arrays) -> None:
        """Keep a finished stage, unless the cache is only read or has it already.

        Raises OSError if the disk is full.
        """
        if not self.is_writable:
            return
        scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=self.folder))
        try:
            for item, array in arrays.items():
                np.save(scratch / f"{item}.npy", array, allow_pickle=False)
            (scratch / STAGE_FILE).write_text(json.dumps(sorted(arrays)), encoding="utf-8")
            self._publish(scratch, name, key)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def prune(self, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        """Remove the stages unused for longest until the folder is within the limit."""
        if not self.is_writable:
            return
        total = 0
        for entry in sorted(stage_folders(self.folder), key=modified_time, reverse=True):
            total += folder_bytes(entry)
            if total > limit_bytes:
                self._remove(entry)

    def _publish(self, scratch: Path, name: str, key: str) -> None:
        """Put a written stage in its place; the stage that another process put there stays."""
        for _ in range(_STORE_ATTEMPTS):
            try:
                scratch.rename(self.path(name, key))
                return
            except OSError as error:
                if error.errno not in _OCCUPIED:
                    raise
            if self.load(name, key) is not None:
                return
        # Somebody removes and writes it at the same time: the next run finds it or makes it again.

    def _remove(self, folder: Path) -> None:
        if self.is_writable:
            shutil.rmtree(folder, ignore_errors=True)


def _is_writable(folder: Path) -> bool:
    """Whether files can be written into a folder: permissions alone don't tell on all systems."""
    try:
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder):
            return True
    except OSError as error:
        if error.errno in _READ_ONLY:
            return False
        raise
