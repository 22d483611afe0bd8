"""A photograph's file before anything is decoded: what is wrong with it, its size, its lens.

Needs nothing but Python and NumPy, so that Blender's side can ask too, with the worker's sentences.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry.core.messages import Message, UserError
from . import exif
from .photo_header import Header, exif_block, is_cut_short, read_header

MIN_SIDE = 16
MAX_ASPECT = 8.0
MAX_FILE_BYTES = 1 << 30
MAX_SEARCHED_BYTES = 32 << 20
# Decoded to float32 in one piece, this many pixels need about 2 GB.
MAX_PIXELS = 128_000_000
# A JPEG can be decoded at a half, a quarter or an eighth of its size.
MAX_JPEG_PIXELS = 400_000_000
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
"""How the names of photographs end that can be read."""
_RAW_SUFFIXES = frozenset(
    (".3fr", ".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".srw")
)
SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations whose width is stored as height."""


class PhotoError(UserError, ValueError):
    """A photograph that can't be used; its text is one sentence that says what to do."""


@dataclass(frozen=True)
class PhotoFacts:
    """What a photograph's file tells.

    width, height: pixels after EXIF rotation; orientation: EXIF's, 1..8; focal_35mm: focal length
    in millimetres on 35 mm film, where the camera wrote it.
    """

    width: int
    height: int
    orientation: int = 1
    focal_35mm: float | None = None


def photo_facts(path: Path) -> PhotoFacts:
    """Read a photograph's size and lens from its file, in a millisecond; raises PhotoError.

    Whether a JPEG has an end is asked of smaller files alone: where there is none, all is read.
    """
    check_file(path)
    with _mapped(path) as data:
        header = checked_header(data, path.name)
        if len(data) <= MAX_SEARCHED_BYTES and is_cut_short(data, header):
            raise damaged(path.name)
        return facts_of(header, exif.read_tags(exif_block(data, header.kind)))


def facts_of(header: Header, tags: dict[int, int]) -> PhotoFacts:
    """What the header and the EXIF tags tell together."""
    orientation = tags.get(exif.ORIENTATION, 1)
    orientation = orientation if 1 <= orientation <= 8 else 1
    size = (header.width, header.height)
    width, height = reversed(size) if orientation in SIDEWAYS else size
    return PhotoFacts(width, height, orientation, exif.focal_35mm(tags))


def check_file(path: Path) -> None:
    """Raise PhotoError unless `path` is a file that may be a photograph, by name and length."""
    if not path.exists():
        raise PhotoError("There is no file '{path}'; check the photo's name and folder.", path=path)
    if not path.is_file():
        raise PhotoError("'{path}' is not a file; choose a photo inside it.", path=path)
    if path.suffix.lower() in _RAW_SUFFIXES:
        raise PhotoError(
            "'{name}' is a camera raw file; develop it to JPEG or TIFF first.", name=path.name
        )
    try:
        length = path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    if length > MAX_FILE_BYTES:
        raise PhotoError("'{name}' is over 1 GB; save a smaller copy of the photo.", name=path.name)
    if not length:
        raise PhotoError("'{name}' is empty; copy the photo again.", name=path.name)


def unreadable(path: Path, error: OSError) -> PhotoError:
    """The error for a file that the system does not let read."""
    reason = error.strerror or "unknown error"
    return PhotoError(
        "'{path}' can't be read ({reason}); check its permissions.", path=path, reason=reason
    )


def checked_header(data: bytes | mmap.mmap, name: str) -> Header:
    """The header of a photograph's bytes, within the limits; raises PhotoError."""
    header = read_header(data)
    if header is None:
        raise PhotoError(
            "'{name}' is not a JPEG, PNG, WebP, TIFF or BMP picture that can be read; "
            "save the photo as JPEG or PNG.",
            name=name,
        )
    if header.plain_cmyk:
        raise PhotoError(
            "'{name}' is a CMYK JPEG that does not tell how its inks are stored; save it as RGB.",
            name=name,
        )
    _check_size(header, name)
    return header


def damaged(name: str) -> PhotoError:
    """The error for a file that is not whole."""
    return PhotoError(
        "'{name}' is damaged or cut short; copy it again, or save it anew as JPEG or PNG.",
        name=name,
    )


def _check_size(header: Header, name: str) -> None:
    width, height = header.width, header.height
    stated = Message("'{name}' is {width} x {height} pixels", name=name, width=width, height=height)
    if min(width, height) < MIN_SIDE:
        raise PhotoError(
            "{stated}; choose a photo with at least {least} pixels a side.",
            stated=stated,
            least=MIN_SIDE,
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PhotoError(
            "{stated}; crop it until no side is over {most:.0f} times another.",
            stated=stated,
            most=MAX_ASPECT,
        )
    limit = MAX_JPEG_PIXELS if header.kind == "JPEG" else MAX_PIXELS
    if width * height > limit:
        raise PhotoError(
            "{stated}; scale it down to at most {most} megapixels.",
            stated=stated,
            most=limit // 1_000_000,
        )


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[np.generic]:
    """Turn stored pixels (h, w, ...), top row first, as EXIF's orientation (1..8) says."""
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    """The file's bytes, of which only those that are asked for are read."""
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            yield data
    except OSError as error:
        raise unreadable(path, error) from error
