"""The cache folder on disk: its size, and clearing it.

It holds the finished stages of the stage cache, and the files that scenes refer to: editable images
and feature maps. This module needs nothing but Python, so that Blender can use it.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from ...geometry.core import editable_images, feature_files

STAGE_FILE = "stage.json"
"""Written last into a stage's folder; a folder that contains it is a finished stage."""
SCRATCH = ".new-"
"""Prefix of files and folders that are being written."""
SCENE_FOLDERS = (editable_images.FOLDER, "pictures", feature_files.FOLDER)
"""Folders with the files of scenes; `pictures` is the former name of `editable_images`."""
_SCENE_FILE = re.compile(r"([a-z0-9_]+-)?[0-9a-f]{24}\.(png|npz)")
_UNFINISHED = re.compile(rf"{re.escape(SCRATCH)}.*|.*\.part")
_UNFINISHED_SECONDS = 3600.0
"""Age after which a file or folder that is being written was left by a killed run."""


def stage_folders(folder: Path) -> list[Path]:
    """Return the folders of the finished stages in a cache, none if there is no cache."""
    return [path for path in _folders(folder) if (path / STAGE_FILE).is_file()]


def scene_files(folder: Path) -> list[Path]:
    """Return the editable images and feature maps of all scenes in a cache."""
    paths = (path for name in SCENE_FOLDERS for path in _files(folder / name))
    return [path for path in paths if _SCENE_FILE.fullmatch(path.name) or _is_left_over(path)]


def folder_bytes(folder: Path) -> int:
    """Return the bytes of the files directly in a folder."""
    return sum(_bytes(path) for path in _files(folder))


def modified_time(path: Path) -> float:
    """Return when a path was modified, in seconds; 0 if it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def cache_bytes(folder: Path) -> int:
    """Return the bytes of everything in a cache: stages and the files of scenes."""
    return sum(map(folder_bytes, _clearable(folder))) + scene_bytes(folder)


def scene_bytes(folder: Path) -> int:
    """Return the bytes of the files of scenes in a cache."""
    return sum(map(_bytes, scene_files(folder)))


def clear(folder: Path, in_use: Collection[Path] | None = None) -> int:
    """Remove all stages of a cache and what killed runs left; returns the bytes freed.

    What the cache didn't write stays, and so does what can't be removed.

    Args:
        folder: The cache.
        in_use: If given, the files of scenes are removed too, except for these paths, which open
            scenes refer to. Ask the artist first: a .blend that isn't open may refer to the
            others. It then loses its editable images, unless they are packed, and the render
            method Neural.
    """
    before = cache_bytes(folder)
    for path in _clearable(folder):
        shutil.rmtree(path, ignore_errors=True)
    if in_use is not None:
        kept = {path.resolve() for path in in_use}
        for path in scene_files(folder):
            if path.resolve() not in kept:
                _unlink(path)
    return before - cache_bytes(folder)


def _clearable(folder: Path) -> list[Path]:
    unfinished = [path for path in _folders(folder) if _is_left_over(path)]
    return [path for path in stage_folders(folder) + unfinished if _holds_only_arrays(path)]


def _is_left_over(path: Path) -> bool:
    age = time.time() - modified_time(path)
    return _UNFINISHED.fullmatch(path.name) is not None and age > _UNFINISHED_SECONDS


def _holds_only_arrays(folder: Path) -> bool:
    """Whether a folder contains only what the cache writes, nothing that somebody put there."""
    return all(path.suffix == ".npy" or path.name == STAGE_FILE for path in folder.iterdir())


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir() and not path.is_symlink()]


def _files(folder: Path) -> list[Path]:
    if folder.is_symlink():
        return []
    return [path for path in _entries(folder) if path.is_file() and not path.is_symlink()]


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())
    except OSError:  # absent, or removed meanwhile
        return


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # removed meanwhile
        return 0


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
