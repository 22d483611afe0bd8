"""Folders of the stage cache, the models, the films and the log."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import bpy

from .preferences import preference

BESIDE_BLEND = "make_4d_cache"
"""Folder beside the .blend."""
PHOTOS = "photos"
"""Folder in it for copies of photos that are moved together with the .blend."""
_EXTRA: ContextVar[tuple[Path, ...]] = ContextVar("extra cache folders", default=())
"""Stage caches that are searched inside `results_in`."""


def cache_folder() -> Path:
    """Return the stage cache: the preference, or beside the saved .blend, or the user's folder."""
    return cache_folders()[0]


def cache_folders() -> tuple[Path, ...]:
    """Return the folders that may hold a scene's results; new results go to the first one.

    There are several because the preference may have been changed, or the file saved, since a
    result was stored.
    """
    chosen = _chosen_cache()
    saved = bpy.data.filepath
    beside = Path(saved).parent / BESIDE_BLEND if saved else None
    folders = (chosen, beside, own_cache_folder(), *_EXTRA.get())
    return tuple(dict.fromkeys(folder for folder in folders if folder is not None))


@contextmanager
def results_in(folder: Path) -> Iterator[None]:
    """Also search another stage cache for results inside the context."""
    token = _EXTRA.set((*_EXTRA.get(), folder))
    try:
        yield
    finally:
        _EXTRA.reset(token)


def models_folder() -> Path:
    """Return the folder of downloaded models: the preference, or the user's own folder."""
    chosen = str(preference("models_folder", ""))
    return Path(bpy.path.abspath(chosen)) if chosen else _user_folder("models")


def output_folder() -> str:
    """Return the folder of films as a Blender path: beside the saved .blend, or temporary."""
    return "//" if bpy.data.filepath else bpy.app.tempdir


def user_cache_folder() -> Path:
    """Return the stage cache of unsaved files and the command: the preference, or the user's."""
    return _chosen_cache() or own_cache_folder()


def own_cache_folder() -> Path:
    """Return the cache folder of the extension, which can be written even if no other can."""
    return _user_folder("cache", "stages")


def log_folder() -> Path:
    """Return the folder of the log and the measured times; it is created if it is missing."""
    folder = _user_folder("log")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _chosen_cache() -> Path | None:
    """Return our own folder inside the preference's, which may contain other files."""
    chosen = str(preference("cache_folder", ""))
    return Path(bpy.path.abspath(chosen)) / BESIDE_BLEND if chosen else None


def _user_folder(name: str, outside: str = "") -> Path:
    """Return a folder of the extension.

    If the package runs without being installed as an extension, it is in the system's cache folder
    of the user, where it is called `outside`.
    """
    package = __package__.rpartition(".")[0]
    if package.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(package, path=name))
    return system_cache_folder() / "make4d" / (outside or name)


def system_cache_folder() -> Path:
    """Return the operating system's folder for caches of this user."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home())))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
