"""What the worker needs to generate a frame with the paper's networks, as files."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray

STILL, FORWARD, BACKWARD = 0, 1, 2
PAPER_RADIUS = 1.25 * 1.5
"""Radius in pixels of the photo of the paper's adaptive rule r = 1.25 * 1.5 * z_photo / z, with
which its decoder was trained."""


@dataclass(frozen=True)
class NeuralFrame:
    """P points as a camera sees them.

    Attributes:
        u, v: (P,) center in pixels from the top left.
        z: (P,) depth in scene units.
        radius: (P,) pixels.
        color: (P, 3) sRGB, 0 to 1.
        opacity: (P,) 0 to 1.
        disparity: (P,) 1 / z, scaled to the range 0 to 1 over these points.
        pixel: (P,) int32, the pixel of the feature maps that belongs to the point, -1 for none.
        source: (P,) int32, index into `features`, -1 for none.
        group: (P,) int8, STILL, FORWARD or BACKWARD.
        size: (h, w) of the image.
        phase: t / N of the loop.
        nearest: number K of discs composited in a pixel.
        features: paths of the files of feature maps.
        networks: path of the checkpoint.
    """

    u: FloatArray
    v: FloatArray
    z: FloatArray
    radius: FloatArray
    color: FloatArray
    opacity: FloatArray
    disparity: FloatArray
    pixel: NDArray[np.int32]
    source: NDArray[np.int32]
    group: NDArray[np.int8]
    size: tuple[int, int]
    phase: float
    nearest: int
    features: tuple[str, ...]
    networks: str


_ARRAYS = ("u", "v", "z", "radius", "color", "opacity", "disparity", "pixel", "source", "group")


def save_frame(frame: NeuralFrame, folder: Path) -> None:
    """Write a frame into an existing folder, for `load_frame`."""
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", getattr(frame, name))
    scalars = {name: value for name, value in vars(frame).items() if name not in _ARRAYS}
    (folder / "frame.json").write_text(json.dumps(scalars), encoding="utf-8")


def load_frame(folder: Path) -> NeuralFrame:
    """Read what `save_frame` wrote."""
    record = json.loads((folder / "frame.json").read_text(encoding="utf-8"))
    record["size"], record["features"] = tuple(record["size"]), tuple(record["features"])
    for name in _ARRAYS:
        record[name] = np.load(folder / f"{name}.npy", allow_pickle=False)
    assert record.keys() == {field.name for field in fields(NeuralFrame)}
    return NeuralFrame(**record)
