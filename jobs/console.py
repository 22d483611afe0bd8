"""The output of the command: one line per stage, and a progress bar on a terminal."""

from __future__ import annotations

import os
import sys
import time
from typing import Self, TextIO

BAR = 24
STREAMS = (1, 2)
DEBUG = "MAKE4D_DEBUG"
"""Environment variable that also shows Blender's own output and the details of failures."""


class Console:
    """Prints progress to standard output and errors to standard error, and silences Blender.

    Blender's C code and the graphics driver print to file descriptors 1 and 2. While the console is
    open, these lead to the null device, and the console prints to copies of the real ones.
    """

    def __init__(self) -> None:
        self._label = ""
        self._started = 0.0
        self._debug = bool(os.environ.get(DEBUG))

    def __enter__(self) -> Self:
        sys.stdout.flush()
        sys.stderr.flush()
        self._real = [os.dup(stream) for stream in STREAMS]
        self._out, self._err = (_writer(stream) for stream in self._real)
        if not self._debug:
            null = os.open(os.devnull, os.O_WRONLY)
            for stream in STREAMS:
                os.dup2(null, stream)
            os.close(null)
        self._tty = self._out.isatty()
        return self

    def __exit__(self, *exception: object) -> None:
        self._finish_line()
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, real, writer in zip(STREAMS, self._real, (self._out, self._err), strict=True):
            writer.close()
            os.dup2(real, stream)
            os.close(real)

    def progress(self, label: str, fraction: float) -> None:
        """Show the progress of a step, 0 to 1."""
        if label != self._label:
            self._finish_line()
            self._label, self._started = label, time.perf_counter()
        if self._tty:
            full = round(BAR * fraction)
            bar = "#" * full + "." * (BAR - full)
            self._out.write(f"\r{label:<26} [{bar}] {fraction:4.0%}")
            self._out.flush()

    def done(self, text: str) -> None:
        """Print a line."""
        self._finish_line()
        self._out.write(f"{text}\n")
        self._out.flush()

    def error(self, message: str) -> None:
        """Print a sentence to standard error."""
        self._finish_line()
        print(f"make4d: {message}", file=self._err, flush=True)

    def detail(self, text: str) -> None:
        """Print the details of a failure to standard error if the user wants them (see DEBUG)."""
        if text and self._debug:
            print(text, file=self._err, flush=True)

    def _finish_line(self) -> None:
        if not self._label:
            return
        seconds = time.perf_counter() - self._started
        start = "\r" if self._tty else ""
        self._out.write(f"{start}{self._label:<26} {seconds:6.1f} s{' ' * BAR}".rstrip() + "\n")
        self._out.flush()
        self._label = ""


def _writer(stream: int) -> TextIO:
    return os.fdopen(os.dup(stream), "w", encoding="utf-8", errors="replace")
