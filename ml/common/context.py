"""What long-running code gets from its caller: progress, cancel and preview callbacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from ...geometry.core.camera import FloatArray


class JobCancelled(Exception):
    """Raised inside a stage when the artist canceled the job."""


def _show_nothing(image: FloatArray) -> None:
    """Ignore a preview."""


@dataclass(frozen=True)
class Context:
    """Passed to everything that takes long.

    Attributes:
        on_progress: Takes the finished fraction (0..1) of the stage and what it is doing, in a few
            words or empty.
        is_cancelled: Whether the artist canceled the job.
        on_preview: Takes a small image (h, w, 3), sRGB 0..1, of what is being computed.
    """

    on_progress: Callable[[float, str], None]
    is_cancelled: Callable[[], bool]
    on_preview: Callable[[FloatArray], None] = _show_nothing

    def report(self, fraction: float, detail: str = "") -> None:
        """Report progress (0..1) of the stage; raises JobCancelled if the job was canceled."""
        if self.is_cancelled():
            raise JobCancelled
        self.on_progress(min(max(fraction, 0.0), 1.0), detail)

    def part(self, start: float, end: float) -> Callable[[float], None]:
        """Return a report function for the part of the stage from start to end (0..1)."""
        return lambda fraction: self.report(start + (end - start) * fraction)

    def within(self, start: float, end: float) -> Self:
        """Return a context for the part of the stage from start to end (0..1)."""

        def on_progress(fraction: float, detail: str) -> None:
            self.on_progress(start + (end - start) * fraction, detail)

        return replace(self, on_progress=on_progress)
