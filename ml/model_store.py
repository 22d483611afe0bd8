"""Where pretrained models lie on the disk, and whether they are complete.

Blender's side asks this too, so it needs no library and opens no socket. Three places are looked
into, in this order: the models folder in the layout of the hub's cache
(models--ORG--NAME/snapshots/REVISION, where downloads go), the models folder's plain folders
ORG/NAME and NAME (which the artist put there), and the user's own Hugging Face cache.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import ModelError
from .registry import ModelSpec

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle")
NEVER = (*PICKLES, ".py", ".pyc", ".so", ".dll", ".dylib", ".exe")
"""Endings of files that are never fetched: what runs code when it is loaded."""
# Parts of a pipeline that inpainting does without.
_UNUSED = ("safety_checker", "feature_extractor", "image_encoder")
_WITHOUT_WEIGHTS = ("Tokenizer", "TokenizerFast", "Scheduler", "Processor", "Extractor")
_CONFIGS = (
    "config.json",
    "scheduler_config.json",
    "tokenizer_config.json",
    "tokenizer.json",
    "vocab.json",
)
_PICKLED = "holds only pickled weights"
_MAX_HEADER_BYTES = 100_000_000


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


def why_not(spec: ModelSpec, models_folder: Path, use_hub_cache: bool = True) -> str:
    """One sentence that says why `find` finds nothing; empty where it finds the model."""
    there = [f for f in _places(spec, models_folder, use_hub_cache) if f.is_dir()]
    faults = [_fault(spec, models_folder, folder) for folder in there]
    if "" in faults:
        return ""
    fetched = _bytes_fetched(spec, models_folder)
    if fetched and not read_marker(spec, models_folder):
        size = size_words(fetched)
        return f"Only {size} of {spec.label} were downloaded: press Download to go on."
    if not faults:
        return (
            f"{spec.label} is not on this computer: press Download, or put it into the "
            f"Models Folder."
        )
    if faults[0].startswith(_PICKLED):
        return (
            f"{spec.label} in {there[0]} {faults[0]}, which Make 4D never loads: download it again "
            "or convert it to safetensors."
        )
    return f"{spec.label} in {there[0]} can't be used, {faults[0]}: download it again."


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
            f"{spec.label} lies in your Hugging Face cache {hub_cache()}, which other programs "
            "use too: delete it there, or choose another Models Folder."
        )
    try:
        folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
    except OSError as error:
        raise ModelError(
            f"{spec.label} in {folder} can't be deleted ({error.strerror}): end what uses it, or "
            "delete the folder by hand."
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
    marker = _read_json(marker_path(spec, models_folder))
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


def size_words(done: int, total: int | None = None) -> str:
    """Bytes in words: "4.9 GB", and with a total "1.2 of 4.9 GB"."""
    largest = done if total is None else total
    unit, name = (1e9, "GB") if largest >= 1e9 else (1e6, "MB") if largest >= 1e6 else (1e3, "kB")
    digits = 1 if unit == 1e9 else 0
    text = f"{largest / unit:.{digits}f} {name}"
    return text if total is None else f"{done / unit:.{digits}f} of {text}"


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


def _fault(spec: ModelSpec, models_folder: Path, folder: Path) -> str:
    """What keeps a model's folder from being loaded, as a clause, or an empty string."""
    if folder == snapshot_folder(spec, models_folder):
        for name, record in read_marker(spec, models_folder).get("files", {}).items():
            if _size(folder / name) != record.get("size"):
                return f"{name} is not what was downloaded"
    return missing_from(spec, folder)


def missing_from(spec: ModelSpec, folder: Path) -> str:
    """What a loader needs that is not in `folder`, as a clause, or an empty string."""
    if spec.stage == "inpaint":
        return _missing_from_pipeline(spec, folder)
    for name in ("config.json", "preprocessor_config.json"):
        if not _read_json(folder / name):
            return _absent(folder, name)
    return _missing_weights(folder, "", "model", spec.variant)


