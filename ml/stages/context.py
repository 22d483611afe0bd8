"""What a stage gets beside its inputs: progress, cancel, previews, models, partial results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..cache.stage_cache import Arrays
from ..common.context import Context

if TYPE_CHECKING:
    from ..models.model_cache import ModelCache

Recall = Callable[[dict[str, Any], Callable[[], Arrays]], Arrays]


def _compute(choice: dict[str, Any], compute: Callable[[], Arrays]) -> Arrays:
    """Recall nothing."""
    return compute()


def _empty_model_cache() -> ModelCache:
    from ..models.model_cache import ModelCache  # here, because Blender imports this module

    return ModelCache()


@dataclass(frozen=True)
class StageContext(Context):
    """Passed to every stage.

    Attributes:
        models: Loads the pretrained models that the settings name.
        recall: Returns the arrays of a part of the stage's result, computed earlier from the same
            inputs and the same choice (JSON values by name), or computes and remembers them.
    """

    models: ModelCache = field(default_factory=_empty_model_cache)
    recall: Recall = _compute
