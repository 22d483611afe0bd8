"""The pictures of a run that an artist may paint in, and what was painted, on its way back.

Each belongs to a stage: the wide photo (`outpaint`), its disparity (`depth`), a mask for every
layer but the last (`cluster`) and the completed picture of every layer but the first (`inpaint`).
Names count layers from 0, the nearest.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

OUTPAINTED, DISPARITY, MASK, LAYER = "outpainted", "disparity", "mask_", "layer_"
FOLDER = "pictures"
"""Folder of a stage cache in which pictures lie; it is never tidied up: scenes show them."""
MOTION_FILE = "motion.npz"
"""In a folder of edits: the edits of the motion (see `motion_edits`)."""
_SUFFIX = ".picture.npz"


@dataclass(frozen=True)
class EditableImage:
    """One picture of a finished run.

    name: as above; file: path of its PNG; base: key of the stage's result before anything painted;
    edited: whether something painted is in it.
    """

    name: str
    file: str
    base: str
    edited: bool = False


@dataclass(frozen=True, eq=False)
class ImageEdit:
    """A picture as the artist left it.

    base: of the `Picture` that was painted in; pixels: (H, W) or (H, W, 3) uint8 or uint16, top row
    first, in the levels of `levels_of`.
    """

    name: str
    base: str
    pixels: NDArray[np.uint8] | NDArray[np.uint16]


def stage_of(name: str) -> str:
    """The stage that a picture is the result of; raises ValueError where there is none."""
    if name in (OUTPAINTED, DISPARITY):
        return {OUTPAINTED: "outpaint", DISPARITY: "depth"}[name]
    if name.startswith(MASK):
        return "cluster"
    if name.startswith(LAYER):
        return "inpaint"
    raise ValueError(f"there is no picture '{name}'")


def layer_in(name: str) -> int:
    """The number of the layer that a mask or a layer's picture belongs to, -1 for the others."""
    return int(name.rpartition("_")[2]) if name.startswith((MASK, LAYER)) else -1


def is_gray(name: str) -> bool:
    """Whether a picture holds one value a pixel and no color."""
    return name == DISPARITY or name.startswith(MASK)


def levels_of(name: str) -> int:
    """The highest level of a picture's pixels: disparity needs more than eight bits."""
    return 65535 if name == DISPARITY else 255


def quantized(name: str, values: NDArray[np.floating]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Values 0..1 of a picture as its levels."""
    levels = np.rint(np.clip(values, 0.0, 1.0) * np.float32(levels_of(name)))
    if levels_of(name) > 255:
        return levels.astype(np.uint16)
    return levels.astype(np.uint8)


def save_image_edits(edits: Iterable[ImageEdit], folder: Path) -> None:
    """Write edits into an existing folder, a file each; raises OSError where that can't be done."""
    for edit in edits:
        with (folder / f"{edit.name}{_SUFFIX}").open("wb") as file:
            np.savez(file, pixels=edit.pixels, base=np.array(edit.base))


def image_edit_files(folder: Path) -> dict[str, Path]:
    """The files of the pictures' edits in a folder, by the pictures' names."""
    return {f.name.removesuffix(_SUFFIX): f for f in sorted(folder.glob(f"*{_SUFFIX}"))}


def load_image_edit(file: Path) -> ImageEdit:
    """What `save_picture_edits` wrote; raises OSError or ValueError where the file is torn."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            name = file.name.removesuffix(_SUFFIX)
            return ImageEdit(name, str(arrays["base"]), arrays["pixels"])
    except (KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file.name} is damaged") from error
