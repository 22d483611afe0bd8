"""The stage cache: named arrays of finished stages, found again by a hash of what made them.

A stage's folder appears by one rename, so a killed run leaves either the whole stage or nothing.
"""

from __future__ import annotations

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

from ..common.cache_files import SCRATCH, STAGE_FILE, folder_bytes, stage_folders

Arrays = dict[str, NDArray[Any]]
DEFAULT_LIMIT_BYTES = 4 << 30


def stage_key(name: str, code: str, settings: Mapping[str, Any], inputs: list[str]) -> str:
    """Hash of everything a stage's result depends on: the code, settings, inputs."""
    record = json.dumps([name, code, dict(settings), inputs], sort_keys=True)
    return hashlib.sha256(record.encode()).hexdigest()[:24]


def file_key(path: Path) -> str:
    """Hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:24]


def arrays_key(arrays: Arrays) -> str:
    """Hash of arrays, their names and shapes."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:24]


def code_key(*folders: Path) -> str:
    """Hash of all Python files in some folders: another release of the add-on starts afresh."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:24]


class StageCache:
    """A folder of finished stages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, name: str, key: str) -> Path:
        """Where the stage `name` with this key lies, or would lie."""
        return self.folder / f"{name}-{key}"

    def load(self, name: str, key: str) -> Arrays | None:
        """The arrays of a finished stage, or None where it has to be made (or is damaged)."""
        folder = self.path(name, key)
        if not folder.is_dir():
            return None
        try:
            arrays = {f.stem: np.load(f, allow_pickle=False) for f in sorted(folder.glob("*.npy"))}
            names = json.loads((folder / STAGE_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError, EOFError):
            shutil.rmtree(folder, ignore_errors=True)
            return None
        os.utime(folder)
        return arrays if sorted(names) == sorted(arrays) else None

    def store(self, name: str, key: str, arrays: Arrays) -> None:
        """Keep a finished stage; raises OSError where the disk is full or not writable."""
        scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=self.folder))
        try:
            for item, array in arrays.items():
                np.save(scratch / f"{item}.npy", array, allow_pickle=False)
            (scratch / STAGE_FILE).write_text(json.dumps(sorted(arrays)), encoding="utf-8")
            target = self.path(name, key)
            shutil.rmtree(target, ignore_errors=True)
            scratch.rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def prune(self, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        """Remove the stages unused for longest until the folder is within the limit."""
        stages = stage_folders(self.folder)
        stages.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
        total = 0
        for entry in stages:
            total += folder_bytes(entry)
            if total > limit_bytes:
                shutil.rmtree(entry, ignore_errors=True)
