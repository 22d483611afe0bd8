"""Where a frame's time goes: seconds by part, added up until they are taken."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

PARTS = ("read", "upload", "sort", "draw", "read back")
"""Parts of a frame within the engine; evaluating the scene and writing the file lie outside."""

_seconds: dict[str, float] = {}


@contextmanager
def part(name: str) -> Iterator[None]:
    """Count the time spent inside towards the part `name`."""
    start = time.perf_counter()
    try:
        yield
    finally:
        _seconds[name] = _seconds.get(name, 0.0) + time.perf_counter() - start


def taken() -> dict[str, float]:
    """Seconds by part since this was last asked."""
    result = dict(_seconds)
    _seconds.clear()
    return result
