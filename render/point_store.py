"""The clouds on the GPU. An update uploads only what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gpu
import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray
from .channel_shaders import GROUP
from .channels import DISPARITY, Channel
from .extract import Cloud, joined
from .gpu_tools import TOO_MANY_POINTS, GpuUnavailableError, Textures, packed_textures

MAX_POINTS = (1 << 28) - 1
"""Entries are numbered by 32 bits, two per point."""
STILL, FORWARD, BACKWARD = 0, 1, 2
"""Groups of points: those at rest, and the two copies of the symmetric animation."""


@dataclass
class CloudBuffer:
    """One cloud on the GPU.

    Attributes:
        points: texture of position and radius in object space.
        first: index of the first point among the points of all clouds.
        cloud: the arrays that the texture was made of.
    """

    points: gpu.types.GPUTexture
    first: int
    cloud: Cloud


class PointStore:
    """Textures of several clouds: points per cloud, colors and attributes for all together."""

    def __init__(self) -> None:
        self.buffers: list[CloudBuffer] = []
        self.colors: gpu.types.GPUTexture | None = None
        self.attributes: Textures = []
        self.attribute_widths: dict[str, int] = {GROUP: 1, DISPARITY.source: DISPARITY.width}
        """Scalars of each attribute by name, in the order of `attributes`. It only grows, so that
        view layers with different passes don't upload points again and again."""
        self.motion: gpu.types.GPUTexture | None = None
        self.count = 0
        self.uploads = 0
        """Number of textures uploaded so far."""

    def update(
        self,
        clouds: Sequence[Cloud],
        channels: Sequence[Channel] = (DISPARITY,),
        motion: FloatArray | None = None,
    ) -> None:
        """Upload what differs from the last update.

        Args:
            clouds: all clouds to draw.
            channels: what will be drawn of them.
            motion: (P, 4) motion vectors, see `motion_vectors.screen_motion`.

        Raises:
            GpuUnavailableError: too many points.
        """
        before = [buffer.cloud for buffer in self.buffers]
        counts = [len(cloud.position) for cloud in clouds]
        self.count = sum(counts)
        if self.count > MAX_POINTS:
            raise GpuUnavailableError(TOO_MANY_POINTS.format(count=self.count))
        firsts = [sum(counts[:i]) for i in range(len(counts))]
        self.buffers = [self._buffer(c, first) for c, first in zip(clouds, firsts, strict=True)]
        if self.colors is None or not _same(before, clouds, ("color",)):
            (self.colors,) = self._upload([joined([c.color for c in clouds], 4)])
        if self._add_attributes(channels) or not _same(before, clouds, self._compared()):
            self.attributes = self._upload(attribute_columns(clouds, self.attribute_widths))
        (self.motion,) = [None] if motion is None else self._upload([motion])

    def samplers(self) -> dict[str, gpu.types.GPUTexture]:
        """The textures of all clouds together, by their names in the shaders."""
        textures = {f"attributes_{i}": texture for i, texture in enumerate(self.attributes)}
        textures |= {} if self.motion is None else {"motion": self.motion}
        return textures | {"colors": self.colors}

    def _add_attributes(self, channels: Sequence[Channel]) -> bool:
        """Whether attributes have to be uploaded that weren't needed before."""
        added = {c.source: c.width for c in channels if c.is_attribute}
        added = {n: width for n, width in added.items() if n not in self.attribute_widths}
        self.attribute_widths |= added
        return bool(added) or not self.attributes

    def _compared(self) -> list[str]:
        """Fields of a cloud that the attribute textures depend on."""
        return ["backward", *(name for name in self.attribute_widths if name != GROUP)]

    def _buffer(self, cloud: Cloud, first: int) -> CloudBuffer:
        """The cloud with its texture, that of an equal cloud if there is one."""
        for buffer in self.buffers:
            if _same([buffer.cloud], [cloud], ("position", "radius")):
                return CloudBuffer(buffer.points, first, cloud)
        (points,) = self._upload([cloud.position, cloud.radius])
        return CloudBuffer(points, first, cloud)

    def _upload(self, columns: Sequence[NDArray]) -> Textures:
        textures = packed_textures(columns)
        self.uploads += len(textures)
        return textures


def attribute_columns(clouds: Sequence[Cloud], widths: Mapping[str, int]) -> list[FloatArray]:
    """The attributes of all points, (P,) or (P, width), in the order of `widths`."""
    return [
        joined([groups(c) for c in clouds])
        if name == GROUP
        else joined([c.attribute(name, width) for c in clouds], width if width > 1 else 0)
        for name, width in widths.items()
    ]


def groups(cloud: Cloud) -> FloatArray:
    """Group (P,) of each point: STILL, FORWARD or BACKWARD."""
    if not cloud.moving:
        return np.full(len(cloud.position), STILL, np.float32)
    return np.where(cloud.backward, np.float32(BACKWARD), np.float32(FORWARD))


def _same(before: Sequence[Cloud], now: Sequence[Cloud], names: Sequence[str]) -> bool:
    """Whether the clouds agree in the arrays of these names."""
    return len(before) == len(now) and all(
        one is other
        or (one.moving == other.moving and all(_equal(one, other, name) for name in names))
        for one, other in zip(before, now, strict=True)
    )


def _equal(one: Cloud, other: Cloud, name: str) -> bool:
    """Whether an array of two clouds is the same, in memory or in value."""
    a, b = one.stored(name), other.stored(name)
    return a is b or (a is not None and b is not None and np.array_equal(a, b))
