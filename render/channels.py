"""The channels of a frame: what is composited per pixel besides the color.

They follow from the requested passes (`geometry/core/render_passes.py`), for the shaders as for the
numpy renderer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..geometry.core.render_passes import DERIVED, Blend, RenderPass


@dataclass(frozen=True)
class Channel:
    """A value that is composited per pixel, with the alpha of the points.

    Attributes:
        source: a point attribute, or an item of `render_passes.DERIVED`.
        blend: how the points of a pixel combine.
        width: number of scalars.
    """

    source: str
    blend: Blend
    width: int = 1

    @property
    def is_attribute(self) -> bool:
        """Whether the source is a point attribute."""
        return self.source not in DERIVED


DISPARITY = Channel("disparity", Blend.MEAN)
"""Always the first channel: the symmetric mix of forward and backward images is weighted by it."""


def channels_of(passes: Sequence[RenderPass]) -> tuple[Channel, ...]:
    """The channels that the passes are made of, each once, the disparity first."""
    needed = [channel_of(each) for each in passes if each.blend is not Blend.COLOR]
    return tuple(dict.fromkeys([DISPARITY, *needed]))


def channel_of(render_pass: RenderPass) -> Channel:
    """The channel that a data pass is made of."""
    return Channel(render_pass.source, render_pass.blend, render_pass.width)


def column_slices(channels: Sequence[Channel]) -> dict[Channel, slice]:
    """Where each channel lies among the columns of all, in their order."""
    slices, end = {}, 0
    for channel in channels:
        slices[channel] = slice(end, end + channel.width)
        end += channel.width
    return slices


def column_count(channels: Sequence[Channel]) -> int:
    """Number of scalars of all channels."""
    return sum(channel.width for channel in channels)
