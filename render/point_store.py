"""The clouds on the GPU. Only what changed since the last update is sent again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gpu
import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray
from . import timing
from .extract import Cloud, joined
from .gpu_tools import values_texture

MAX_POINTS = (1 << 28) - 1
"""Entries are numbered by 32 bits, two a point."""
STILL, FORWARD, BACKWARD = 0, 1, 2
"""Groups of points: those at rest, and the two copies of the symmetric animation."""


@dataclass
class HeldCloud:
    """One cloud: the texture of its places (x, y, z, radius), its number of points, the first's
    index among all clouds' points, and the arrays that the texture was made of."""

    places: gpu.types.GPUTexture
    first: int
    cloud: Cloud


class PointStore:
    """Textures of several clouds: places a cloud, colors and extras for all together."""

    def __init__(self) -> None:
        self.held: list[HeldCloud] = []
        self.colors: gpu.types.GPUTexture | None = None
        self.extras: gpu.types.GPUTexture | None = None
        self.motion: gpu.types.GPUTexture | None = None
        self.count = 0
        self.uploads = 0
        """Textures sent so far."""

    def update(self, clouds: Sequence[Cloud], motion: FloatArray | None = None) -> None:
        """Send what differs from what is held; motion (P, 4): see `motion.screen_motion`.

        Raises ValueError where the clouds have more points than a GPU can number.
        """
        before = [held.cloud for held in self.held]
        self.count = sum(len(cloud.position) for cloud in clouds)
        if self.count > MAX_POINTS:
            raise ValueError(f"more than {MAX_POINTS:,} points")
        with timing.part("upload"):
            counts = [len(cloud.position) for cloud in clouds]
            firsts = [sum(counts[:i]) for i in range(len(counts))]
            self.held = [self._hold(c, first) for c, first in zip(clouds, firsts, strict=True)]
            if self.colors is None or not _same(before, clouds, ("color",)):
                self.colors = self._sent(joined([c.color for c in clouds], 4))
            if self.extras is None or not _same(before, clouds, ("disparity", *_EXTRAS)):
                self.extras = self._sent(
                    joined([c.disparity for c in clouds]),
                    joined([c.observed for c in clouds]),
                    joined([c.layer for c in clouds]),
                    joined([groups(c) for c in clouds]),
                )
            self.motion = None if motion is None else self._sent(motion)

    def _hold(self, cloud: Cloud, first: int) -> HeldCloud:
        """The cloud with its texture, that of an equal cloud where one is held."""
        for held in self.held:
            if _same([held.cloud], [cloud], ("position", "radius")):
                return HeldCloud(held.places, first, cloud)
        return HeldCloud(self._sent(cloud.position, cloud.radius), first, cloud)

    def _sent(self, *columns: NDArray) -> gpu.types.GPUTexture:
        self.uploads += 1
        return values_texture(*columns)


_EXTRAS = ("observed", "layer", "backward")


def groups(cloud: Cloud) -> FloatArray:
    """Group (P,) of each point: STILL, FORWARD or BACKWARD."""
    if not cloud.moving:
        return np.full(len(cloud.position), STILL, np.float32)
    return np.where(cloud.backward, np.float32(BACKWARD), np.float32(FORWARD))


def _same(before: Sequence[Cloud], now: Sequence[Cloud], names: Sequence[str]) -> bool:
    """Whether the clouds agree in the arrays of these names."""
    if len(before) != len(now):
        return False
    pairs = zip(before, now, strict=True)
    return all(
        one is other
        or (
            one.moving == other.moving
            and all(np.array_equal(getattr(one, n), getattr(other, n)) for n in names)
        )
        for one, other in pairs
    )
