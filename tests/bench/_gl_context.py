"""An OpenGL context without a display, and a meter of its GPU's time."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from ctypes.util import find_library
from typing import Any

import moderngl

GL_VERSION = 450
SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swiftshader", "software")
"""Words in the names of renderers without a GPU."""
MOST_DEVICES = 16


class NoContextError(Exception):
    """No OpenGL here can run the shaders; the text is one sentence."""


def open_context(device: int | None = None) -> moderngl.Context:
    """An OpenGL 4.5 context that needs no display; raises NoContextError.

    device: number of the EGL device (Linux); None for the first GPU, or else the first device that
        can be opened.
    """
    if not sys.platform.startswith("linux"):
        return _created({})
    context, reason = None, None
    for number in range(MOST_DEVICES) if device is None else [device]:
        try:
            tried = _created({"backend": "egl", "device_index": number})
        except NoContextError as error:
            reason = reason or error
            continue
        if not is_software(tried):
            return tried
        context = context or tried
    if context is None:
        assert reason is not None
        raise reason
    return context


def _created(options: dict[str, Any]) -> moderngl.Context:
    if "backend" in options:  # also finds libraries without development files
        options["libegl"] = find_library("EGL") or "libEGL.so.1"
        options["libgl"] = find_library("GL") or find_library("OpenGL") or "libGL.so.1"
    try:
        context = moderngl.create_context(require=GL_VERSION, standalone=True, **options)
    except Exception as error:  # glcontext raises plain exceptions
        raise NoContextError(f"There is no OpenGL 4.5 here: {error}.") from error
    context.gc_mode = "auto"
    return context


def is_software(context: moderngl.Context) -> bool:
    """Whether the context draws on the CPU."""
    return any(name in context.info["GL_RENDERER"].lower() for name in SOFTWARE)


class Meter:
    """Seconds of GPU time by shader, between `start` and `taken`."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context, self._software = context, is_software(context)
        self._measured: list[tuple[object, Any]] | None = None

    def start(self) -> None:
        """Start measuring."""
        self._measured = []

    @contextmanager
    def measuring(self, worker: object) -> Iterator[None]:
        """Measure what is started inside, by the GPU's clock or, without a GPU, by the CPU's."""
        if self._measured is None:
            yield
            return
        if self._software:
            self._context.finish()
        query = None if self._software else self._context.query(time=True)
        begun = time.perf_counter()
        with query or nullcontext():
            yield
        if self._software:
            self._context.finish()
        self._measured.append((worker, query or time.perf_counter() - begun))

    def taken(self) -> list[tuple[object, float]]:
        """Stop measuring; returns the workers and their seconds, in order."""
        measured, self._measured = self._measured or [], None
        return [(w, t if isinstance(t, float) else t.elapsed * 1e-9) for w, t in measured]
