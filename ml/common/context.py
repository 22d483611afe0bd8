"""What long work may ask of its surroundings: report progress, see a cancel, show a preview."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from ...geometry.core.camera import FloatArray


class JobCancelled(Exception):
    """Raised inside a stage when the artist cancelled the job."""


def _show_nothing(image: FloatArray) -> None:
    """Previews that nobody asked for."""


@dataclass(frozen=True)
class Context:
    """Handed to everything that takes long.

    on_progress takes the share (0..1) of the stage that is done and what it does just now, in a few
    words or none; is_cancelled tells whether the artist asked to stop; on_preview takes a small
    picture (h, w, 3), sRGB 0..1, of what is being made.
    """

    on_progress: Callable[[float, str], None]
    is_cancelled: Callable[[], bool]
    on_preview: Callable[[FloatArray], None] = _show_nothing

    def report(self, fraction: float, detail: str = "") -> None:
        """Report progress (0..1) of the stage; raises JobCancelled when the job was cancelled."""
        if self.is_cancelled():
            raise JobCancelled
        self.on_progress(min(max(fraction, 0.0), 1.0), detail)

    def part(self, start: float, end: float) -> Callable[[float], None]:
        """A report function for a piece of the stage that spans start..end of it."""
        return lambda fraction: self.report(start + (end - start) * fraction)

    def within(self, start: float, end: float) -> Self:
        """The context of a piece of the stage that spans start..end of it."""

        def on_progress(fraction: float, detail: str) -> None:
            self.on_progress(start + (end - start) * fraction, detail)

        return replace(self, on_progress=on_progress)
