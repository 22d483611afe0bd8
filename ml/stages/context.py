"""The surroundings of a stage: progress, cancel, previews, models at hand, parts done before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..cache.stage_cache import Arrays
from ..common.context import Context
from ..models.model_cache import ModelCache

Recall = Callable[[dict[str, Any], Callable[[], Arrays]], Arrays]


def _make_anew(choice: dict[str, Any], make: Callable[[], Arrays]) -> Arrays:
    """Nothing is remembered."""
    return make()


@dataclass(frozen=True)
class StageContext(Context):
    """Handed to every stage.

    models: loads the models that the artist chose; recall: gives a part of the stage's result as it
    was made before from the same inputs and the same choice, or makes it.
    """

    models: ModelCache = field(default_factory=ModelCache)
    recall: Recall = _make_anew
