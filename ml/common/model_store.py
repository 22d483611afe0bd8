"""Where pretrained models lie on the disk, and whether they are complete.

Blender's side asks this too, so it needs no library and opens no socket. Three places are looked
into, in this order: the models folder in the layout of the hub's cache
(models--ORG--NAME/snapshots/REVISION, where downloads go), the models folder's plain folders
ORG/NAME and NAME (which the artist put there), and the user's own Hugging Face cache.
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
"""Endings of files that are never fetched: what runs code when it is loaded."""
NOT_INSTALLED = "{label} is not on this computer: press Download, or put it into the models folder."


@dataclass(frozen=True)
class ModelState:
    """Whether a model is there.

    status: `missing`, `partial` (a download that did not end, to be resumed) or `ready`; folder:
    where a ready model lies; bytes_fetched: what a partial download has on the disk; verified:
    the files were compared with the hub's hashes when they were downloaded.
    """

    status: str
    folder: Path | None = None
    bytes_fetched: int = 0
    verified: bool = False


def state_of(spec: ModelSpec, models_folder: Path, use_hub_cache: bool = True) -> ModelState:
    """The state of a model; reads a few small files, so ask once, not at every redraw."""
    folder = find(spec, models_folder, use_hub_cache)
    if folder is not None:
        own = folder == snapshot_folder(spec, models_folder)
        verified = own and bool(read_marker(spec, models_folder))
        return ModelState("ready", folder, verified=verified)
    fetched = _bytes_fetched(spec, models_folder)
    return ModelState("partial" if fetched else "missing", bytes_fetched=fetched)


def find(spec: ModelSpec, models_folder: Path, use_hub_cache: bool = True) -> Path | None:
    """The folder with a complete model, or None."""
    for folder in _places(spec, models_folder, use_hub_cache):
        if folder.is_dir() and not _fault(spec, models_folder, folder):
            return folder
    return None


def why_not(spec: ModelSpec, models_folder: Path, use_hub_cache: bool = True) -> Message:
    """Why `find` finds nothing; empty where it finds the model."""
    there = [f for f in _places(spec, models_folder, use_hub_cache) if f.is_dir()]
    faults = [_fault(spec, models_folder, folder) for folder in there]
    if NOTHING in faults:
        return NOTHING
    fetched = _bytes_fetched(spec, models_folder)
    if fetched and not read_marker(spec, models_folder):
        return Message(
            "Only {size} of {label} were downloaded: press Download to go on.",
            size=size_words(fetched),
            label=spec.label,
        )
    if not faults:
        return Message(NOT_INSTALLED, label=spec.label)
    if faults[0].template == PICKLED:
        return Message(
            "{label} in {folder} {fault}, which Make 4D never loads: download it again or convert "
            "it to safetensors.",
            label=spec.label,
            folder=there[0],
            fault=faults[0],
        )
    return Message(
        "{label} in {folder} can't be used, {fault}: download it again.",
        label=spec.label,
        folder=there[0],
        fault=faults[0],
    )


def remove(spec: ModelSpec, models_folder: Path) -> bool:
    """Delete a model that was downloaded into the models folder; returns whether there was one.

    Folders that the artist put there stay, and so does the user's Hugging Face cache: where that
    is the models folder, or the files can't be deleted, ModelError is raised.
    """
    folder = repository_folder(spec.hub_id, models_folder)
    if not os.path.lexists(folder):
        return False
    if folder.resolve().is_relative_to(hub_cache().resolve()):
        raise ModelError(
            "{label} lies in your Hugging Face cache {folder}, which other programs use too: "
            "delete it there, or choose another Models Folder.",
            label=spec.label,
            folder=hub_cache(),
        )
    try:
        folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
    except OSError as error:
        raise ModelError(
            "{label} in {folder} can't be deleted ({reason}): end what uses it, or delete the "
            "folder by hand.",
            label=spec.label,
            folder=folder,
            reason=error.strerror,
        ) from error
    shutil.rmtree(lock_folder(spec, models_folder), ignore_errors=True)
    return True


def is_wanted(spec: ModelSpec, name: str) -> bool:
    """Whether a file of the repository is needed and may be had: no pickles and no code."""
    if name.lower().endswith(NEVER):
        return False
    return any(fnmatchcase(name, pattern) for pattern in spec.files)


def repository_folder(hub_id: str, cache: Path) -> Path:
    """A repository's folder in the layout of the hub's cache."""
    return cache / f"models--{hub_id.replace('/', '--')}"


def snapshot_folder(spec: ModelSpec, cache: Path) -> Path:
    """Where the files of the pinned revision lie in the layout of the hub's cache."""
    return repository_folder(spec.hub_id, cache) / "snapshots" / spec.revision


