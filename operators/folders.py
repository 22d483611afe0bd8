"""Where a job keeps its stage cache."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import bpy

BESIDE_BLEND = "make_4d_cache"


def cache_folder() -> Path:
    """The stage cache: beside the saved .blend, else in the user's own folder."""
    if bpy.data.filepath:
        return Path(bpy.data.filepath).parent / BESIDE_BLEND
    return user_cache_folder()


def output_folder() -> str:
    """Where films go, as Blender writes paths: beside the saved .blend, else a temporary folder."""
    return "//" if bpy.data.filepath else bpy.app.tempdir


def user_cache_folder() -> Path:
    """The stage cache of unsaved files and of the command line.

    The extension's own user folder; where the package runs without being installed as an
    extension, the system's cache folder for the user.
    """
    package = __package__.rpartition(".")[0]
    if package.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(package, path="cache", create=True))
    return system_cache_folder() / "make4d" / "stages"


def system_cache_folder() -> Path:
    """The folder that the operating system sets aside for caches of this user."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home())))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
