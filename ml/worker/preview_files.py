"""Previews for Blender: small files, each with a new name, so that none is read half-written."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from ...geometry.core.camera import FloatArray

KEPT = 4
"""Number of newest files to keep; Blender reads only the newest."""


class PreviewFiles:
    """Writes previews into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()

    def save(self, image: FloatArray) -> str:
        """Write an image (h, w, 3), sRGB 0..1, and return its path."""
        number = next(self._numbers)
        path = self._path(number)
        pixels = np.clip(np.nan_to_num(image) * 255.0 + 0.5, 0, 255).astype(np.uint8)
        np.save(path, pixels, allow_pickle=False)
        self._path(number - KEPT).unlink(missing_ok=True)
        return str(path)

    def _path(self, number: int) -> Path:
        return self._folder / f"preview-{number}.npy"
