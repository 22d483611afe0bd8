"""The stage cache as folders on the disk: which are stages, how large they are, clearing them.

Apart from `cache`, so that Blender's side can show the size and clear it with nothing but Python.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

STAGE_FILE = "stage.json"
"""Written last into a stage's folder: what has it is a finished stage."""
SCRATCH = ".new-"
"""How the folders of stages that are being written begin."""
_LONG_SECONDS = 3600.0
"""A stage that is written for longer than this was left by a run that was killed."""


def stage_folders(folder: Path) -> list[Path]:
    """The folders of finished stages in a cache; none where there is no cache."""
    return [path for path in _folders(folder) if (path / STAGE_FILE).is_file()]


def folder_bytes(folder: Path) -> int:
    """Bytes of the files that lie in a folder itself."""
    try:
        return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    except OSError:  # removed meanwhile
        return 0


def cache_bytes(folder: Path) -> int:
    """Bytes that `clear` would free in a cache."""
    return sum(folder_bytes(path) for path in _clearable(folder))


def clear(folder: Path) -> int:
    """Remove all stages of a cache, and what was left of unfinished ones; returns bytes freed.

    Nothing else in the folder is touched: features that scenes paint with, files of others. What
    can't be removed stays.
    """
    before = cache_bytes(folder)
    for path in _clearable(folder):
        shutil.rmtree(path, ignore_errors=True)
    return before - cache_bytes(folder)


def _clearable(folder: Path) -> list[Path]:
    unfinished = [path for path in _folders(folder) if _is_left_over(path)]
    return [path for path in stage_folders(folder) + unfinished if _holds_arrays_alone(path)]


def _is_left_over(folder: Path) -> bool:
    age = time.time() - folder.stat().st_mtime
    return folder.name.startswith(SCRATCH) and age > _LONG_SECONDS


def _holds_arrays_alone(folder: Path) -> bool:
    """Whether a folder holds what the cache writes there and nothing that somebody put in it."""
    return all(path.suffix == ".npy" or path.name == STAGE_FILE for path in folder.iterdir())


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError:
        return []
