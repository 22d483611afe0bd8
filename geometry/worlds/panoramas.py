"""Blender's own panoramas as arrays, since neither OpenCV nor Pillow reads OpenEXR files.

    python .ci/run_module.py geometry.worlds.panoramas DIR

writes those of the bpy module into DIR. They are under CC0: see `docs/training-photos.md`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np

FOLDER = "studiolights/world"


def main(arguments: list[str], boot: list[str]) -> int:
    """Convert the panoramas; returns the exit status."""
    del boot
    if len(arguments) != 1:
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    target = Path(arguments[0])
    target.mkdir(parents=True, exist_ok=True)
    for source in sorted(Path(bpy.utils.system_resource("DATAFILES", path=FOLDER)).glob("*.exr")):
        convert(source, target / f"{source.stem}.npy")
    return 0


def convert(source: Path, target: Path) -> None:
    """Write an image file as an array (H, W, 3) float16 in linear light, the first row on top."""
    image = bpy.data.images.load(str(source))
    width, height = image.size
    pixels = np.empty((height, width, image.channels), np.float32)
    image.pixels.foreach_get(pixels.ravel())
    bpy.data.images.remove(image)
    np.save(target, pixels[::-1, :, :3].astype(np.float16))
