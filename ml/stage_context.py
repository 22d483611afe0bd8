"""The surroundings of a stage: progress, cancel, previews, and the pretrained models at hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from .context import Context
from .model_shelf import ModelShelf


@dataclass(frozen=True)
class StageContext(Context):
    """Handed to every stage; models: loads the models that the artist chose."""

    models: ModelShelf = field(default_factory=ModelShelf)
