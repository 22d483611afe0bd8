"""Where things are kept: the stage cache, models, films."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import bpy

from .preferences import stored

BESIDE_BLEND = "make_4d_cache"


def cache_folder() -> Path:
    """The stage cache: beside the saved .blend, else in the user's own folder."""
    if bpy.data.filepath:
        return Path(bpy.data.filepath).parent / BESIDE_BLEND
    return user_cache_folder()


def cache_folders() -> tuple[Path, ...]:
    """Where a scene's results may lie: its own cache, then the one of when it wasn't saved yet."""
    return tuple(dict.fromkeys((cache_folder(), user_cache_folder())))


def models_folder() -> Path:
    """Where downloaded models go: the preference, else the user's own folder."""
    chosen = str(stored("models_folder", ""))
    return Path(bpy.path.abspath(chosen)) if chosen else _user_folder("models")


def output_folder() -> str:
    """Where films go, as Blender writes paths: beside the saved .blend, else a temporary folder."""
    return "//" if bpy.data.filepath else bpy.app.tempdir


def user_cache_folder() -> Path:
    """The stage cache of unsaved files and of the command line."""
    return _user_folder("cache", "stages")


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
