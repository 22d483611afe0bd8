"""How large the stage caches are: counted beside Blender, remembered for a moment."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import bpy

from ..geometry.folders import cache_folders
from ..ml.common.cache_files import cache_bytes

REMEMBERED_SECONDS = 10.0
LOOK_SECONDS = 0.2


class _Count:
    """A count that runs or is done."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self.folders, self.asked = folders, time.monotonic()
        self.total: int | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.total = sum(cache_bytes(folder) for folder in self.folders)


_counts: list[_Count] = []
"""The newest count, and the one before it while the newest still runs."""


def known_bytes() -> int | None:
    """Bytes of the caches as they were lately; None while they are counted for the first time.

    Never waits: where the count is old a new one begins, and preferences are drawn when it is done.
    """
    folders = cache_folders()
    _counts[:] = [count for count in _counts if count.folders == folders]
    newest = _counts[-1] if _counts else None
    if newest is None or (
        newest.total is not None and time.monotonic() - newest.asked > REMEMBERED_SECONDS
    ):
        _counts.append(_Count(folders))
        if not bpy.app.timers.is_registered(_look):
            bpy.app.timers.register(_look, first_interval=LOOK_SECONDS)
    return next((count.total for count in reversed(_counts) if count.total is not None), None)


def forget() -> None:
    """Count anew at the next question."""
    _counts.clear()


def _look() -> float | None:
    if _counts and _counts[-1].total is None:
        return LOOK_SECONDS
    del _counts[:-1]
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()
    return None


def register() -> None:
    """Nothing is counted before somebody asks."""


def unregister() -> None:
    """Look no more."""
    forget()
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)
