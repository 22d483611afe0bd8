"""The error of everything that has to do with pretrained models."""

from __future__ import annotations

from ..geometry.core.sentences import ExplainedError


class ModelError(ExplainedError):
    """A model can't be had, loaded or run; its text is one sentence for the artist."""
