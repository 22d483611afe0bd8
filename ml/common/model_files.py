"""Whether a model's folder has everything that a loader needs.

This looks at names, lengths and small files only; it loads no library and no weights.
"""

from __future__ import annotations

import contextlib
import json
import os
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from ...geometry.core.messages import Message
from .registry import ModelSpec

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle")
PICKLED = "contains only pickled weights ({endings})"
NO_PART = "its model_index.json doesn't list {part}"
NO_CONFIGURATION = "{part} has no configuration"
INCOMPLETE = "{file} is empty, damaged or truncated"
SHARD_MISSING = "{file} of {index} is missing, damaged or truncated"
DAMAGED = "{file} is damaged"
MISSING = "{file} is missing"
NOTHING = Message("")
# Parts of a pipeline that inpainting doesn't use.
_UNUSED = ("safety_checker", "feature_extractor", "image_encoder")
_WITHOUT_WEIGHTS = ("Tokenizer", "TokenizerFast", "Scheduler", "Processor", "Extractor")
_CONFIGS = (
    "config.json",
    "scheduler_config.json",
    "tokenizer_config.json",
    "tokenizer.json",
    "vocab.json",
)
_MAX_HEADER_BYTES = 100_000_000


def missing_from(spec: ModelSpec, folder: Path) -> Message:
    """Return what a loader misses in `folder` as a clause, or an empty message."""
    if spec.stage == "inpaint":
        return _missing_from_pipeline(spec, folder)
    for name in ("config.json", "preprocessor_config.json"):
        if not read_json(folder / name):
            return _absent(folder, name)
    return _missing_weights(folder, "", "model", spec.variant)


def _missing_from_pipeline(spec: ModelSpec, folder: Path) -> Message:
    """The same for a pipeline of diffusers; model_index.json lists its parts and their classes."""
    parts = {
        name: entry
        for name, entry in read_json(folder / "model_index.json").items()
        if isinstance(entry, list) and len(entry) == 2 and all(isinstance(e, str) for e in entry)
    }
    if not parts:
        return _absent(folder, "model_index.json")
    for name in ("unet", "vae", "text_encoder"):
        if name not in parts:
            return Message(NO_PART, part=name)
    used = {name: entry for name, entry in parts.items() if name not in _UNUSED}
    faults = (_missing_from_part(spec, folder, name, *entry) for name, entry in used.items())
    return next(filter(None, faults), NOTHING)


def _missing_from_part(
    spec: ModelSpec, folder: Path, name: str, library: str, kind: str
) -> Message:
    if kind.endswith(_WITHOUT_WEIGHTS):
        complete = any(read_json(folder / name / config) for config in _CONFIGS)
        return NOTHING if complete else Message(NO_CONFIGURATION, part=name)
    if not read_json(folder / name / "config.json"):
        return _absent(folder, f"{name}/config.json")
    stem = "diffusion_pytorch_model" if library == "diffusers" else "model"
    return _missing_weights(folder, f"{name}/", stem, spec.variant)


def _missing_weights(folder: Path, part: str, stem: str, variant: str) -> Message:
    """The same for the weights of one network; part: its folder with a slash, or empty."""
    kinds = [variant, ""] if variant else [""]
    names = [f"{stem}.{kind}.safetensors".replace("..", ".") for kind in kinds]
    if any(_is_complete(folder / f"{part}{name}") for name in names):
        return NOTHING
    indices = [f"{name}.index.json" for name in names]
    if variant:
        indices.append(f"{stem}.safetensors.index.{variant}.json")
    present = [f"{part}{name}" for name in indices if (folder / f"{part}{name}").is_file()]
    faults = [_missing_shard(folder, index) for index in present]
    if NOTHING in faults:
        return NOTHING
    existing = [name for name in names if os.path.lexists(folder / f"{part}{name}")]
    if existing:
        return Message(INCOMPLETE, file=f"{part}{existing[0]}")
    return faults[0] if faults else _no_weights(folder, part, names[0])


def _missing_shard(folder: Path, index: str) -> Message:
    """The same for weights in several files, which are listed in an index."""
    shards = read_json(folder / index).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        return Message(DAMAGED, file=index)
    parent = (folder / index).parent
    names = sorted({str(name) for name in shards.values()})
    missing = [name for name in names if not _is_complete(parent / PurePosixPath(name).name)]
    return Message(SHARD_MISSING, file=missing[0], index=index) if missing else NOTHING


def _no_weights(folder: Path, part: str, name: str) -> Message:
    with contextlib.suppress(OSError):
        endings = {f.suffix.lower() for f in (folder / part).iterdir()} & set(PICKLES)
        if endings:
            return Message(PICKLED, endings=", ".join(sorted(endings)))
    return Message(MISSING, file=f"{part}{name}")


def _absent(folder: Path, name: str) -> Message:
    if (folder / name).is_file():
        return Message(DAMAGED, file=name)
    return Message(MISSING, file=name)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file, or an empty one."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        record = json.loads(path.read_text(encoding="utf-8"))
        return record if isinstance(record, dict) else {}
    return {}


def _is_complete(path: Path) -> bool:
    """Whether a safetensors file exists and is as long as its header says."""
    with contextlib.suppress(OSError):
        stat = path.stat()
        return _has_all_tensors(path, stat.st_size, stat.st_mtime_ns)
    return False


@lru_cache(maxsize=512)
def _has_all_tensors(path: Path, size: int, changed: int) -> bool:
    """safetensors: header length (8 bytes, little endian), JSON header, tensors without gaps.

    Args:
        path: The file.
        size, changed: Its size and modification time, so that a changed file is read again.
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
