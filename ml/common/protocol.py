"""Messages between Blender and its worker: one JSON object per line, each with the task's id.

To the worker: `run` (make a scene from a photo), `download` (a model), `device` (find the device
for networks), `generate` (a frame with the paper's networks), `cancel`. From the worker:
`progress`, `preview`, `stage` (a stage ended), `device`, `done`, `failed`, `cancelled`. Arrays
aren't part of messages; they are .npy files in the task's folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from ...geometry.core.messages import from_json, to_json


@dataclass(frozen=True)
class Progress:
    """How far a task is.

    Attributes:
        job: Id of the task.
        stage: Name of the stage, or of the task if it has no stages (see TASK_LABELS).
        stage_fraction: Finished part of the stage, 0..1.
        fraction: Finished part of the task, 0..1.
        detail: What the stage is doing, in a few words, or empty.
    """

    job: str
    stage: str
    stage_fraction: float
    fraction: float
    detail: str = ""


@dataclass(frozen=True)
class Preview:
    """An image of what a stage is computing is at `path`: .npy, (h, w, 3) uint8, top row first."""

    job: str
    stage: str
    path: str


@dataclass(frozen=True)
class StageDone:
    """A stage ended: seconds it took, peak resident memory in MB, whether it was cached."""

    job: str
    stage: str
    seconds: float
    peak_mb: float
    cached: bool


@dataclass(frozen=True)
class DeviceFound:
    """The device that networks run on: "cuda", "mps" or "cpu", its name, its memory in bytes."""

    job: str
    kind: str
    name: str
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class Done:
    """A task succeeded; its result is in `folder`, and `notes` are messages for the artist."""

    job: str
    folder: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """A task failed: one sentence for the artist, and the details for the log."""

    job: str
    message: str
    detail: str = ""


@dataclass(frozen=True)
class Cancelled:
    """A task ended because it was canceled."""

    job: str


START, DOWNLOAD, GENERATE = "start", "download", "generate"
TASK_LABELS = {
    START: "Starting",
    DOWNLOAD: "Downloading",
    GENERATE: "Generating the frame",
}
"""English labels of what the worker reports progress of beside stages."""

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
    """Return one line of JSON, without a line break."""
    values = {field.name: to_json(getattr(message, field.name)) for field in fields(message)}
    return json.dumps({"type": _NAMES[type(message)], **values})


def decode(line: str) -> WorkerMessage:
    """Invert `encode`; raises ValueError for any other line."""
    try:
        record = json.loads(line)
        kind = _KINDS[record.pop("type")]
        return kind(**{name: from_json(value) for name, value in record.items()})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a message from the worker: {line[:200]!r}") from error
