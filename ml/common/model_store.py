"""Where pretrained models are on disk, and whether they are complete.

Blender uses this too, so it needs no library and opens no socket. Three places are searched, in
this order: the models folder in the layout of the hub's cache, where downloads go
(models--ORG--NAME/snapshots/REVISION); plain folders ORG/NAME and NAME in the models folder, put
there by the artist; and the user's own Hugging Face cache.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ...geometry.core.messages import Message
from .errors import ModelError
from .model_files import NOTHING, PICKLED, PICKLES, missing_from, read_json
from .registry import ModelSpec

NEVER = (*PICKLES, ".py", ".pyc", ".so", ".dll", ".dylib", ".exe")
"""Endings of files that are never downloaded, because loading them can run code."""

PARTIAL = "Only {size} of {label} were downloaded: press Download to resume."
NOT_INSTALLED = (
    "{label} is not on this computer: press Download, or copy it into the Models Folder."
)
UNSAFE = (
    "{label} in {folder} {fault}, which Make 4D never loads: download it again or convert it to "
    "safetensors."
)
UNUSABLE = "{label} in {folder} can't be used because {fault}: download it again."
IN_HUB_CACHE = (
    "{label} is in your Hugging Face cache {folder}, which other programs use too: delete it "
    "there, or choose another Models Folder."
)
NOT_DELETED = (
    "{label} in {folder} can't be deleted ({reason}): close the programs that use it, or delete "
    "the folder yourself."
)
CHANGED = "{file} has changed since it was downloaded"
PROGRESS = "{done} of {total}"


@dataclass(frozen=True)
class ModelState:
    """Whether a model is on this computer.

    Attributes:
        status: "missing", "partial" (an unfinished download, which can be resumed) or "ready".
        folder: Where a ready model is.
        bytes_fetched: Bytes on disk of a partial download.
        verified: Whether the files were compared with the hub's hashes when they were downloaded.
    """

    status: str
    folder: Path | None = None
    bytes_fetched: int = 0
    verified: bool = False


def state_of(spec: ModelSpec, models_folder: Path, use_hub_cache: bool = True) -> ModelState:
    """Return the state of a model; it reads a few small files, so don't call it at every redraw."""
    folder = find(spec, models_folder, use_hub_cache)
    if folder is not None:
        own = folder == snapshot_folder(spec, models_folder)
        verified = own and bool(read_marker(spec, models_folder))
        return ModelState("ready", folder, verified=verified)
    fetched = _bytes_fetched(spec, models_folder)
    return ModelState("partial" if fetched else "missing", bytes_fetched=fetched)


def find(spec: ModelSpec, models_folder: Path, use_hub_cache: bool = True) -> Path | None:
    """Return the folder with a complete model, or None."""
    for folder in _candidates(spec, models_folder, use_hub_cache):
        if folder.is_dir() and not _fault(spec, models_folder, folder):
            return folder
    return None


def problem_with(spec: ModelSpec, models_folder: Path, use_hub_cache: bool = True) -> Message:
    """Return why `find` returns None; empty if it returns a folder."""
    existing = [f for f in _candidates(spec, models_folder, use_hub_cache) if f.is_dir()]
    faults = [_fault(spec, models_folder, folder) for folder in existing]
    if NOTHING in faults:
        return NOTHING
    fetched = _bytes_fetched(spec, models_folder)
    if fetched and not read_marker(spec, models_folder):
        return Message(PARTIAL, size=format_size(fetched), label=spec.label)
    if not faults:
        return Message(NOT_INSTALLED, label=spec.label)
    if faults[0].template == PICKLED:
        return Message(
            UNSAFE,
            label=spec.label,
            folder=existing[0],
            fault=faults[0],
        )
    return Message(
        UNUSABLE,
        label=spec.label,
        folder=existing[0],
        fault=faults[0],
    )


def remove(spec: ModelSpec, models_folder: Path) -> bool:
    """Delete a model that was downloaded into the models folder; returns whether there was one.

    Folders that the artist put there stay, and so does the user's Hugging Face cache. Raises
    ModelError if that is the models folder, or if the files can't be deleted.
    """
    folder = repository_folder(spec.hub_id, models_folder)
    if not os.path.lexists(folder):
        return False
    if folder.resolve().is_relative_to(hub_cache().resolve()):
        raise ModelError(
            IN_HUB_CACHE,
            label=spec.label,
            folder=hub_cache(),
        )
    try:
        folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
    except OSError as error:
        raise ModelError(
            NOT_DELETED,
            label=spec.label,
            folder=folder,
            reason=error.strerror,
        ) from error
    shutil.rmtree(lock_folder(spec, models_folder), ignore_errors=True)
    return True


