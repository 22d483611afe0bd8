"""Downloading a model: into the layout of the hub's cache, resumable, every file verified.

A file's contents lie in blobs/ETAG, with the ending `.incomplete` until they are verified;
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
from ..common.model_store import size_words
from ..common.registry import ModelSpec
from .fetch import Fetcher, Meter, Place
from .link import Link, Patience
from .listing import RemoteFile, wanted_files
from .waiting import TICK_SECONDS

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def download(
    spec: ModelSpec,
    models_folder: Path,
    context: Context,
    endpoint: str | None = None,
    patience: Patience | None = None,
) -> Path:
    """Bring a model into the models folder and return its folder.

    endpoint: address of the hub, by default the one that huggingface_hub uses. Progress is told in
    bytes. Raises JobCancelled, with what came so far kept, or ModelError.
    """
    if models_folder == Path():
        raise ModelError("There is no folder for models yet: choose a Models Folder.")
    patience = patience or Patience()
    link = Link(spec, endpoint, patience)
    meter = Meter(context)
    with _disk_faults(spec, models_folder):
        if not _is_verified(spec, models_folder):
            models_folder.mkdir(parents=True, exist_ok=True)
            with _lock(spec, models_folder, meter):
                if not _is_verified(spec, models_folder):  # another process may have done it
                    _bring(spec, models_folder, Fetcher(link, meter, patience.pauses), meter, link)
    context.report(1.0)
    return model_store.snapshot_folder(spec, models_folder)


def _is_verified(spec: ModelSpec, models_folder: Path) -> bool:
    return model_store.state_of(spec, models_folder, use_hub_cache=False).verified


def _bring(
    spec: ModelSpec, models_folder: Path, fetcher: Fetcher, meter: Meter, link: Link
) -> None:
    """Fetch every file, look whether a loader has what it needs, and note that it was verified."""
    meter.note = Message("asking {host}", host=link.host)
    files = wanted_files(spec, fetcher.file_list(), link.host)
    meter.note = ""
    meter.total = sum(file.size for file in files)
    _check_space(spec, models_folder, files)
    (model_store.repository_folder(spec.hub_id, models_folder) / "blobs").mkdir(
        parents=True, exist_ok=True
    )
    hashes = {file: fetcher.fetch(file, _place(spec, models_folder, file)) for file in files}
    fault = missing_from(spec, model_store.snapshot_folder(spec, models_folder))
    if fault:
        raise ModelError(
            "{label} was downloaded but can't be used, {fault}: choose another model.",
            label=spec.label,
            fault=fault,
        )
    _write_marker(spec, models_folder, hashes)


def _place(spec: ModelSpec, models_folder: Path, file: RemoteFile) -> Place:
    blob = model_store.repository_folder(spec.hub_id, models_folder) / "blobs" / file.etag
    named = model_store.snapshot_folder(spec, models_folder) / file.name
    return Place(blob, blob.with_name(f"{file.etag}.incomplete"), named)


def _check_space(spec: ModelSpec, models_folder: Path, files: list[RemoteFile]) -> None:
    there = sum(_place(spec, models_folder, file).bytes_there(file.size) for file in files)
    needed = sum(file.size for file in files) - there
    free = shutil.disk_usage(models_folder).free
    if needed > free:
        raise ModelError(
            "Downloading {label} needs {needed} and {free} are free in {folder}: free some space "
            "or choose another Models Folder.",
            label=spec.label,
            needed=size_words(needed),
            free=size_words(free),
            folder=models_folder,
        )


def _write_marker(spec: ModelSpec, models_folder: Path, hashes: dict[RemoteFile, str]) -> None:
    record = {
        "key": spec.key,
        "hub_id": spec.hub_id,
        "revision": spec.revision,
        "files": {f.name: {"size": f.size, "sha256": sha256} for f, sha256 in hashes.items()},
    }
    marker = model_store.marker_path(spec, models_folder)
    written = marker.with_suffix(".new")
    written.write_text(json.dumps(record, indent=1), encoding="utf-8")
    written.replace(marker)


@contextmanager
def _lock(spec: ModelSpec, models_folder: Path, meter: Meter) -> Iterator[None]:
    """Keep other processes from downloading the same repository; waits for them."""
    folder = model_store.lock_folder(spec, models_folder)
    folder.mkdir(parents=True, exist_ok=True)
    meter.note = Message("waiting for another download of it")
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(WeakFileLock(folder / "make-4d.lock", timeout=TICK_SECONDS))
                break
            except Timeout:
                meter.tick()
        yield


@contextmanager
def _disk_faults(spec: ModelSpec, models_folder: Path) -> Iterator[None]:
    """Errors of the disk as sentences."""
    try:
        yield
    except OSError as error:
        names: dict[str, object] = {"folder": models_folder, "label": spec.label}
        if error.errno in _FULL:
            raise ModelError(
                "The disk of {folder} is full while {label} is downloaded: free some space and "
                "press Download to go on, or choose another Models Folder.",
                **names,
            ) from error
        if error.errno == errno.EFBIG:
            raise ModelError(
                "The disk of {folder} can't hold files as large as those of {label}, perhaps "
                "because of its file system (FAT32): choose another Models Folder.",
                **names,
            ) from error
        raise ModelError(
            "{folder} can't be written ({reason}): choose another Models Folder.",
            folder=models_folder,
            reason=error.strerror or type(error).__name__,
        ) from error
