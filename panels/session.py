"""What the panels keep between redraws: facts about scenes and photos, icons, draw handlers.

The session is made at registration and lives on `bpy.types.WindowManager` until unregistration, as
the job manager does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, cast

import bpy
from bpy.utils import previews

from ..geometry.editable_images import Checksums

CACHED_SECONDS = 2.0
MAX_FACTS = 64
SCENE_EVENTS = ("depsgraph_update_post", "undo_post", "redo_post", "load_post")
"""Handlers after which facts about scenes may no longer be true."""
FILE_EVENTS = ("load_post", "save_post", "render_complete", "render_cancel")
"""Handlers after which facts about files may no longer be true."""


class Facts:
    """Facts that panels show, cached so that a redraw neither scans objects nor asks the disk.

    They are cleared when Blender reports a change. What it doesn't report (other programs, scripts
    that set values) is in the key where that is cheap, else noticed after `CACHED_SECONDS`.
    """

    def __init__(self) -> None:
        self._facts: dict[Hashable, tuple[float, Any]] = {}

    def get[T](self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the fact with this key, computed if it is not cached."""
        now = time.monotonic()
        known = self._facts.get(key)
        if known is not None and now - known[0] < CACHED_SECONDS:
            return cast(T, known[1])
        if len(self._facts) >= MAX_FACTS:
            self.clear()
        fact = compute()
        self._facts[key] = (now, fact)
        return fact

    def clear(self) -> None:
        """Compute all facts again at the next redraw."""
        self._facts.clear()


class PanelSession:
    """State of the panels.

    Attributes:
        scene_facts: What is known about scenes.
        file_facts: What is known about files.
        checksums: Checksums of the editable images.
        photos: Stamp of a photo's file by its path, and what was read of it (see `panels.photo`).
        photo_icons: Thumbnails of photos.
        turning: Names of the thumbnails that wait for a timer to turn them upright.
        job_icons: The icon of what a job is making.
        shown: Path of the preview file that this icon shows; empty for none.
        draw_handlers: Handlers that draw in the 3D Viewport.
    """

    def __init__(self) -> None:
        self.scene_facts = Facts()
        self.file_facts = Facts()
        self.checksums = Checksums()
        self.photos: dict[str, tuple[Hashable, Any]] = {}
        self.photo_icons = previews.new()
        self.turning: set[str] = set()
        self.job_icons = previews.new()
        self.shown = ""
        self.draw_handlers: list[Any] = []

    def close(self) -> None:
        """Remove the icons."""
        previews.remove(self.photo_icons)
        previews.remove(self.job_icons)


def session() -> PanelSession:
    """The panels' session; only while the add-on is registered."""
    return cast(PanelSession, bpy.types.WindowManager.make_4d_panels)


def is_registered() -> bool:
    """Whether there is a session: a timer may fire after the add-on was disabled."""
    return hasattr(bpy.types.WindowManager, "make_4d_panels")


@bpy.app.handlers.persistent
def scene_changed(*_: object) -> None:
    """Clear the facts about scenes."""
    session().scene_facts.clear()


@bpy.app.handlers.persistent
def file_changed(*_: object) -> None:
    """Clear the facts about files."""
    session().file_facts.clear()


HANDLERS = (
    *((event, scene_changed) for event in SCENE_EVENTS),
    *((event, file_changed) for event in FILE_EVENTS),
)


def register() -> None:
    """Make the session, and listen to changes."""
    bpy.types.WindowManager.make_4d_panels = PanelSession()
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).append(handler)


def unregister() -> None:
    """Stop listening, and remove the session."""
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).remove(handler)
    session().close()
    del bpy.types.WindowManager.make_4d_panels
