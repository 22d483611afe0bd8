"""Operators that watch a task from a timer, so that Blender stays alive."""

from __future__ import annotations

import bpy


class Watching:
    """Mixed into an operator: a timer whose ticks reach its `modal`."""

    _timer: bpy.types.Timer | None = None

    def watch(self, context: bpy.types.Context, seconds: float) -> set[str]:
        """Have `modal` called every so many seconds; what `invoke` or `execute` returns."""
        manager = context.window_manager
        self._timer = manager.event_timer_add(seconds, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def stop_watching(self, context: bpy.types.Context) -> None:
        """Remove the timer; may be called more than once."""
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
