"""Samples: pictures with labels in files, one `.npz` each, that training reads.

The files need neither bpy nor Cycles to be read or written.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Kind(IntEnum):
    """What a pixel shows."""

    SKY = 0
    WATER = 1
    FALLS = 2
    """Falling or white, rushing water."""
    FLAT = 3
    """Ground that one could walk on."""
    UPRIGHT = 4
    IGNORED = 255
    """Unknown, or neither flat nor upright."""


@dataclass(frozen=True)
class StoredSample:
    """A picture with its labels as a file holds them; arrays are (H, W) unless said otherwise.

    Attributes:
        image: (H, W, 3) uint8, sRGB.
        disparity: float16, 1 / depth along the viewing axis in 1/m; 0 in the sky, NaN if unknown.
        sky: uint8, the sky's coverage of the pixel, 0..255.
        clouds: uint8, density of the clouds, 0..255; 0 outside the sky.
        kind: uint8, values of `Kind`.
        veiled: uint8, 1 where haze hides what is there, so that neither sky nor disparity can be
            told from the picture.
        camera: (4,) float32: focal length in pixels; pitch, the angle of the viewing axis above the
            horizontal, in radians; roll, clockwise in the picture, in radians; height above the
            ground in meters. NaN if unknown.
    """

    image: NDArray[np.uint8]
    disparity: NDArray[np.float16]
    sky: NDArray[np.uint8]
    clouds: NDArray[np.uint8]
    kind: NDArray[np.uint8]
    veiled: NDArray[np.uint8]
    camera: NDArray[np.float32]


def save_sample(sample: StoredSample, path: Path) -> None:
    """Write a sample; an interrupted run never leaves half a file under this name."""
    scratch = path.with_suffix(".part")
    with scratch.open("wb") as file:
        np.savez(file, **{f.name: getattr(sample, f.name) for f in fields(StoredSample)})
    scratch.replace(path)


def load_sample(path: Path) -> StoredSample:
    """Read a sample; raises OSError or ValueError for a file that isn't one."""
    with np.load(path, allow_pickle=False) as arrays:
        missing = [f.name for f in fields(StoredSample) if f.name not in arrays]
        if missing:
            raise ValueError(f"{path.name} lacks {', '.join(missing)}")
        return StoredSample(**{f.name: arrays[f.name] for f in fields(StoredSample)})
