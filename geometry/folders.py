"""Where things are kept: the stage cache, models, films."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy

from .preferences import preference

BESIDE_BLEND = "make_4d_cache"
PHOTOS = "photos"
"""Folder in it for copies of photos that go along with the .blend."""
_others: list[Path] = []


def cache_folder() -> Path:
    """The stage cache: the preference, else beside the saved .blend, else in the user's folder."""
    return cache_folders()[0]


def cache_folders() -> tuple[Path, ...]:
    """Where a scene's results may lie, first where new ones go: a preference may have been set
    since, or the file not been saved yet."""
    chosen = _chosen_cache()
    saved = bpy.data.filepath
    beside = Path(saved).parent / BESIDE_BLEND if saved else None
    places = (chosen, beside, own_cache_folder(), *_others)
    return tuple(dict.fromkeys(place for place in places if place is not None))


@contextmanager
def results_in(folder: Path) -> Iterator[None]:
    """Look for results in another stage cache too, for as long as the context lasts."""
    _others.append(folder)
    try:
        yield
    finally:
        _others.remove(folder)


def models_folder() -> Path:
    """Where downloaded models go: the preference, else the user's own folder."""
    chosen = str(preference("models_folder", ""))
    return Path(bpy.path.abspath(chosen)) if chosen else _user_folder("models")


def output_folder() -> str:
    """Where films go, as Blender writes paths: beside the saved .blend, else a temporary folder."""
    return "//" if bpy.data.filepath else bpy.app.tempdir


def user_cache_folder() -> Path:
    """The stage cache of unsaved files and of the command line: the preference, else the user's."""
    return _chosen_cache() or own_cache_folder()


def own_cache_folder() -> Path:
    """Return the cache folder of the extension, which can be written even if no other can."""
    return _user_folder("cache", "stages")


def log_folder() -> Path:
    """Where the log and the measured times lie; made where it is missing."""
    folder = _user_folder("log")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _chosen_cache() -> Path | None:
    """A folder of our own in the one of the preference, which may hold other things."""
    chosen = str(preference("cache_folder", ""))
    return Path(bpy.path.abspath(chosen)) / BESIDE_BLEND if chosen else None


def _user_folder(name: str, outside: str = "") -> Path:
    """A folder of the extension's own; where the package runs without being installed as an
    extension, one in the system's cache folder for the user, called `outside` there."""
    package = __package__.rpartition(".")[0]
    if package.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(package, path=name, create=True))
    return system_cache_folder() / "make4d" / (outside or name)


def system_cache_folder() -> Path:
    """The folder that the operating system sets aside for caches of this user."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home())))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
