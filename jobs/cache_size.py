"""The size of the stage caches: counted in a thread, cached for a few seconds."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import bpy

from ..geometry.folders import cache_folders
from ..ml.common.cache_files import cache_bytes
from .windows import redraw_preferences

CACHED_SECONDS = 10.0
POLL_SECONDS = 0.2


class Count:
    """A count of the bytes in some folders, which runs or is done."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self.folders, self.started = folders, time.monotonic()
        self.total: int | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait for the end of the count."""
        self._thread.join()

    def _run(self) -> None:
        self.total = sum(cache_bytes(folder) for folder in self.folders)


class CacheSize:
    """The size of the stage caches, as the preferences show it."""

    def __init__(self) -> None:
        self.counts: list[Count] = []
        """The newest count, and the one before it while the newest still runs."""
        self._timer = self.tick  # a timer is found again by this very object

    def known_bytes(self) -> int | None:
        """Return the last count in bytes; None during the first one.

        Never waits: where the last count is old a new one starts, and the preferences are redrawn
        when it is done.
        """
        folders = cache_folders()
        self.counts[:] = [count for count in self.counts if count.folders == folders]
        newest = self.counts[-1] if self.counts else None
        if newest is None or (
            newest.total is not None and time.monotonic() - newest.started > CACHED_SECONDS
        ):
            self.counts.append(Count(folders))
            if not bpy.app.timers.is_registered(self._timer):
                bpy.app.timers.register(self._timer, first_interval=POLL_SECONDS)
        totals = (count.total for count in reversed(self.counts))
        return next((total for total in totals if total is not None), None)

    def forget(self) -> None:
        """Count again at the next question."""
        self.counts.clear()

    def tick(self) -> float | None:
        """Redraw the preferences once the newest count is done, which ends the timer."""
        if self.counts and self.counts[-1].total is None:
            return POLL_SECONDS
        del self.counts[:-1]
        redraw_preferences()
        return None

    def close(self) -> None:
        """Stop the timer."""
        self.forget()
        if bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.unregister(self._timer)
