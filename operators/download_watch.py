"""Downloads are looked after from a timer that outlives files, scenes and windows."""

from __future__ import annotations

import bpy

from ..jobs import model_states, running
from ..jobs.redraw import redraw_sidebars
from ..ml.common.protocol import Cancelled, Done, Failed

POLL_SECONDS = 0.2
type Ended = Done | Failed | Cancelled
_shown: dict[str, str] = {}
"""What the panel shows of every download."""


def watch() -> None:
    """Look after all downloads to their ends."""
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=POLL_SECONDS, persistent=True)


def tick() -> float | None:
    """Take in what the workers say; ends the timer when nothing is on its way."""
    for key, going in list(running.downloads.items()):
        ended = going.poll() if going.task is not None else None
        if ended is not None:
            conclude(key, ended)
    _show_what_changed()
    is_any = any(going.task is not None for going in running.downloads.values())
    return POLL_SECONDS if is_any else None


def conclude(key: str, ended: Ended) -> str:
    """End a download's process; returns the sentence on why it failed, empty where it did not."""
    failure = ended.message if isinstance(ended, Failed) else ""
    running.end_download(key, failure)
    model_states.forget()
    return failure


def _show_what_changed() -> None:
    """Draw the sidebars again where they would show something else."""
    state = {
        key: f"{going.fraction:.0%} {going.detail} {going.failure}"
        for key, going in running.downloads.items()
    }
    if state != _shown:
        _shown.clear()
        _shown.update(state)
        redraw_sidebars()


def register() -> None:
    """Nothing runs before the first download."""


def unregister() -> None:
    """Stop looking; `job_queue` ends the processes."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
