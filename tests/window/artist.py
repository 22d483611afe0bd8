"""The simulated artist: a hand, eyes, waiting, and notes on what happened."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
from eyes import Eyes
from freeze import Freezes
from hand import Hand
from plan import PHOTO, SCREENSHOTS

MODULE = "bl_ext.user_default.make_4d"


class Skip(Exception):
    """A step can't be tried with this version of the add-on; the text says why."""


class Artist:
    """Everything that a step needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.photo = folder / PHOTO
        self.hand = Hand()
        (folder / SCREENSHOTS).mkdir(exist_ok=True)
        self.eyes = Eyes(self.hand, folder / SCREENSHOTS)
        self.freezes: Freezes | None = None
        self.known: dict[str, tuple[int, int]] = {}
        self.step = ""
        self.notes: dict[str, Any] = {}

    def note(self, name: str, text: Any) -> None:
        """Add a value to the record of this step."""
        self.notes[name] = text

    def screenshot(self, label: str = "") -> Path:
        """Take a screenshot, named after the step."""
        return self.eyes.screenshot(f"{self.step}-{label}" if label else self.step)

    def module(self, name: str) -> ModuleType:
        """A module of the installed add-on."""
        return sys.modules[f"{MODULE}.{name}"]

    @property
    def job(self) -> Any:
        """The running job, or None."""
        return self.module("jobs.manager").manager().current

    @property
    def settings(self) -> Any:
        """The scene settings."""
        return self.scene.make_4d

    @property
    def view(self) -> bpy.types.RegionView3D:
        """The viewport's view."""
        return self.eyes.area().spaces.active.region_3d

    @property
    def scene(self) -> bpy.types.Scene:
        """The scene that the window shows."""
        return bpy.context.window_manager.windows[0].scene

    def needs(self, operator: str) -> None:
        """Raise Skip unless the add-on has this operator."""
        if operator not in dir(bpy.ops.make_4d):
            raise Skip(f"there is no make_4d.{operator}")

    def wait_until(
        self, condition: Callable[[], Any], what: str, seconds: float = 20
    ) -> Iterator[float]:
        """Wait for a condition; raises TimeoutError that says what was waited for."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {seconds} s for {what}")
            yield 0.05

    def find(self, widget: str) -> Generator[float, None, tuple[int, int]]:
        """Find a widget in the sidebar, first where it was the last time.

        Raises LookupError if the sidebar doesn't show it.
        """
        position = self.known.get(widget)
        area = self.eyes.area()
        if not position or not (yield from self.eyes.is_at(area, "UI", position, widget)):
            position = yield from self.eyes.find_in_sidebar(widget)
        if position is None:
            raise LookupError(f"the sidebar shows no widget for {widget}")
        self.known[widget] = position
        return position

    def click_on(self, widget: str) -> Iterator[float]:
        """Click on a widget of the sidebar."""
        position = yield from self.find(widget)
        yield from self.hand.click(*position)
        yield 0.1

    def type_into(self, widget: str, text: str) -> Iterator[float]:
        """Click into a field of the sidebar, type, press Enter."""
        yield from self.click_on(widget)
        yield 0.2
        yield from self.hand.key("A", ctrl=True)
        yield from self.hand.type(text)
        yield from self.hand.key("RET")
        yield 0.2

    def middle(self) -> tuple[float, float]:
        """The middle of the visible part of the viewport, left of the sidebar."""
        area = self.eyes.area()
        region, sidebar = self.eyes.region(area), self.eyes.region(area, "UI")
        right = sidebar.x if sidebar.width > 1 else region.x + region.width
        return (region.x + right) / 2, region.y + region.height / 2

    def wait_for_the_job(self, seconds: float = 90) -> Iterator[float]:
        """Wait until a job has started and ended, and its result is in the file."""
        yield from self.wait_until(lambda: self.job is not None, "a job to start", 5)
        yield from self.wait_until(lambda: self.job is None, "the job to end", seconds)
        yield 1.5

    def close_dialogs(self) -> None:
        """Close every window but the first, as a window manager would."""
        self.hand.number = 0
        windows = bpy.context.window_manager.windows
        while len(windows) > 1:
            with bpy.context.temp_override(window=windows[-1]):
                bpy.ops.wm.window_close()

    def override(self) -> Any:
        """Override the context with the viewport, for what can't be done by mouse."""
        area = self.eyes.area()
        return bpy.context.temp_override(
            window=self.hand.window, area=area, region=self.eyes.region(area)
        )

    def orbit(self, seconds: float) -> Iterator[float]:
        """Orbit the view with the middle mouse button, back and forth."""
        x, y = self.middle()
        yield from self.hand.move(x, y)
        yield from self.hand.press("MIDDLEMOUSE")
        ends = time.monotonic() + seconds
        step = 0
        while time.monotonic() < ends:
            step += 1
            yield from self.hand.move(x + 60 - abs(step % 48 - 24) * 5, y + step % 7)
        yield from self.hand.release("MIDDLEMOUSE")
        yield 0.2
