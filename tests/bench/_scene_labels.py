"""Pictures that people marked: the folders of labels that `./make4d bench scene` compares with.

Beside a picture NAME.jpg (or .jpeg, .png) lie images that say what is where:

    NAME-regions.png      0 sky, 1 tree, 2 road, 3 grass, 4 water, 5 building, 6 mountain,
                          7 object in front, 255 unknown
    NAME-surfaces.png     0 sky, 1 lies flat, 2 stands upright, 255 unknown
    NAME-water.png        1 water, 0 anything else
    NAME-moves.png        1 sky or water, 0 what stands still
    NAME-sky.png          128 and more: sky
    NAME-motion-mask.png  128 and more: water

and in `horizons.txt`, a line per picture: name, width, height, row of the horizon (which may lie
outside the picture). A picture may have any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from make_4d.geometry.core.camera import FloatArray
from make_4d.geometry.landscapes.truth import Mask
from make_4d.ml.common.photo_file import PhotoError
from make_4d.ml.photo.load import load_photo
from numpy.typing import NDArray

SKY, TREE, ROAD, GRASS, WATER, BUILDING, MOUNTAIN, OBJECT = range(8)
"""Values of a region."""
FLAT, UPRIGHT = 1, 2
"""Values of a surface that isn't sky."""
UNKNOWN = 255
MASK_FROM = 128
"""The least value of what belongs to a mask in shades of gray."""
SUFFIXES = ("regions", "surfaces", "water", "moves", "sky", "motion-mask")
PICTURES = (".jpg", ".jpeg", ".png")
HORIZONS = "horizons.txt"
LONGER_SIDE = 512
"""Pictures and their labels are scaled to this many pixels, as photos are by the add-on's
defaults."""

Classes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Marks:
    """A marked part of a picture.

    Attributes:
        inside: (H, W), the marked part.
        known: (H, W), where people decided.
    """

    inside: Mask
    known: Mask


@dataclass(frozen=True, eq=False)
class Labels:
    """What people marked in a picture (H, W); None is what nobody marked.

    Attributes:
        sky: The sky.
        water: Water, still or falling.
        moves: What should move: sky and water.
        flat: What lies flat; known where something other than the sky is flat or upright.
        regions: (H, W), SKY to OBJECT or UNKNOWN.
        horizon: Row of the horizon in pixels, may lie outside the picture.
    """

    sky: Marks | None = None
    water: Marks | None = None
    moves: Marks | None = None
    flat: Marks | None = None
    regions: Classes | None = None
    horizon: float | None = None


@dataclass(frozen=True, eq=False)
class Labelled:
    """A picture with labels.

    Attributes:
        name: Of the file, without its ending.
        image: (H, W, 3) float32, sRGB 0..1.
        labels: Of the same size.
    """

    name: str
    image: FloatArray
    labels: Labels


class LabelsError(Exception):
    """A folder or file of labels can't be read. The text is one sentence."""


def labelled_folders(folder: Path) -> dict[str, list[Path]]:
    """Return the labelled pictures in a folder and its subfolders, sorted, by the folder's name."""
    if not folder.is_dir():
        raise LabelsError(f"There is no folder {folder}.")
    folders = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    found = {path.name: labelled_pictures(path) for path in folders}
    return {name: pictures for name, pictures in found.items() if pictures}


def labelled_pictures(folder: Path) -> list[Path]:
    """Return the pictures in a folder, sorted by name, that have a label beside them."""
    names = {path.name for path in folder.iterdir()}
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURES
        and any(f"{path.stem}-{suffix}.png" in names for suffix in SUFFIXES)
    )


def chosen[T](items: Sequence[T], half: str = "all", limit: int | None = None) -> list[T]:
    """Return every second item, from the first (half a) or second (b) on, or all of them.

    At most `limit` of these, evenly spaced.
    """
    part = list(items)[{"a": slice(0, None, 2), "b": slice(1, None, 2), "all": slice(None)}[half]]
    if limit is None or len(part) <= limit:
        return part
    return [part[k * len(part) // limit] for k in range(limit)]


def load_labelled(path: Path) -> Labelled:
    """Read a picture and the labels beside it; raises LabelsError."""
    try:
        image = load_photo(path, LONGER_SIDE).image
    except PhotoError as error:
        raise LabelsError(f"{path}: {error}") from error
    height, width = image.shape[:2]

    def read(suffix: str) -> Classes | None:
        return _read_label(path.with_name(f"{path.stem}-{suffix}.png"), (width, height))

    return Labelled(path.stem, image, _labels(read, _horizon(path, height)))


def _labels(read: Callable[[str], Classes | None], horizon: float | None) -> Labels:
    """Return the labels of the images that `read` returns by their suffix."""
    regions, surfaces = read("regions"), read("surfaces")
    water, motion = _marks(read("water"), 1), _marks(read("motion-mask"), MASK_FROM)
    sky, moves = _marks(read("sky"), MASK_FROM), _marks(read("moves"), 1)
    if regions is not None:
        sky = Marks(regions == SKY, regions != UNKNOWN)
        water = Marks(regions == WATER, regions != UNKNOWN)
    flat = None
    if surfaces is not None:
        flat = Marks(surfaces == FLAT, (surfaces == FLAT) | (surfaces == UPRIGHT))
    return Labels(sky, water or motion, moves, flat, regions, horizon)


def _marks(image: Classes | None, least: int) -> Marks | None:
    if image is None:
        return None
    return Marks(image >= least, np.ones(image.shape, bool))


def _read_label(path: Path, size: tuple[int, int]) -> Classes | None:
    """Read an image of labels and scale it to a width and height; None if there is none."""
    if not path.exists():
        return None
    label = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if label is None:
        raise LabelsError(f"{path} is not a readable image.")
    return cv2.resize(label, size, interpolation=cv2.INTER_NEAREST).astype(np.uint8)


def _horizon(path: Path, height: int) -> float | None:
    """Return the row of a picture's horizon at this height, None if nobody marked it."""
    table = path.with_name(HORIZONS)
    if not table.exists():
        return None
    for line in table.read_text(encoding="utf-8").splitlines():
        name, *numbers = line.split()
        if name == path.stem:
            return float(numbers[2]) / float(numbers[1]) * height
    return None
