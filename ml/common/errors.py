"""What goes wrong with pretrained models, as sentences for the artist."""

from __future__ import annotations

from pathlib import Path

from ...geometry.core.messages import Message, UserError


class ModelError(UserError):
    """A model can't be had, loaded or run; its text is one sentence for the artist."""


def no_checkpoint(path: Path | str) -> Message:
    """There is no file of the paper's networks where the artist chose one."""
    return Message("There is no checkpoint at {path}: choose the file again in Models.", path=path)
