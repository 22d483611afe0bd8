"""The clouds on the GPU and the buffers to draw them with, kept from one frame to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..geometry.core.camera import FloatArray
from . import gpu_tools
from .extract import Cloud
from .finish_pass import finish
from .frame import loop_phase
from .frame_request import FrameRequest
from .gpu_tools import GpuCache, Textures
from .nearest_pass import NearestPass
from .point_store import PointStore

_SPARE = 1.25
"""Buffers hold this many times the points, so that small changes don't need new ones."""


class Session:
    """Draws the nearest points; uploads and allocates only after a change or resize."""

    def __init__(self, cache: GpuCache) -> None:
        """cache: shaders, which sessions may share."""
        self.store = PointStore()
        self._cache = cache
        self._nearest: NearestPass | None = None

    def draw(
        self,
        clouds: Sequence[Cloud],
        request: FrameRequest,
        motion: FloatArray | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> Textures:
        """Draw a frame.

        Args:
            clouds: all clouds to draw.
            request: the frame.
            motion: (P, 4) motion vectors of all points, if a requested pass needs them.
            check: called between draw calls; may raise to stop.

        Returns:
            Finished targets, see `finish_pass.finish`.

        Raises:
            GpuUnavailableError: no GPU, or no room.
        """
        phase = loop_phase(clouds)
        with gpu_tools.gpu_errors():
            self.store.update(clouds, request.channels, motion)
            check()
            buffers = self._buffers(request)
            images = buffers.draw(self.store, request, phase > 0.0, check)
            backward = images[1] if phase > 0.0 else None
            return finish(images[0], backward, phase, request, self._cache)

    def _buffers(self, request: FrameRequest) -> NearestPass:
        if self._nearest is None or not self._nearest.fits(request.size, self.store.count):
            self._nearest = None  # freed before the new ones are allocated
            capacity = int(_SPARE * self.store.count)
            self._nearest = NearestPass(request.size, capacity, self._cache)
        return self._nearest
