"""The images of a run that the artist may paint in, and the files of the edits.

Each image is a result of a stage: the outpainted photo (`outpaint`), its disparity (`depth`), a
mask for each layer except the last (`cluster`) and the completed image of each layer except the
first (`inpaint`). Names count layers from 0, the nearest.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

OUTPAINTED, DISPARITY, MASK, LAYER = "outpainted", "disparity", "mask_", "layer_"
FOLDER = "editable_images"
"""Folder of a stage cache with the PNG files, which is never pruned: scenes refer to them."""
MOTION_FILE = "motion.npz"
"""In a folder of edits: the edits of the motion (see `motion_edits`)."""
EDIT_SUFFIX = ".image.npz"
"""Ending of the file of an edit."""
UNKNOWN = "there is no editable image '{name}'"
DAMAGED = "{name} is damaged"


@dataclass(frozen=True)
class EditableImage:
    """An editable image of a finished run.

    Attributes:
        name: OUTPAINTED, DISPARITY, or MASK or LAYER with a layer's number.
        file: Path of its PNG file.
        base: Cache key of the stage's result without edits.
        edited: Whether the image contains edits.
    """

    name: str
    file: str
    base: str
    edited: bool = False


@dataclass(frozen=True, eq=False)
class ImageEdit:
    """An editable image as the artist painted it.

    Attributes:
        name: Name of the image.
        base: `EditableImage.base` of the image that was painted in.
        pixels: Levels (H, W) or (H, W, 3), uint8 or uint16, top row first; see `levels_of`.
    """

    name: str
    base: str
    pixels: NDArray[np.uint8] | NDArray[np.uint16]


def stage_of(name: str) -> str:
    """Return the stage whose result an image shows; raises ValueError for an unknown name."""
    if name in (OUTPAINTED, DISPARITY):
        return {OUTPAINTED: "outpaint", DISPARITY: "depth"}[name]
    if name.startswith(MASK):
        return "cluster"
    if name.startswith(LAYER):
        return "inpaint"
    raise ValueError(UNKNOWN.format(name=name))


def layer_in(name: str) -> int:
    """Return the layer that a mask or a layer's image belongs to, -1 for other images."""
    return int(name.rpartition("_")[2]) if name.startswith((MASK, LAYER)) else -1


def is_gray(name: str) -> bool:
    """Whether an image has one value per pixel, no color."""
    return name == DISPARITY or name.startswith(MASK)


def levels_of(name: str) -> int:
    """Return the highest level of an image's pixels; disparity needs more than 8 bits."""
    return 65535 if name == DISPARITY else 255


def quantized(name: str, values: NDArray[np.floating]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Convert values 0..1 of an image to its levels."""
    levels = np.rint(np.clip(values, 0.0, 1.0) * np.float32(levels_of(name)))
    if levels_of(name) > 255:
        return levels.astype(np.uint16)
    return levels.astype(np.uint8)


def save_image_edits(edits: Iterable[ImageEdit], folder: Path) -> None:
    """Write each edit to a file in an existing folder; raises OSError if that fails."""
    for edit in edits:
        with (folder / f"{edit.name}{EDIT_SUFFIX}").open("wb") as file:
            np.savez(file, pixels=edit.pixels, base=np.array(edit.base))


def image_edit_files(folder: Path) -> dict[str, Path]:
    """Return the files of the edits in a folder by image name."""
    return {f.name.removesuffix(EDIT_SUFFIX): f for f in sorted(folder.glob(f"*{EDIT_SUFFIX}"))}


def load_image_edit(file: Path) -> ImageEdit:
    """Read a file of `save_image_edits`; raises OSError, or ValueError if the file is damaged."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            name = file.name.removesuffix(EDIT_SUFFIX)
            return ImageEdit(name, str(arrays["base"]), arrays["pixels"])
    except (KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(DAMAGED.format(name=file.name)) from error