def _missing_from_pipeline(spec: ModelSpec, folder: Path) -> str:
    """The same for a pipeline of diffusers: model_index.json names its parts and their classes."""
    parts = {
        name: entry
        for name, entry in _read_json(folder / "model_index.json").items()
        if isinstance(entry, list) and len(entry) == 2 and all(isinstance(e, str) for e in entry)
    }
    if not parts:
        return _absent(folder, "model_index.json")
    for name in ("unet", "vae", "text_encoder"):
        if name not in parts:
            return f"its model_index.json names no {name}"
    used = {name: entry for name, entry in parts.items() if name not in _UNUSED}
    faults = (_missing_from_part(spec, folder, name, *entry) for name, entry in used.items())
    return next(filter(None, faults), "")


def _missing_from_part(spec: ModelSpec, folder: Path, name: str, library: str, kind: str) -> str:
    if kind.endswith(_WITHOUT_WEIGHTS):
        whole = any(_read_json(folder / name / config) for config in _CONFIGS)
        return "" if whole else f"{name} holds no configuration"
    if not _read_json(folder / name / "config.json"):
        return _absent(folder, f"{name}/config.json")
    stem = "diffusion_pytorch_model" if library == "diffusers" else "model"
    return _missing_weights(folder, f"{name}/", stem, spec.variant)


def _missing_weights(folder: Path, part: str, stem: str, variant: str) -> str:
    """The same for the weights of one network; part: its folder with a slash, or nothing."""
    kinds = [variant, ""] if variant else [""]
    names = [f"{stem}.{kind}.safetensors".replace("..", ".") for kind in kinds]
    if any(_is_whole(folder / f"{part}{name}") for name in names):
        return ""
    indices = [f"{name}.index.json" for name in names]
    if variant:
        indices.append(f"{stem}.safetensors.index.{variant}.json")
    present = [f"{part}{name}" for name in indices if (folder / f"{part}{name}").is_file()]
    faults = [_missing_shard(folder, index) for index in present]
    if "" in faults:
        return ""
    found = [name for name in names if os.path.lexists(folder / f"{part}{name}")]
    if found:
        return f"{part}{found[0]} is empty, damaged or cut short"
    return faults[0] if faults else _no_weights(folder, part, names[0])


def _missing_shard(folder: Path, index: str) -> str:
    """The same for weights in several files, which their index names."""
    shards = _read_json(folder / index).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        return f"{index} is damaged"
    beside = (folder / index).parent
    wanted = sorted({str(name) for name in shards.values()})
    lost = [name for name in wanted if not _is_whole(beside / PurePosixPath(name).name)]
    return f"{lost[0]} of {index} is missing, damaged or cut short" if lost else ""


def _no_weights(folder: Path, part: str, name: str) -> str:
    with contextlib.suppress(OSError):
        endings = {f.suffix.lower() for f in (folder / part).iterdir()} & set(PICKLES)
        if endings:
            return f"{_PICKLED} ({', '.join(sorted(endings))})"
    return f"{part}{name} is missing"


def _absent(folder: Path, name: str) -> str:
    return f"{name} is {'damaged' if (folder / name).is_file() else 'missing'}"


def _size(path: Path) -> int:
    """Size in bytes, -1 where there is no such file (or where a link to it is broken)."""
    try:
        return path.stat().st_size if path.is_file() else -1
    except OSError:
        return -1


def _read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file, or an empty one."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        record = json.loads(path.read_text(encoding="utf-8"))
        return record if isinstance(record, dict) else {}
    return {}


def _is_whole(path: Path) -> bool:
    """Whether a safetensors file is there and as long as its header says."""
    with contextlib.suppress(OSError):
        stat = path.stat()
        return _has_all_tensors(path, stat.st_size, stat.st_mtime_ns)
    return False


@lru_cache(maxsize=512)
def _has_all_tensors(path: Path, size: int, changed: int) -> bool:
    """safetensors: header length (8 bytes, little endian), JSON header, tensors without gaps.

    size, changed: of the file, so that a file which changed is looked at again.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(size - 8, _MAX_HEADER_BYTES):
                return False
            header = json.loads(file.read(length))
        tensors = [entry for name, entry in header.items() if name != "__metadata__"]
        return max(int(entry["data_offsets"][1]) for entry in tensors) + 8 + length == size
    except (ValueError, AttributeError, KeyError, TypeError, IndexError, RecursionError):
        return False
