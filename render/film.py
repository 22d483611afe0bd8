"""What is asked of one frame: the view, the passes and the background."""

from __future__ import annotations

from dataclasses import dataclass

from .view import View

FULL_COVERAGE = 0.05
"""Accumulated alpha from which a pixel of an opaque film shows no background."""
NO_DEPTH = 1e10
"""Depth where nothing is, as in Blender's own engines."""
NO_LAYER = -1.0
"""Layer index where nothing is."""


@dataclass(frozen=True)
class Film:
    """A frame to draw through `view`.

    passes: names of render passes; background: scene-linear colour behind the points, None for a
    transparent film; nearest: number K of discs that count in a pixel.
    """

    view: View
    passes: frozenset[str]
    background: tuple[float, float, float] | None
    nearest: int

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the picture."""
        return self.view.height, self.view.width

    @property
    def position(self) -> bool:
        """Whether positions are asked for."""
        return "Position" in self.passes

    @property
    def vector(self) -> bool:
        """Whether motion vectors are asked for."""
        return "Vector" in self.passes
