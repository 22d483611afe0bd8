"""The driver inside Blender: performs the steps as an artist would, and writes a record.

A timer advances generators that yield seconds to wait, so that Blender handles events and draws
between any two actions. Every step has a time limit. Its error, notes and duration are recorded,
with a screenshot at its end. Blender quits after the last step.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).parent))

import editing
import filing
import installing
import looking
import making
import painting
from artist import Artist, Skip
from plan import NEEDED, RECORD, SKIPPED, STEPS, packages_folder

# Last on the path: what the Blender has itself comes first.
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
sys.path.append(str(Path(__file__).parents[1] / packages_folder(PYTHON)))
MODULES = (installing, making, editing, painting, filing, looking)
FIRST_WAIT = 2.0


class Driver:
    """Performs the steps."""

    def __init__(self, folder: Path) -> None:
        self.record: dict[str, dict[str, Any]] = {}
        self.file = folder / RECORD
        self.artist = Artist(folder)
        self.waits = self.play()

    def tick(self) -> float | None:
        """Perform one action; returns the seconds until the next, None to end the timer."""
        started = time.perf_counter()
        try:
            wait = next(self.waits, None)
        except BaseException:
            self.file.with_suffix(".log").write_text(traceback.format_exc())
            wait = None
        if wait is None:
            bpy.ops.wm.quit_blender()
            return None
        if self.artist.freezes is not None:
            self.artist.freezes.own += time.perf_counter() - started
        return wait

    def play(self) -> Iterator[float]:
        """Perform all steps in order."""
        for number, name in enumerate(STEPS, 1):
            self.artist.step, self.artist.notes = f"{number:02d}-{name}", {}
            yield from self.perform(name)
            self.file.write_text(json.dumps(self.record, indent=1))
            if name in NEEDED and self.record[name]["error"]:
                return

    def perform(self, name: str) -> Iterator[float]:
        """Perform one step, to its end, an error, or its time limit."""
        started, error = time.monotonic(), ""
        try:
            for wait in function_of(name)(self.artist):
                yield wait
                if time.monotonic() - started > STEPS[name]:
                    raise TimeoutError(f"the step takes longer than {STEPS[name]} s")
        except Skip as skip:
            error = f"{SKIPPED}{skip}"
        except Exception:
            error = traceback.format_exc()
        seconds = round(time.monotonic() - started, 1)
        self.record[name] = {"seconds": seconds, "notes": self.artist.notes, "error": error}
        self.artist.screenshot("failed" if error else "")
        yield 0.1


def function_of(name: str) -> Callable[[Artist], Iterator[float]]:
    """The function of a step."""
    return next(getattr(module, name) for module in MODULES if hasattr(module, name))


driver = Driver(Path(__file__).resolve().parent.parent)
bpy.app.timers.register(driver.tick, first_interval=FIRST_WAIT, persistent=True)
