"""Which files are photos that Make 4D can use, and the messages for those that are not.

Blender's side and the worker check files with the same functions, so both refuse the same files
with the same words. Needs Python and NumPy only.
"""

from __future__ import annotations

import importlib.util
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...geometry.core.messages import Message, UserError
from .photo_header import Header, read_header

MIN_SIDE = 16
MAX_ASPECT = 8.0
MAX_FILE_BYTES = 1 << 30
MAX_PIXELS = 128_000_000
"""Decoded to float32 in one piece, this many pixels need about 2 GB."""
MAX_JPEG_PIXELS = 400_000_000
"""A JPEG can be decoded at a half, a quarter or an eighth of its size."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif")
"""File name suffixes of photos that can be read."""
RAW_SUFFIXES = frozenset(
    (".3fr", ".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".srw")
)
SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations whose width is stored as height."""

MISSING = "There is no file '{path}'; check the photo's name and folder."
NOT_A_FILE = "'{path}' is not a file; choose a photo inside it."
CAMERA_RAW = "'{name}' is a camera raw file; develop it to JPEG or TIFF first."
FILE_TOO_LARGE = "'{name}' is larger than 1 GB; save a smaller copy of the photo."
EMPTY = "'{name}' is empty; copy the photo again."
UNREADABLE = "'{path}' can't be read ({reason}); check its permissions."
UNKNOWN_KIND = (
    "'{name}' is not a JPEG, PNG, WebP, TIFF, BMP, AVIF or HEIC image that can be read; "
    "save the photo as JPEG or PNG."
)
NEEDS_HEIC = (
    "'{name}' is a HEIC photo; save it as JPEG, or install the full Make 4D, which reads HEIC."
)
PLAIN_CMYK = "'{name}' is a CMYK JPEG that does not say how its inks are stored; save it as RGB."
DAMAGED = "'{name}' is damaged or incomplete; copy it again, or save it again as JPEG or PNG."
IMAGE_SIZE = "'{name}' is {width} x {height} pixels"
TOO_SMALL = "{size}; choose a photo with at least {least} pixels on each side."
TOO_LONG = "{size}; crop it until no side is more than {most:.0f} times as long as the other."
TOO_LARGE = "{size}; scale it down to at most {most} megapixels."


class PhotoError(UserError, ValueError):
    """A photo that can't be used; the text is one sentence that says what to do."""


@dataclass(frozen=True)
class PhotoFacts:
    """What the header of a photo's file says.

    Attributes:
        width, height: Size in pixels, after EXIF rotation.
        orientation: EXIF orientation, 1 to 8.
        focal_35mm: 35 mm equivalent focal length in millimeters, None where the file has none.
    """

    width: int
    height: int
    orientation: int = 1
    focal_35mm: float | None = None


def photo_facts(path: Path) -> PhotoFacts:
    """Read a photo's size and lens from its file's header; raises PhotoError.

    Takes about a millisecond. In JPEG files of up to 32 MB it also looks for the end marker.
    """
    check_file(path)
    with _mapped(path) as data:
        header = checked_header(data, path.name)
    size = (header.width, header.height)
    width, height = reversed(size) if header.orientation in SIDEWAYS else size
    return PhotoFacts(width, height, header.orientation, header.focal_35mm)


def check_file(path: Path) -> None:
    """Raise PhotoError unless `path` is a file that can be a photo, by name and length."""
    if not path.exists():
        raise PhotoError(MISSING, path=path)
    if not path.is_file():
        raise PhotoError(NOT_A_FILE, path=path)
    if path.suffix.lower() in RAW_SUFFIXES:
        raise PhotoError(CAMERA_RAW, name=path.name)
    try:
        length = path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    if length > MAX_FILE_BYTES:
        raise PhotoError(FILE_TOO_LARGE, name=path.name)
    if not length:
        raise PhotoError(EMPTY, name=path.name)


def unreadable(path: Path, error: OSError) -> PhotoError:
    """Return the error for a file that the system does not let us read."""
    return PhotoError(UNREADABLE, path=path, reason=error.strerror or "unknown error")


def checked_header(data: bytes | mmap.mmap, name: str) -> Header:
    """Return the header of a photo's bytes; raises PhotoError unless it can be used.

    Args:
        data: The file's bytes, read or mapped.
        name: The file's name, for messages.
    """
    header = read_header(data)
    if header is None:
        raise PhotoError(UNKNOWN_KIND, name=name)
    if header.kind == "HEIC" and importlib.util.find_spec("pillow_heif") is None:
        raise PhotoError(NEEDS_HEIC, name=name)
    if header.plain_cmyk:
        raise PhotoError(PLAIN_CMYK, name=name)
    check_size(header.kind, header.width, header.height, name)
    if header.is_cut_short:
        raise PhotoError(DAMAGED, name=name)
    return header


def check_size(kind: str, width: int, height: int, name: str) -> None:
    """Raise PhotoError for an image that is too small, too long or too large to decode.

    Args:
        kind: The kind of file, as in `Header`.
        width, height: Size in pixels.
        name: The file's name, for messages.
    """
    size = Message(IMAGE_SIZE, name=name, width=width, height=height)
    if min(width, height) < MIN_SIDE:
        raise PhotoError(TOO_SMALL, size=size, least=MIN_SIDE)
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PhotoError(TOO_LONG, size=size, most=MAX_ASPECT)
    limit = MAX_JPEG_PIXELS if kind == "JPEG" else MAX_PIXELS
    if width * height > limit:
        raise PhotoError(TOO_LARGE, size=size, most=limit // 1_000_000)


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn stored pixels upright.

    Args:
        pixels: (h, w, ...) array, top row first.
        orientation: EXIF orientation, 1 to 8.
    """
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    """Map the file's bytes into memory, so that only the parts that are used are read."""
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            yield data
    except OSError as error:
        raise unreadable(path, error) from error
