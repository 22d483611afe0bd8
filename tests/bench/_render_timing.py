"""Where a frame's time goes: functions of the render engine with a stopwatch around them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from importlib import import_module
from typing import Any
from unittest.mock import patch

TIMED = {
    "read": (("engine.extract", "visible_clouds"),),
    "upload": (
        ("point_store.PointStore", "update"),
        ("splat_pass.SplatPass", "__init__"),
    ),
    "sort": (
        ("nearest_pass.NearestPass", "_bin"),
        ("frame", "visible_points"),
        ("frame", "draw_order"),
    ),
    "draw": (
        ("nearest_pass.NearestPass", "_draw_image"),
        ("session", "finish"),
        ("splat_pass.SplatPass", "draw"),
    ),
    "read back": (
        ("draw", "read_passes"),
        ("engine", "_fill"),
    ),
}
"""Functions of `render` by part of a frame; evaluating the scene and writing the file are not."""


class Stopwatch:
    """Seconds by part, added up until they are taken."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the functions of `TIMED` that are called inside."""
        with ExitStack() as patches:
            for part, functions in TIMED.items():
                for owner, name in functions:
                    target = _resolved(owner)
                    timed = self._timed(part, getattr(target, name))
                    patches.enter_context(patch.object(target, name, timed))
            yield

    def taken(self) -> dict[str, float]:
        """Seconds by part since the last call."""
        result, self._seconds = self._seconds, {}
        return result

    def _timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.perf_counter() - start
                self._seconds[part] = self._seconds.get(part, 0.0) + spent

        return timed


def _resolved(owner: str) -> Any:
    """A module of `render`, or a member of one after a dot."""
    module, _, member = owner.partition(".")
    loaded = import_module(f"make_4d.render.{module}")
    return getattr(loaded, member) if member else loaded
