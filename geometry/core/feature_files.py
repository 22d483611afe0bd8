"""Files of feature maps, which are too large for a .blend; scenes refer to them by id.

They are in a folder of the stage cache that is never pruned, so that a scene keeps its features.
"""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = "features"
_ID = re.compile(r"[0-9a-f]{24}")


def is_feature_id(text: str) -> bool:
    """Whether a text is an id as the worker makes them; a .blend may hold anything."""
    return _ID.fullmatch(text) is not None


def features_path(cache: Path, feature_id: str) -> Path:
    """Return the path of feature maps in a cache folder, whether or not they are there.

    Raises ValueError for a text that is no id, so that no other file can be named with it.
    """
    if not is_feature_id(feature_id):
        raise ValueError(f"not the id of features: {feature_id!r}")
    return cache / FOLDER / f"{feature_id}.npz"


def find_features(caches: Iterable[Path], feature_id: str) -> Path | None:
    """Return the file of feature maps in the first cache folder that has it.

    None if no folder has it, or if the text is no id.
    """
    if not is_feature_id(feature_id):
        return None
    paths = (features_path(cache, feature_id) for cache in caches)
    return next((path for path in paths if path.is_file()), None)


def save_features(
    cache: Path, feature_id: str, maps: NDArray[np.float16], size: tuple[int, int]
) -> Path:
    """Write feature maps and return the file, which appears by one rename.

    Args:
        cache: The cache folder.
        feature_id: Id of the maps.
        maps: (L, C, h, w), one map a layer.
        size: (H, W), pixels of the layers.

    Raises OSError if the disk is full or not writable.
    """
    path = features_path(cache, feature_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, maps=maps, size=np.array(size, np.int32))
        Path(scratch).replace(path)
    except OSError:
        Path(scratch).unlink(missing_ok=True)
        raise
    return path


def load_features(path: Path) -> tuple[NDArray[np.float16], tuple[int, int]]:
    """Return maps and size as given to `save_features`.

    Raises OSError or ValueError if the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            height, width = (int(length) for length in stored["size"])
            return stored["maps"], (height, width)
    except (KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} is damaged") from error
