"""The artist's edits of the motion (painted regions, drawn guides) and the file that holds them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .camera import FloatArray

UNREADABLE = "{path} doesn't contain edits of the motion, or is damaged"
_REGIONS, _POINTS, _LENGTHS = "regions", "guide_points", "guide_lengths"


@dataclass(frozen=True, eq=False)
class MotionEdits:
    """Edits of the motion, in pixels of the outpainted photo (H, W).

    Attributes:
        regions: Motion regions (H, W) float32, 0..1; None to use the detected ones.
        guides: Polylines (n, 3) float32, n >= 2, in the direction of the flow, with rows x, y and
            speed. Speed is a factor: 1 is the automatic speed at that position, 0 stands still.
    """

    regions: FloatArray | None = None
    guides: tuple[FloatArray, ...] = ()

    def __bool__(self) -> bool:
        return self.regions is not None or bool(self.guides)


def save_edits(edits: MotionEdits, path: Path) -> None:
    """Write edits to a file (.npz); raises OSError if that fails."""
    guides = [np.asarray(guide, np.float32).reshape(-1, 3) for guide in edits.guides]
    arrays: dict[str, Any] = {
        _POINTS: np.concatenate([np.zeros((0, 3), np.float32), *guides]),
        _LENGTHS: np.array([len(guide) for guide in guides], np.int32),
    }
    if edits.regions is not None:
        # 8 bits, like the artist's image: a small file, and equal images give equal cache keys.
        arrays[_REGIONS] = np.rint(np.clip(edits.regions, 0.0, 1.0) * 255).astype(np.uint8)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_edits(path: Path) -> MotionEdits:
    """Read what `save_edits` wrote; raises OSError, or ValueError if the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            points, lengths = arrays[_POINTS], arrays[_LENGTHS]
            regions = arrays.get(_REGIONS)
    except (KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(UNREADABLE.format(path=path)) from error
    guides = np.split(points, np.cumsum(lengths)[:-1]) if len(lengths) else []
    scaled = None if regions is None else (regions / np.float32(255)).astype(np.float32)
    return MotionEdits(scaled, tuple(guides))
