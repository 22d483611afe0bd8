"""Messages between Blender and its worker: one JSON object a line, each with a job's id.

To the worker: `run` (a photo becomes a flight), `download` (a model), `device` (what networks would
run on), `paint` (a frame by the paper's networks), `cancel`. From it: `progress`, `preview`,
`stage` (a stage ended), `device`, `done`, `failed`, `cancelled`. Arrays never travel here; they lie
as .npy files in the task's folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from ...geometry.core.messages import from_json, to_json


@dataclass(frozen=True)
class Progress:
    """How far a job is: stage name, share of that stage, share of the whole job (0..1), and what
    the stage does just now in a few words, or none."""

    job: str
    stage: str
    stage_fraction: float
    fraction: float
    detail: str = ""


@dataclass(frozen=True)
class Preview:
    """A picture of what a stage is making lies at `path`: .npy, (h, w, 3) uint8, top row first."""

    job: str
    stage: str
    path: str


@dataclass(frozen=True)
class StageDone:
    """A stage ended: seconds it took, peak resident memory in MB, whether the cache had it."""

    job: str
    stage: str
    seconds: float
    peak_mb: float
    cached: bool


@dataclass(frozen=True)
class DeviceFound:
    """What networks run on: `cuda`, `mps` or `cpu`, its name, its memory in bytes."""

    job: str
    kind: str
    name: str
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class Done:
    """A job ended well; its flight lies in `folder`."""

    job: str
    folder: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """A job failed: one sentence for the artist, and the details for the log."""

    job: str
    message: str
    detail: str = ""


@dataclass(frozen=True)
class Cancelled:
    """A job ended because it was asked to."""

    job: str


WorkerMessage = Progress | Preview | StageDone | DeviceFound | Done | Failed | Cancelled

_KINDS: dict[str, type[Any]] = {
    "progress": Progress,
    "preview": Preview,
    "stage": StageDone,
    "device": DeviceFound,
    "done": Done,
    "failed": Failed,
    "cancelled": Cancelled,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def encode(message: WorkerMessage) -> str:
    """One line of JSON, without the line's end."""
    values = {field.name: to_json(getattr(message, field.name)) for field in fields(message)}
    return json.dumps({"type": _NAMES[type(message)], **values})


def decode(line: str) -> WorkerMessage:
    """The inverse of `encode`; raises ValueError for anything else."""
    try:
        record = json.loads(line)
        kind = _KINDS[record.pop("type")]
        return kind(**{name: from_json(value) for name, value in record.items()})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a message of the worker: {line[:200]!r}") from error
