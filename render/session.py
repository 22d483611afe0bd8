"""What the GPU keeps from one frame to the next, and the pictures drawn with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..geometry.core.camera import FloatArray
from . import gpu_tools
from .extract import Cloud
from .finish_pass import finish
from .frame import loop_phase
from .frame_request import FrameRequest
from .gpu_tools import Textures
from .nearest_pass import Method, NearestPass
from .point_store import PointStore

_SPARE = 1.25
"""Buffers hold so many times more points than asked for, so that few changes need new ones."""


class Session:
    """The clouds on the GPU, and buffers to draw them; made anew only on change or resize."""

    def __init__(self) -> None:
        self.store = PointStore()
        self._nearest: NearestPass | None = None
        self._clouds: Sequence[Cloud] = ()

    def update(self, clouds: Sequence[Cloud], motion: FloatArray | None = None) -> None:
        """Send what changed. Raises GpuUnavailableError where there is no room."""
        with gpu_tools.gpu_errors():
            self.store.update(clouds, motion)
        self._clouds = clouds

    def draw(self, film: FrameRequest, check: Callable[[], None] = lambda: None) -> Textures:
        """Finished pictures (see `finish_pass.finish`) of the clouds sent last.

        check: called between pieces of the work, may raise to stop. Raises GpuUnavailableError.
        """
        method = Method(film.nearest, film.rule, film.position, film.vector)
        phase = loop_phase(self._clouds)
        with gpu_tools.gpu_errors():
            nearest_pass = self._buffers(film)
            pictures = nearest_pass.draw(self.store, film.view, method, phase > 0.0, check)
            return finish(pictures[0], pictures[1] if phase > 0.0 else None, phase, film)

    def _buffers(self, film: FrameRequest) -> NearestPass:
        if self._nearest is None or not self._nearest.fits(film.size, self.store.count):
            self._nearest = None  # freed before the new ones are made
            self._nearest = NearestPass(film.size, int(_SPARE * self.store.count))
        return self._nearest


_kept: list[Session] = []
"""The session of the render that is going on, so that its frames phase it."""


def kept() -> Session:
    """The session that final frames phase, until `drop`."""
    if not _kept:
        _kept.append(Session())
    return _kept[0]


def drop() -> None:
    """Free what final frames shared; may be called at any time."""
    _kept.clear()


def release() -> None:
    """Give everything on the GPU back, shaders too."""
    drop()
    gpu_tools.free_kept()
