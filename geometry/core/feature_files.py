"""The files of feature maps: too large for a .blend, found again by their id.

They lie in a folder of the stage cache that is never tidied up, so that a scene keeps its features.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = "features"


def features_path(cache: Path, name: str) -> Path:
    """Where the maps with the id `name` lie in a cache folder, if they are there."""
    return cache / FOLDER / f"{name}.npz"


def save_features(cache: Path, name: str, maps: NDArray[np.float16], size: tuple[int, int]) -> Path:
    """Write maps (L, C, h, w) of layers with `size` (H, W) pixels; returns the file.

    The file appears by one rename. Raises OSError where the disk is full or not writable.
    """
    path = features_path(cache, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".part")
    with scratch.open("wb") as file:
        np.savez(file, maps=maps, size=np.array(size, np.int32))
    scratch.replace(path)
    return path


def load_features(path: Path) -> tuple[NDArray[np.float16], tuple[int, int]]:
    """What `save_features` wrote; raises OSError or ValueError where the file is torn."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            height, width = (int(length) for length in stored["size"])
            return stored["maps"], (height, width)
    except (KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} is damaged") from error
