"""Errors of jobs and pretrained models, as messages for the artist."""

from __future__ import annotations

from pathlib import Path

from ...geometry.core.messages import Message, UserError

MISSING_PHOTO = "There is no photo at {path}: choose another file."
NO_CHECKPOINT = "There is no checkpoint at {path}: choose the file again in Models."


class ModelError(UserError):
    """A model can't be found, loaded or run; its text is one sentence for the artist."""


def no_photo(path: Path | str) -> Message:
    """Return the message for a photo that isn't at its path."""
    return Message(MISSING_PHOTO, path=path)


def no_checkpoint(path: Path | str) -> Message:
    """Return the message for a checkpoint of the paper's networks that isn't at its path."""
    return Message(NO_CHECKPOINT, path=path)
