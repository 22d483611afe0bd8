"""Which models lie ready, remembered for a moment: panels ask at every redraw."""

from __future__ import annotations

import time

from ..geometry.folders import models_folder
from ..geometry.preferences import preference
from ..ml.common.model_store import ModelState, state_of
from ..ml.common.registry import ModelSpec

REMEMBERED_SECONDS = 3.0

_states: dict[tuple[str, str], tuple[float, ModelState]] = {}


def state(spec: ModelSpec) -> ModelState:
    """Whether a model is there, as it was at most a few seconds ago."""
    folder = models_folder()
    place = (spec.key, str(folder))
    asked, observed = _states.get(place, (-REMEMBERED_SECONDS, None))
    if observed is None or time.monotonic() - asked >= REMEMBERED_SECONDS:
        observed = state_of(spec, folder, preference("use_hub_cache", True))
        _states[place] = (time.monotonic(), observed)
    return observed


def forget() -> None:
    """Look anew at the next question."""
    _states.clear()
