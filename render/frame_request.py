"""What one frame has to show: view, passes and background."""

from __future__ import annotations

from dataclasses import dataclass

from ..geometry.core.render_passes import PASSES, RenderPass
from ..geometry.core.splat import LEAST_FALLOFF, MIN_RADIUS_PX
from .channels import Channel, channels_of
from .view import View

FULL_COVERAGE = 0.05
"""Accumulated alpha above which a pixel of an opaque film shows no background."""


@dataclass(frozen=True)
class DiscRule:
    """Where the engine's discs differ from the paper's.

    Attributes:
        min_radius: smallest radius of a disc, in pixels (0 in the paper).
        least_falloff: a pixel is hit where 1 - d^2 / r^2 exceeds this (0 in the paper).
    """

    min_radius: float = MIN_RADIUS_PX
    least_falloff: float = LEAST_FALLOFF


ENGINE_RULE = DiscRule()


@dataclass(frozen=True)
class FrameRequest:
    """A frame to draw.

    Attributes:
        view: camera and image size.
        pass_names: names of the render passes to return.
        background: scene-linear color behind the points; None for a transparent film.
        nearest: number K of discs that are composited in a pixel.
        rule: size of the discs.
    """

    view: View
    pass_names: frozenset[str]
    background: tuple[float, float, float] | None
    nearest: int
    rule: DiscRule = ENGINE_RULE

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the image."""
        return self.view.height, self.view.width

    @property
    def passes(self) -> tuple[RenderPass, ...]:
        """The requested passes in the order of the table."""
        return tuple(each for each in PASSES if each.name in self.pass_names)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What has to be composited per pixel besides the color."""
        return channels_of(self.passes)
