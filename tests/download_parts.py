"""Shared by the download tests: a model on a local hub, and helpers to download and compare it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hub_server import HubServer
from make_4d.ml.common.context import Context
from make_4d.ml.common.errors import ModelError
from make_4d.ml.common.registry import ModelSpec
from make_4d.ml.hub.download import download
from make_4d.ml.hub.hub_client import NetworkTimeouts
from messages import is_message
from test_model_store import DEPTH, depth_files, safetensors, write

QUICK = NetworkTimeouts(connect=5.0, read=5.0, retry_delays=(0.05, 0.05))
WEIGHTS = "model.safetensors"
VALUES = 100_000  # float32 in the weights: 400 kB


class ProgressRecorder:
    """A context that records progress; the job is cancelled at a given fraction."""

    def __init__(self, cancel_at: float = 2.0) -> None:
        self.fractions: list[float] = []
        self.details: list[str] = []
        self.cancel_at = cancel_at
        self.cancelled_at = 0.0

    def context(self) -> Context:
        return Context(self._record, lambda: self.cancelled_at > 0.0)

    def shows(self, template: str) -> bool:
        """Whether a detail is this message, or has it as its note."""
        notes = [getattr(detail, "values", {}).get("note", detail) for detail in self.details]
        return any(is_message(note, template) for note in notes)

    def _record(self, fraction: float, detail: str) -> None:
        self.fractions.append(fraction)
        self.details.append(detail)
        if fraction >= self.cancel_at:
            self.cancelled_at = time.monotonic()


@pytest.fixture(name="source")
def source_fixture(tmp_path: Path, rng: np.random.Generator) -> Path:
    """The files of a model on the hub, including some that must never be downloaded."""
    files = depth_files() | {
        "pytorch_model.bin": b"pickled" * 9,
        "modeling_depth.py": b"raise SystemExit",
        "README.md": b"# read me",
    }
    folder = write(tmp_path / "on the hub", files)
    weights = safetensors(VALUES)
    body = rng.integers(0, 255, 4 * VALUES, np.uint8).tobytes()
    (folder / WEIGHTS).write_bytes(weights[: -4 * VALUES] + body)
    return folder


@pytest.fixture(name="hub")
def hub_fixture(source: Path) -> Iterator[HubServer]:
    with HubServer(source, DEPTH.hub_id, DEPTH.revision) as server:
        yield server


@pytest.fixture(name="models")
def models_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "somebody's cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "models ü"


def fetch(
    hub: HubServer, models: Path, recorder: ProgressRecorder | None = None, spec: ModelSpec = DEPTH
) -> Path:
    return download(spec, models, (recorder or ProgressRecorder()).context(), hub.endpoint, QUICK)


def download_error(
    hub: HubServer, models: Path, spec: ModelSpec = DEPTH, timeouts: NetworkTimeouts = QUICK
) -> ModelError:
    """Return the error of a failing download; its message must be a single sentence."""
    with pytest.raises(ModelError) as caught:
        download(spec, models, ProgressRecorder().context(), hub.endpoint, timeouts)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message, message
    assert not re.search(r"[.!?] [A-Z]", message), message
    return caught.value


def has_same_files(folder: Path, source: Path) -> bool:
    names = {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()}
    return names == set(depth_files()) and all(
        (folder / name).read_bytes() == (source / name).read_bytes() for name in names
    )


def partial_files(models: Path) -> list[Path]:
    return sorted(models.rglob("*.incomplete"))
