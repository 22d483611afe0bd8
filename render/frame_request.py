"""What is asked of one frame: the view, the passes and the background."""

from __future__ import annotations

from dataclasses import dataclass

from ..geometry.core.splat import LEAST_FALLOFF, MIN_RADIUS_PX
from .view import View

FULL_COVERAGE = 0.05
"""Accumulated alpha from which a pixel of an opaque film shows no background."""
NO_DEPTH = 1e10
"""Depth where nothing is, as in Blender's own engines."""
NO_LAYER = -1.0
"""Layer index where nothing is."""


@dataclass(frozen=True)
class DiscRule:
    """Where the engine departs from the paper's discs: the least radius in pixels that they have,
    and the falloff 1 - d^2 / r^2 that counts as a hit at all."""

    min_radius: float = MIN_RADIUS_PX
    least_falloff: float = LEAST_FALLOFF


OUR_RULE = DiscRule()
PAPER_RULE = DiscRule(0.0, 0.0)


@dataclass(frozen=True)
class FrameRequest:
    """A frame to draw through `view`.

    passes: names of render passes; background: scene-linear color behind the points, None for a
    transparent film; nearest: number K of discs that count in a pixel; rule: how large they are.
    """

    view: View
    passes: frozenset[str]
    background: tuple[float, float, float] | None
    nearest: int
    rule: DiscRule = OUR_RULE

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
