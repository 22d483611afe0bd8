"""What must happen when a file is saved: painted images are packed, relative paths stay valid.

Blender adapts the relative paths of its own data-blocks to the folder of the saved file, but not
those of properties that an add-on registers.
"""

from __future__ import annotations

import os
from pathlib import Path

import bpy

from .editable_images import pack_edited_images
from .motion_regions import pack_painted_regions

PATHS = ("photo", "networks")
"""Scene settings that are paths and may be relative to the .blend."""


@bpy.app.handlers.persistent
def before_save(filepath: str, _: object = None) -> None:
    """Pack what was painted, and make paths relative to the file that is being saved."""
    pack_painted_regions()
    pack_edited_images()
    rebase_paths(bpy.data.filepath, filepath)


@bpy.app.handlers.persistent
def after_save(filepath: str, _: object = None) -> None:
    """Make paths relative to the open file again: after a copy was saved, or saving failed."""
    rebase_paths(filepath, bpy.data.filepath)


def rebase_paths(before: str, after: str) -> None:
    """Make relative paths of the scenes' settings, so far relative to one .blend, relative to
    another; absolute where that one is on another drive. Does nothing for a file without a path.
    """
    if not before or not after or Path(before).parent == Path(after).parent:
        return
    for scene in bpy.data.scenes:
        for name in PATHS if scene.library is None else ():
            path = getattr(scene.make_4d, name)
            if path.startswith("//"):
                setattr(scene.make_4d, name, _rebased(path, before, after))


def _rebased(path: str, before: str, after: str) -> str:
    absolute = bpy.path.abspath(path, start=str(Path(before).parent))
    try:
        return bpy.path.relpath(absolute, start=str(Path(after).parent))
    except ValueError:  # there is no relative path between two drives of Windows
        return os.path.normpath(absolute)


def register() -> None:
    """Add the handlers."""
    bpy.app.handlers.save_pre.append(before_save)
    bpy.app.handlers.save_post.append(after_save)
    bpy.app.handlers.save_post_fail.append(after_save)


def unregister() -> None:
    """Remove the handlers."""
    bpy.app.handlers.save_post_fail.remove(after_save)
    bpy.app.handlers.save_post.remove(after_save)
    bpy.app.handlers.save_pre.remove(before_save)
