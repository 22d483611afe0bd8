"""What the render engine keeps between frames, and when it is freed."""

from __future__ import annotations

import atexit
from collections.abc import Callable

import bpy

from . import neural
from .capability import supports_nearest
from .gpu_tools import GpuCache
from .session import Session

KEPT_SECONDS = 60.0
"""How long the points of a finished render stay on the GPU, in case another render follows."""


class RenderResources:
    """Shaders, the session that final frames share, and what is known of the GPU.

    The engine's registration owns the only one in Blender.
    """

    def __init__(self) -> None:
        self.cache = GpuCache()
        self._session: Session | None = None
        self._supports_nearest: bool | None = None

    @property
    def session(self) -> Session:
        """The session that final frames share until `drop_session`."""
        if self._session is None:
            self._session = Session(self.cache)
        return self._session

    @property
    def supports_nearest(self) -> bool:
        """Whether this GPU draws the nearest points correctly; tested on first use."""
        if self._supports_nearest is None:
            self._supports_nearest = supports_nearest(self.cache)
        return self._supports_nearest

    def drop_session(self) -> None:
        """Free the points and buffers of final frames."""
        self._session = None

    def release(self) -> None:
        """Free everything on the GPU, including shaders."""
        self.drop_session()
        self.cache.clear()


class Lifetime:
    """Frees an engine's resources when they are no longer needed.

    The points of a render are freed `KEPT_SECONDS` after it ended, unless another render has
    started; all of them when another file is loaded and when Blender exits.
    """

    def __init__(self, resources: RenderResources) -> None:
        self._resources = resources
        self._timer = self._expire  # one object, because Blender identifies timers by it
        self._handlers = self._make_handlers()

    def start(self) -> None:
        """Add the handlers to Blender."""
        # What outlives Blender's GPU context crashes the process as it exits.
        atexit.register(self._release)
        for name, handler in self._handlers.items():
            getattr(bpy.app.handlers, name).append(handler)

    def stop(self) -> None:
        """Remove the handlers and free everything."""
        for name, handler in self._handlers.items():
            getattr(bpy.app.handlers, name).remove(handler)
        self._cancel_timer()
        self._release()
        atexit.unregister(self._release)

    def _make_handlers(self) -> dict[str, Callable[..., None]]:
        """Functions by the name of the handler list; only functions survive the loading of a file,
        methods don't."""

        @bpy.app.handlers.persistent
        def started(*_: object) -> None:
            self._cancel_timer()

        @bpy.app.handlers.persistent
        def ended(*_: object) -> None:
            self._cancel_timer()
            bpy.app.timers.register(self._timer, first_interval=KEPT_SECONDS, persistent=True)

        @bpy.app.handlers.persistent
        def loading(*_: object) -> None:
            self._expire()

        return {
            "render_init": started,
            "render_complete": ended,
            "render_cancel": ended,
            "load_pre": loading,
        }

    def _cancel_timer(self) -> None:
        if bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.unregister(self._timer)

    def _expire(self) -> None:
        self._resources.drop_session()
        neural.release()

    def _release(self) -> None:
        self._resources.release()
        neural.release()
