"""How long the window freezes: gaps between the ticks of a timer, and what ran in them."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import Counter

import bpy

TICK = 0.01
LONG = 0.03
"""Shorter gaps are ignored, in seconds."""
ADD_ON = "/make_4d/"
BLENDER, DRAWING = "Blender", "drawing"
ENGINE = "/make_4d/render/"
"""Its time is spent by the GPU, which a software renderer replaces here."""


class Freezes:
    """Measures freezes until it is closed; `own` is time of the test itself, which doesn't count.

    A second thread samples the main thread's Python stack every few milliseconds. The time between
    samples is assigned to the running function of the add-on, else to Blender.
    """

    def __init__(self) -> None:
        self.gaps: list[tuple[float, dict[str, float]]] = []
        self.own = 0.0
        self.spent: Counter[str] = Counter()
        self.last = time.perf_counter()
        self.is_open = True
        self.main = threading.get_ident()
        bpy.app.timers.register(self._tick, persistent=True)
        threading.Thread(target=self._watch, daemon=True).start()

    def close(self) -> dict[str, float | str]:
        """Stop measuring; returns the `summary`."""
        self.is_open = False
        return summary(self.gaps)

    def _tick(self) -> float | None:
        now = time.perf_counter()
        gap = now - self.last - self.own
        if gap > LONG:
            self.gaps.append((gap, dict(self.spent)))
        self.last, self.own, self.spent = now, 0.0, Counter()
        return TICK if self.is_open else None

    def _watch(self) -> None:
        before = time.perf_counter()
        while self.is_open:
            time.sleep(TICK / 2)
            now = time.perf_counter()
            frame = sys._current_frames().get(self.main)
            self.spent[runs(frame)] += now - before
            before = now


def runs(frame: object) -> str:
    """The add-on's function that runs in a stack frame, with its file; else drawing or Blender."""
    stack = traceback.extract_stack(frame) if frame is not None else []
    if any(ENGINE in entry.filename for entry in stack):
        return DRAWING
    own = [entry for entry in stack if ADD_ON in entry.filename]
    return f"{own[-1].name} ({own[-1].filename.rpartition('/')[2]})" if own else BLENDER


def summary(gaps: list[tuple[float, dict[str, float]]]) -> dict[str, float | str]:
    """The longest gap in milliseconds, and the gap with most time in the add-on's code."""
    longest = max((gap for gap, _ in gaps), default=0.0)
    times = [time_in_add_on(spent) for _, spent in gaps]
    added = max(times, default=(0.0, ""))
    drawn = max((spent.get(DRAWING, 0.0) for _, spent in gaps), default=0.0)
    return {
        "longest_ms": round(1000 * longest),
        "add_on_ms": round(1000 * added[0]),
        "add_on_in": added[1],
        "drawing_ms": round(1000 * drawn),
    }


def time_in_add_on(spent: dict[str, float]) -> tuple[float, str]:
    """Seconds in the add-on's code, and the function that took most of them."""
    own = {name: seconds for name, seconds in spent.items() if name not in (BLENDER, DRAWING)}
    return sum(own.values()), max(own, key=lambda name: own[name], default="")
