"""Contact sheets: pictures side by side and below each other, in a PNG file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from make_4d.geometry.core.camera import FloatArray
from make_4d.geometry.landscapes.truth import to_bytes

GAP = 4


def write_sheet(path: Path, lines: Sequence[Sequence[FloatArray]]) -> None:
    """Write lines of pictures (H, W, 3), as many in each line; folders are made where missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    strips = [np.hstack([padded(picture) for picture in line]) for line in lines]
    cv2.imwrite(str(path), to_bytes(np.vstack(strips))[..., ::-1])


def padded(picture: FloatArray) -> FloatArray:
    """The picture with a white gap at its right and below."""
    return np.pad(picture, ((0, GAP), (0, GAP), (0, 0)), constant_values=1.0)
