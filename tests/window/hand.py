"""The hand of the simulated artist, on the mouse and keyboard of a Blender window.

Started with --enable-event-simulate, Blender takes events only from `event_simulate`; otherwise
only from the screen, where xdotool sends them. Every method is a generator that yields seconds to
wait, so that Blender handles one event before the next.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import bpy

PAUSE = 0.03
KEYS = {"RET": "Return", "ESC": "Escape", "TAB": "Tab", "UP_ARROW": "Up"}
"""xdotool's names of keys, where they differ from Blender's."""
BUTTONS = {"LEFTMOUSE": "1", "MIDDLEMOUSE": "2", "RIGHTMOUSE": "3"}
WHEELS = {"WHEELUPMOUSE": "4", "WHEELDOWNMOUSE": "5"}
MODIFIERS = ("ctrl", "shift", "alt")
Waits = Iterator[float]


class Hand:
    """Moves and presses in one window; positions are in pixels from its bottom left."""

    def __init__(self) -> None:
        self.number = 0
        self.x, self.y = self.window.width // 2, self.window.height // 2
        self.simulates = bpy.app.use_event_simulate

    @property
    def window(self) -> bpy.types.Window:
        """The window that the hand is in: the first one, or a dialog, by `number`."""
        return bpy.context.window_manager.windows[self.number]

    def move(self, x: float, y: float, wait: float = PAUSE) -> Waits:
        """Move the pointer to a position."""
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
        """Release a mouse button."""
        yield from self._event(button, "RELEASE", modifiers)

    def click(self, x: float, y: float, button: str = "LEFTMOUSE") -> Waits:
        """Move there and click."""
        yield from self.move(x, y)
        yield from self.press(button)
        yield from self.release(button)

    def drag(self, positions: list[tuple[float, float]], button: str = "LEFTMOUSE") -> Waits:
        """Press at the first position, move through the others, release at the last."""
        yield from self.move(*positions[0])
        yield from self.press(button)
        for position in positions[1:]:
            yield from self.move(*position)
        yield from self.release(button)

    def wheel(self, kind: str, times: int) -> Waits:
        """Turn the wheel at the pointer: WHEELUPMOUSE or WHEELDOWNMOUSE."""
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
            for letter in text:  # the key doesn't matter in a text field
                self._simulate("A", "PRESS", unicode=letter)
                self._simulate("A", "RELEASE")
        else:
            self._xdotool("type", "--delay", "20", text)
        yield PAUSE * 3

    def on_screen(self, x: int, y: int) -> tuple[int, int]:
        """The screen position, from its top left, of a position in the window."""
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
