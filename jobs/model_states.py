"""Which models are installed, cached for a few seconds because panels ask at every redraw."""

from __future__ import annotations

import time

from ..geometry.folders import models_folder
from ..geometry.preferences import preference
from ..ml.common.model_store import ModelState, state_of
from ..ml.common.registry import ModelSpec

CACHED_SECONDS = 3.0


class ModelStates:
    """The states of models on disk."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], tuple[float, ModelState]] = {}

    def state(self, spec: ModelSpec) -> ModelState:
        """Return whether a model is installed, as of at most a few seconds ago."""
        folder = models_folder()
        key, now = (spec.key, str(folder)), time.monotonic()
        checked, state = self._states.get(key, (now - CACHED_SECONDS, None))
        if state is None or now - checked >= CACHED_SECONDS:
            state = state_of(spec, folder, preference("use_hub_cache", True))
            self._states[key] = (time.monotonic(), state)
        return state

    def forget(self) -> None:
        """Check the disk again at the next question."""
        self._states.clear()
