"""Download a model into the hub's cache layout, resumable, with every file verified.

A file's contents are stored in blobs/ETAG, with the suffix `.incomplete` until they are verified.
snapshots/REVISION/NAME links to them, or holds them where links are not possible.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import Timeout
from huggingface_hub.utils import WeakFileLock

from ...geometry.core.messages import Message
from ..common import model_store
from ..common.context import Context
from ..common.errors import ModelError
from ..common.model_files import missing_from
from ..common.model_store import format_size
from ..common.registry import ModelSpec
from .background import TICK_SECONDS
from .fetch import Fetcher, FileTarget, ProgressMeter
from .hub_client import HubClient, NetworkTimeouts
from .listing import RemoteFile, repository_files

NO_MODELS_FOLDER = "No models folder is set: choose a Models Folder."
CONTACTING = "contacting {host}"
WAITING_FOR_LOCK = "waiting for another download of this model"
INCOMPLETE = "{label} was downloaded but can't be used ({problem}): choose another model."
NO_SPACE = (
    "{label} needs {needed} of disk space, but only {free} are free in {folder}: free some space "
    "or choose another Models Folder."
)
DISK_FULL = (
    "The disk of {folder} is full, so {label} is not complete: free some space and press Download "
    "to resume, or choose another Models Folder."
)
FILE_TOO_LARGE = (
    "The disk of {folder} can't hold files as large as those of {label}, possibly because of its "
    "file system (FAT32): choose another Models Folder."
)
NOT_WRITABLE = "{folder} can't be written to ({reason}): choose another Models Folder."

_DISK_FULL_ERRORS = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def download(
    spec: ModelSpec,
    models_folder: Path,
    context: Context,
    endpoint: str | None = None,
    timeouts: NetworkTimeouts | None = None,
) -> Path:
    """Download a model into the models folder and return the folder of its files.

    Args:
        spec: The model.
        models_folder: The models folder; created if it doesn't exist.
        context: Progress is reported to it, in bytes.
        endpoint: Address of the hub; by default that of huggingface_hub.
        timeouts: Network timeouts and retries.

    Raises JobCancelled, keeping what was downloaded so far, or ModelError.
    """
    if models_folder == Path():
        raise ModelError(NO_MODELS_FOLDER)
    timeouts = timeouts or NetworkTimeouts()
    hub_client = HubClient(spec, endpoint, timeouts)
    meter = ProgressMeter(context)
    with _readable_disk_errors(spec, models_folder):
        if not _is_verified(spec, models_folder):
            models_folder.mkdir(parents=True, exist_ok=True)
            with _lock(spec, models_folder, meter):
                if not _is_verified(spec, models_folder):  # another process may have done it
                    _fetch_all(
                        spec,
                        models_folder,
                        Fetcher(hub_client, meter, timeouts.retry_delays),
                        meter,
                        hub_client,
                    )
    context.report(1.0)
    return model_store.snapshot_folder(spec, models_folder)


def _is_verified(spec: ModelSpec, models_folder: Path) -> bool:
    return model_store.state_of(spec, models_folder, use_hub_cache=False).verified


def _fetch_all(
    spec: ModelSpec,
    models_folder: Path,
    fetcher: Fetcher,
    meter: ProgressMeter,
    hub_client: HubClient,
) -> None:
    """Fetch every file, check that a loader has all it needs, and mark the model as verified."""
    meter.note = Message(CONTACTING, host=hub_client.host)
    files = repository_files(spec, fetcher.file_list(), hub_client.host)
    meter.note = ""
    meter.total = sum(file.size for file in files)
    _check_space(spec, models_folder, files)
    (model_store.repository_folder(spec.hub_id, models_folder) / "blobs").mkdir(
        parents=True, exist_ok=True
    )
    hashes = {file: fetcher.fetch(file, _target(spec, models_folder, file)) for file in files}
    problem = missing_from(spec, model_store.snapshot_folder(spec, models_folder))
    if problem:
        raise ModelError(INCOMPLETE, label=spec.label, problem=problem)
    _write_marker(spec, models_folder, hashes)


def _target(spec: ModelSpec, models_folder: Path, file: RemoteFile) -> FileTarget:
    blob = model_store.repository_folder(spec.hub_id, models_folder) / "blobs" / file.etag
    snapshot = model_store.snapshot_folder(spec, models_folder) / file.name
    return FileTarget(blob, blob.with_name(f"{file.etag}.incomplete"), snapshot)


def _check_space(spec: ModelSpec, models_folder: Path, files: list[RemoteFile]) -> None:
    """Raise ModelError if the disk lacks space for what is still to be fetched."""
    on_disk = sum(_target(spec, models_folder, file).bytes_on_disk(file.size) for file in files)
    needed = sum(file.size for file in files) - on_disk
    free = shutil.disk_usage(models_folder).free
    if needed > free:
        raise ModelError(
            NO_SPACE,
            label=spec.label,
            needed=format_size(needed),
            free=format_size(free),
            folder=models_folder,
        )


def _write_marker(spec: ModelSpec, models_folder: Path, hashes: dict[RemoteFile, str]) -> None:
    """Record the verified files and their hashes."""
    record = {
        "key": spec.key,
        "hub_id": spec.hub_id,
        "revision": spec.revision,
        "files": {f.name: {"size": f.size, "sha256": sha256} for f, sha256 in hashes.items()},
    }
    marker = model_store.marker_path(spec, models_folder)
    temporary = marker.with_suffix(".new")
    temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
    temporary.replace(marker)


@contextmanager
def _lock(spec: ModelSpec, models_folder: Path, meter: ProgressMeter) -> Iterator[None]:
    """Hold the lock on a repository, waiting while another process downloads it."""
    folder = model_store.lock_folder(spec, models_folder)
    folder.mkdir(parents=True, exist_ok=True)
    meter.note = Message(WAITING_FOR_LOCK)
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(WeakFileLock(folder / "make-4d.lock", timeout=TICK_SECONDS))
                break
            except Timeout:
                meter.tick()
        yield


@contextmanager
def _readable_disk_errors(spec: ModelSpec, models_folder: Path) -> Iterator[None]:
    """Turn errors of the disk into messages for the artist."""
    try:
        yield
    except OSError as error:
        values: dict[str, object] = {"folder": models_folder, "label": spec.label}
        if error.errno in _DISK_FULL_ERRORS:
            raise ModelError(DISK_FULL, **values) from error
        if error.errno == errno.EFBIG:
            raise ModelError(FILE_TOO_LARGE, **values) from error
        reason = error.strerror or type(error).__name__
        raise ModelError(NOT_WRITABLE, folder=models_folder, reason=reason) from error
