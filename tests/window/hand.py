"""A hand on the mouse and the keys of a Blender window.

Blender either takes events only as its own `event_simulate` puts them into the window's queue, or,
started without --enable-event-simulate, only from the screen, as xdotool sends them there. Every
method is a generator of seconds to wait, so that Blender handles one event before the next.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import bpy

PAUSE = 0.03
KEYS = {"RET": "Return", "ESC": "Escape", "TAB": "Tab", "UP_ARROW": "Up"}
"""xdotool's names of keys that Blender calls otherwise."""
BUTTONS = {"LEFTMOUSE": "1", "MIDDLEMOUSE": "2", "RIGHTMOUSE": "3"}
WHEELS = {"WHEELUPMOUSE": "4", "WHEELDOWNMOUSE": "5"}
MODIFIERS = ("ctrl", "shift", "alt")
Waits = Iterator[float]


class Hand:
    """Moves and presses in one window; positions are its pixels from the bottom left."""

    def __init__(self) -> None:
        self.number = 0
        self.x, self.y = self.window.width // 2, self.window.height // 2
        self.simulates = bpy.app.use_event_simulate

    @property
    def window(self) -> bpy.types.Window:
        """The window that the hand is in: the first one, or the dialog with the number set."""
        return bpy.context.window_manager.windows[self.number]

    def move(self, x: float, y: float, wait: float = PAUSE) -> Waits:
        """Put the pointer to a place."""
        self.x, self.y = round(x), round(y)
        if self.simulates:
            self._simulate("MOUSEMOVE", "NOTHING")
        else:
            self._xdotool("mousemove", *map(str, self.on_screen(self.x, self.y)))
        yield wait

    def press(self, button: str = "LEFTMOUSE", **modifiers: bool) -> Waits:
        """Press a mouse button and hold it."""
        yield from self._event(button, "PRESS", modifiers)

    def release(self, button: str = "LEFTMOUSE", **modifiers: bool) -> Waits:
        """Let a mouse button go."""
        yield from self._event(button, "RELEASE", modifiers)

    def click(self, x: float, y: float, button: str = "LEFTMOUSE") -> Waits:
        """Move there and click."""
        yield from self.move(x, y)
        yield from self.press(button)
        yield from self.release(button)

    def drag(self, places: list[tuple[float, float]], button: str = "LEFTMOUSE") -> Waits:
        """Press at the first place, move through the others, release at the last."""
        yield from self.move(*places[0])
        yield from self.press(button)
        for place in places[1:]:
            yield from self.move(*place)
        yield from self.release(button)

    def wheel(self, kind: str, times: int) -> Waits:
        """Turn the wheel where the pointer is: WHEELUPMOUSE or WHEELDOWNMOUSE."""
        for _ in range(times):
            if self.simulates:
                self._simulate(kind, "PRESS")
            else:
                self._xdotool("click", WHEELS[kind])
            yield PAUSE / 3

    def key(self, key: str, **modifiers: bool) -> Waits:
        """Press and release a key by Blender's name for it."""
        yield from self._event(key, "PRESS", modifiers)
        yield from self._event(key, "RELEASE", modifiers)

    def type(self, text: str) -> Waits:
        """Type a text."""
        if self.simulates:
            for letter in text:  # its key does not matter where a text is typed
                self._simulate("A", "PRESS", unicode=letter)
                self._simulate("A", "RELEASE")
        else:
            self._xdotool("type", "--delay", "20", text)
        yield PAUSE * 3

    def on_screen(self, x: int, y: int) -> tuple[int, int]:
        """Where a place of the window is on the screen, from its top left."""
        height = max(window.y + window.height for window in bpy.context.window_manager.windows)
        return self.window.x + x, height - self.window.y - y

    def _event(self, kind: str, value: str, modifiers: dict[str, bool]) -> Waits:
        if self.simulates:
            self._simulate(kind, value, **modifiers)
        else:
            self._send(kind, "down" if value == "PRESS" else "up", modifiers)
        yield PAUSE

    def _simulate(self, kind: str, value: str, **more: bool | str) -> None:
        self.window.event_simulate(type=kind, value=value, x=self.x, y=self.y, **more)

    def _send(self, kind: str, verb: str, modifiers: dict[str, bool]) -> None:
        held = [name for name in MODIFIERS if modifiers.get(name)]
        around = [word for name in held for word in (f"key{verb}", name)]
        is_button = kind in BUTTONS
        name = (
            BUTTONS[kind] if is_button else KEYS.get(kind, kind if len(kind) > 1 else kind.lower())
        )
        event = [f"mouse{verb}" if is_button else f"key{verb}", name]
        self._xdotool(*(around + event if verb == "down" else event + around))

    def _xdotool(self, *arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], check=True)