def lock_folder(spec: ModelSpec, models_folder: Path) -> Path:
    """Where downloads of a repository lock each other out, as in the hub's cache."""
    return models_folder / ".locks" / repository_folder(spec.hub_id, models_folder).name


def marker_path(spec: ModelSpec, models_folder: Path) -> Path:
    """The file that a verified download leaves beside its snapshot."""
    return repository_folder(spec.hub_id, models_folder) / f"make-4d-{spec.key}.json"


def read_marker(spec: ModelSpec, models_folder: Path) -> dict[str, Any]:
    """What a verified download of the pinned revision noted, or nothing.

    Keys: `key`, `hub_id`, `revision`, `files`: by name, a dictionary of `size` and `sha256`.
    """
    marker = read_json(marker_path(spec, models_folder))
    same = marker.get("hub_id") == spec.hub_id and marker.get("revision") == spec.revision
    return marker if same and isinstance(marker.get("files"), dict) else {}


def hub_cache() -> Path:
    """The user's Hugging Face cache, by the same environment variables as the hub's library."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~") / ".cache")
    hub_home = os.environ.get("HF_HOME") or str(Path(home) / "huggingface")
    cache = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    cache = os.path.expandvars(cache or str(Path(hub_home) / "hub"))
    with contextlib.suppress(RuntimeError):  # a user without a home
        return Path(cache).expanduser()
    return Path(cache)


def size_words(size: int) -> str:
    """Bytes in words: "4.9 GB"."""
    number, unit = _in_unit(size, size)
    return f"{number} {unit}"


def amount_words(done: int, total: int) -> Message:
    """What came of a total in bytes, in words: "1.2 of 4.9 GB"."""
    return Message("{done} of {total}", done=_in_unit(done, total)[0], total=size_words(total))


def _in_unit(size: int, largest: int) -> tuple[str, str]:
    """Bytes in the unit that fits the largest of several numbers, and that unit."""
    unit, name = (1e9, "GB") if largest >= 1e9 else (1e6, "MB") if largest >= 1e6 else (1e3, "kB")
    return f"{size / unit:.{1 if unit == 1e9 else 0}f}", name


def _places(spec: ModelSpec, models_folder: Path, use_hub_cache: bool) -> Iterator[Path]:
    """Folders where the model may lie, the best first."""
    if models_folder != Path():  # none was chosen
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
    """Bytes that an unfinished download has on the disk."""
    snapshot = snapshot_folder(spec, models_folder)
    names = [(file, file.relative_to(snapshot).as_posix()) for file in snapshot.rglob("*")]
    files = [file for file, name in names if is_wanted(spec, name)]
    files += (repository_folder(spec.hub_id, models_folder) / "blobs").glob("*.incomplete")
    return sum(max(_size(file), 0) for file in files)


def _fault(spec: ModelSpec, models_folder: Path, folder: Path) -> Message:
    """What keeps a model's folder from being loaded, as a clause, or an empty one."""
    if folder == snapshot_folder(spec, models_folder):
        for name, record in read_marker(spec, models_folder).get("files", {}).items():
            if _size(folder / name) != record.get("size"):
                return Message("{file} is not what was downloaded", file=name)
    return missing_from(spec, folder)


def _size(path: Path) -> int:
    """Size in bytes, -1 where there is no such file (or where a link to it is broken)."""
    try:
        return path.stat().st_size if path.is_file() else -1
    except OSError:
        return -1
