"""What the command prints: a line a stage, a bar on a terminal, none of Blender's own noise."""

from __future__ import annotations

import os
import sys
import time
from typing import Self

BAR = 24


class Console:
    """Prints progress to standard output while Blender's own lines go to standard error's log.

    Blender's C code prints a line a frame to file descriptor 1; that descriptor is pointed at the
    null device while the console is open, and progress goes through a copy of the real one.
    """

    def __init__(self) -> None:
        self._label = ""
        self._started = 0.0

    def __enter__(self) -> Self:
        sys.stdout.flush()
        self._real = os.dup(1)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
        self._out = os.fdopen(os.dup(self._real), "w", encoding="utf-8", errors="replace")
        self._tty = self._out.isatty()
        return self

    def __exit__(self, *exception: object) -> None:
        self._finish_line()
        self._out.close()
        sys.stdout.flush()
        os.dup2(self._real, 1)
        os.close(self._real)

    def progress(self, label: str, fraction: float) -> None:
        """Show that the step `label` is done to `fraction` (0..1)."""
        if label != self._label:
            self._finish_line()
            self._label, self._started = label, time.perf_counter()
        if self._tty:
            full = round(BAR * fraction)
            bar = "#" * full + "." * (BAR - full)
            self._out.write(f"\r{label:<26} [{bar}] {fraction:4.0%}")
            self._out.flush()

    def done(self, text: str) -> None:
        """Print the last line."""
        self._finish_line()
        self._out.write(f"{text}\n")
        self._out.flush()

    def error(self, sentence: str) -> None:
        """Print one sentence to standard error."""
        self._finish_line()
        print(f"make4d: {sentence}", file=sys.stderr, flush=True)

    def detail(self, text: str) -> None:
        """Print details of a failure to standard error where the user asked for them."""
        if text and os.environ.get("MAKE4D_DEBUG"):
            print(text, file=sys.stderr, flush=True)

    def _finish_line(self) -> None:
        if not self._label:
            return
        seconds = time.perf_counter() - self._started
        start = "\r" if self._tty else ""
        self._out.write(f"{start}{self._label:<26} {seconds:6.1f} s{' ' * BAR}".rstrip() + "\n")
        self._out.flush()
        self._label = ""