def is_needed(spec: ModelSpec, name: str) -> bool:
    """Whether a file of the repository is needed and allowed: no pickles and no code."""
    if name.lower().endswith(NEVER):
        return False
    return any(fnmatchcase(name, pattern) for pattern in spec.files)


def repository_folder(hub_id: str, cache: Path) -> Path:
    """Return a repository's folder in the layout of the hub's cache."""
    return cache / f"models--{hub_id.replace('/', '--')}"


def snapshot_folder(spec: ModelSpec, cache: Path) -> Path:
    """Return the folder of the pinned revision in the layout of the hub's cache."""
    return repository_folder(spec.hub_id, cache) / "snapshots" / spec.revision


def lock_folder(spec: ModelSpec, models_folder: Path) -> Path:
    """Return the folder with the lock of a repository's downloads, as in the hub's cache."""
    return models_folder / ".locks" / repository_folder(spec.hub_id, models_folder).name


def marker_path(spec: ModelSpec, models_folder: Path) -> Path:
    """Return the file that a verified download leaves beside its snapshot."""
    return repository_folder(spec.hub_id, models_folder) / f"make-4d-{spec.key}.json"


def read_marker(spec: ModelSpec, models_folder: Path) -> dict[str, Any]:
    """Return the record of a verified download of the pinned revision, or an empty one.

    Its keys are `key`, `hub_id`, `revision` and `files`: a dictionary of `size` and `sha256` by
    name.
    """
    marker = read_json(marker_path(spec, models_folder))
    same = marker.get("hub_id") == spec.hub_id and marker.get("revision") == spec.revision
    return marker if same and isinstance(marker.get("files"), dict) else {}


def hub_cache() -> Path:
    """Return the user's Hugging Face cache, by the environment variables of the hub's library."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~") / ".cache")
    hub_home = os.environ.get("HF_HOME") or str(Path(home) / "huggingface")
    cache = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    cache = os.path.expandvars(cache or str(Path(hub_home) / "hub"))
    with contextlib.suppress(RuntimeError):  # a user without a home
        return Path(cache).expanduser()
    return Path(cache)


def format_size(size: int) -> str:
    """Return a number of bytes with its unit: "4.9 GB"."""
    number, unit = _in_unit(size, size)
    return f"{number} {unit}"


def format_progress(done: int, total: int) -> Message:
    """Return a part and a total in bytes with their unit: "1.2 of 4.9 GB"."""
    return Message(PROGRESS, done=_in_unit(done, total)[0], total=format_size(total))


def _in_unit(size: int, largest: int) -> tuple[str, str]:
    """Return bytes in the unit that suits the largest of several numbers, and that unit."""
    unit, name = (1e9, "GB") if largest >= 1e9 else (1e6, "MB") if largest >= 1e6 else (1e3, "kB")
    return f"{size / unit:.{1 if unit == 1e9 else 0}f}", name


def _candidates(spec: ModelSpec, models_folder: Path, use_hub_cache: bool) -> Iterator[Path]:
    """Yield the folders that may have the model, the preferred one first."""
    if models_folder != Path():  # which means that none is set
        yield snapshot_folder(spec, models_folder)
        yield models_folder / spec.hub_id
        yield models_folder / spec.hub_id.rpartition("/")[2]
    if use_hub_cache:
        yield snapshot_folder(spec, hub_cache())
        repository = repository_folder(spec.hub_id, hub_cache())
        with contextlib.suppress(OSError, ValueError):
            main = (repository / "refs" / "main").read_text(encoding="ascii").strip()
            if main.isalnum():
                yield repository / "snapshots" / main


def _bytes_fetched(spec: ModelSpec, models_folder: Path) -> int:
    """Return the bytes on disk of an unfinished download."""
    snapshot = snapshot_folder(spec, models_folder)
    names = [(file, file.relative_to(snapshot).as_posix()) for file in snapshot.rglob("*")]
    files = [file for file, name in names if is_needed(spec, name)]
    files += (repository_folder(spec.hub_id, models_folder) / "blobs").glob("*.incomplete")
    return sum(max(_size(file), 0) for file in files)


def _fault(spec: ModelSpec, models_folder: Path, folder: Path) -> Message:
    """Return why a model's folder can't be loaded as a clause, or an empty message."""
    if folder == snapshot_folder(spec, models_folder):
        for name, record in read_marker(spec, models_folder).get("files", {}).items():
            if _size(folder / name) != record.get("size"):
                return Message(CHANGED, file=name)
    return missing_from(spec, folder)


def _size(path: Path) -> int:
    """Return the size in bytes, -1 if there is no such file or its link is broken."""
    try:
        return path.stat().st_size if path.is_file() else -1
    except OSError:
        return -1
