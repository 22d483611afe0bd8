"""The artist who uses the add-on: a hand, eyes, patience, and a note of what happened."""

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
from plan import EDITABLE_IMAGES, PHOTO

MODULE = "bl_ext.user_default.make_4d"


class Skip(Exception):
    """A step can't be tried with this version of the add-on; its text tells why."""


class Artist:
    """Everything that a step needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.photo = folder / PHOTO
        self.hand = Hand()
        (folder / EDITABLE_IMAGES).mkdir(exist_ok=True)
        self.eyes = Eyes(self.hand, folder / EDITABLE_IMAGES)
        self.freezes: Freezes | None = None
        self.remembered: dict[str, tuple[int, int]] = {}
        self.step = ""
        self.notes: dict[str, Any] = {}

    def note(self, name: str, text: Any) -> None:
        """Keep something for the record of this step."""
        self.notes[name] = text

    def picture(self, label: str = "") -> Path:
        """A picture of the screen, named after the step."""
        return self.eyes.picture(f"{self.step}-{label}" if label else self.step)

    def module(self, name: str) -> ModuleType:
        """A module of the installed add-on."""
        return sys.modules[f"{MODULE}.{name}"]

    @property
    def job(self) -> Any:
        """The job that runs, or None."""
        return self.module("jobs.manager").manager().current

    @property
    def settings(self) -> Any:
        """What the sidebar sets."""
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
        self, is_so: Callable[[], Any], what: str, seconds: float = 20
    ) -> Iterator[float]:
        """Wait for something to be so; raises TimeoutError telling what was waited for."""
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {seconds} s for {what}")
            yield 0.05

    def find(self, wanted: str) -> Generator[float, None, tuple[int, int]]:
        """The place of a widget in the sidebar, as remembered where it is still there.

        Raises LookupError where there is none.
        """
        found = self.remembered.get(wanted)
        area = self.eyes.area()
        if not found or not (yield from self.eyes.is_at(area, "UI", found, wanted)):
            found = yield from self.eyes.find_in_sidebar(wanted)
        if found is None:
            raise LookupError(f"the sidebar shows no widget for {wanted}")
        self.remembered[wanted] = found
        return found

    def click_on(self, wanted: str) -> Iterator[float]:
        """Click on a widget of the sidebar."""
        place = yield from self.find(wanted)
        yield from self.hand.click(*place)
        yield 0.1

    def type_into(self, wanted: str, text: str) -> Iterator[float]:
        """Click into a field of the sidebar, type, press Enter."""
        yield from self.click_on(wanted)
        yield 0.2
        yield from self.hand.key("A", ctrl=True)
        yield from self.hand.type(text)
        yield from self.hand.key("RET")
        yield 0.2

    def middle(self) -> tuple[float, float]:
        """The middle of what the viewport shows, left of the sidebar."""
        area = self.eyes.area()
        region, sidebar = self.eyes.region(area), self.eyes.region(area, "UI")
        right = sidebar.x if sidebar.width > 1 else region.x + region.width
        return (region.x + right) / 2, region.y + region.height / 2

    def wait_for_the_job(self, seconds: float = 90) -> Iterator[float]:
        """Wait until a job has begun and ended, and its result is there."""
        yield from self.wait_until(lambda: self.job is not None, "a job to start", 5)
        yield from self.wait_until(lambda: self.job is None, "the job to end", seconds)
        yield 1.5

    def close_dialogs(self) -> None:
        """Close every window but the first, as the button of a window manager does."""
        self.hand.number = 0
        windows = bpy.context.window_manager.windows
        while len(windows) > 1:
            with bpy.context.temp_override(window=windows[-1]):
                bpy.ops.wm.window_close()

    def override(self) -> Any:
        """The viewport as context, for what has no way by mouse."""
        area = self.eyes.area()
        return bpy.context.temp_override(
            window=self.hand.window, area=area, region=self.eyes.region(area)
        )

    def orbit(self, seconds: float) -> Iterator[float]:
        """Turn the view with the middle mouse button, to and fro."""
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
