"""Contact sheets: a grid of images in a PNG file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from make_4d.geometry.core.camera import FloatArray
from make_4d.geometry.landscapes.truth import to_bytes

GAP = 4


def write_sheet(path: Path, lines: Sequence[Sequence[FloatArray]]) -> None:
    """Write rows of images (H, W, 3), equally many per row, creating folders if necessary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    strips = [np.hstack([padded(image) for image in line]) for line in lines]
    cv2.imwrite(str(path), to_bytes(np.vstack(strips))[..., ::-1])


def padded(image: FloatArray) -> FloatArray:
    """Return the image with a white gap to its right and below."""
    return np.pad(image, ((0, GAP), (0, GAP), (0, 0)), constant_values=1.0)
