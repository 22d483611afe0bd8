"""What a running stage may ask of its surroundings: report progress, see a cancel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class JobCancelled(Exception):
    """Raised inside a stage when the artist cancelled the job."""


@dataclass(frozen=True)
class Context:
    """Handed to every stage.

    on_progress takes the share (0..1) of the stage that is done; is_cancelled tells whether the
    artist asked to stop.
    """

    on_progress: Callable[[float], None]
    is_cancelled: Callable[[], bool]

    def report(self, fraction: float) -> None:
        """Report progress (0..1) of the stage; raises JobCancelled when the job was cancelled."""
        if self.is_cancelled():
            raise JobCancelled
        self.on_progress(min(max(fraction, 0.0), 1.0))

    def part(self, start: float, end: float) -> Callable[[float], None]:
        """A report function for a piece of the stage that spans start..end of it."""
        return lambda fraction: self.report(start + (end - start) * fraction)
