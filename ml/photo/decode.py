"""Decode a photo's file: upright pixels in sRGB, and what the file says about the photo.

Pillow reads photos, their EXIF data and color profiles. It reduces deeper pixels to 8 bits a
channel, so OpenCV decodes PNG and TIFF files of 16 bits or floats. Pillow's classes for the kinds
of files are used directly, because `Image.open` has a size limit of its own, below ours for JPEG.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ExifTags import IFD, Base
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from ..common.photo_file import DAMAGED, SIDEWAYS, PhotoError, check_size, checked_header, turned
from ..common.photo_header import plausible_focal
from .color_profile import deep_to_srgb, to_srgb

FAILURES = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, MemoryError),
    *(RuntimeError, struct.error, zlib.error, cv2.error),
)
"""What Pillow, its plugins and OpenCV raise for a damaged file."""
PNG_DEPTH_OFFSET = 24
"""Where a PNG file says how many bits a channel has."""
PREMULTIPLIED = 1
"""TIFF's number for alpha that is multiplied into the colors."""
JPEG_FRACTIONS = (8, 4, 2)


@dataclass(frozen=True)
class DecodedPhoto:
    """The contents of a photo's file.

    Attributes:
        colors: (H, W, 3) float32, 0 to 1, sRGB-encoded, upright; transparency is not filled yet.
        alpha: (H, W, 1) float32, 0 to 1; None for an opaque photo.
        is_premultiplied: Whether alpha is multiplied into the colors.
        size: Width and height of the photo in pixels, upright; a JPEG may be decoded smaller.
        focal_35mm: 35 mm equivalent focal length in millimeters, None where the file has none.
        is_converted: Whether the colors were converted from another profile than sRGB's.
    """

    colors: NDArray[np.float32]
    alpha: NDArray[np.float32] | None
    is_premultiplied: bool
    size: tuple[int, int]
    focal_35mm: float | None
    is_converted: bool


@dataclass(frozen=True)
class Exif:
    """What a photo's EXIF data, or the tags of a TIFF file, say.

    Attributes:
        orientation: 1 to 8.
        focal_35mm: 35 mm equivalent focal length in millimeters, None where there is none.
        bits: Bits of the deepest channel; in TIFF files only.
        is_premultiplied: Whether alpha is multiplied into the colors; in TIFF files only.
        profile: ICC profile; in TIFF files only.
    """

    orientation: int = 1
    focal_35mm: float | None = None
    bits: int = 8
    is_premultiplied: bool = False
    profile: bytes = b""

    @classmethod
    def of(cls, tags: Image.Exif) -> Self:
        """Pick out the tags that matter; a damaged block says nothing."""
        try:
            orientation = tags.get(Base.Orientation, 1)
            focal = tags.get_ifd(IFD.Exif).get(Base.FocalLengthIn35mmFilm, 0)
            return cls(
                orientation if orientation in range(1, 9) else 1,
                plausible_focal(focal),
                int(np.max(tags.get(Base.BitsPerSample, 8))),
                np.ravel(tags.get(Base.ExtraSamples, 0))[0] == PREMULTIPLIED,
                tags.get(Base.InterColorProfile, b""),
            )
        except FAILURES:
            return cls()


def decode(data: bytes, name: str, size: int) -> DecodedPhoto:
    """Decode a photo's file; raises PhotoError for one that is refused or damaged.

    Args:
        data: The file's bytes.
        name: The file's name, for messages.
        size: Working size of the photo's longer side in pixels: a JPEG much larger than this is
            decoded at a fraction of its size, but at no less than twice the working size.
    """
    kind = checked_header(data, name).kind
    if kind == "TIFF" and (tags := _read_tiff_tags(data, name)).bits > 8:
        return _deep_photo(_deep_pixels(data, name), tags, tags.profile)  # upright from OpenCV
    with _damage_reported(name):
        image = _OPENERS[kind](io.BytesIO(data))
    check_size(kind, *image.size, name)
    if kind == "PNG" and data[PNG_DEPTH_OFFSET] == 16:
        return _decode_deep_png(data, image, name)
    return _decode_8_bit(image, size, name)


@contextmanager
def _damage_reported(name: str) -> Iterator[None]:
    """Turn whatever the libraries raise for a damaged file into one sentence."""
    try:
        yield
    except FAILURES as error:
        raise PhotoError(DAMAGED, name=name) from error


def _open_heic(stream: io.BytesIO) -> ImageFile:
    from pillow_heif import HeifImageFile  # only in the full package

    return HeifImageFile(stream)


_OPENERS: dict[str, Callable[[io.BytesIO], ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "TIFF": TiffImageFile,
    "BMP": BmpImageFile,
    "AVIF": AvifImageFile,
    "HEIC": _open_heic,
}


def _decode_8_bit(image: ImageFile, size: int, name: str) -> DecodedPhoto:
    stored = image.size
    with _damage_reported(name):
        exif = Exif.of(image.getexif())  # before the pixels: Pillow turns a TIFF upright with them
        if image.format == "JPEG":
            fraction = next((n for n in JPEG_FRACTIONS if max(stored) >= 2 * size * n), 1)
            image.draft(None, (stored[0] // fraction, stored[1] // fraction))
        image.load()
    plain = _in_plain_mode(image)
    converted = to_srgb(plain, image.info.get("icc_profile") or b"")
    if converted is None and plain.mode == "CMYK":
        plain = plain.convert("RGB")
    pixels = np.asarray(converted or plain)
    if image.format != "TIFF":
        pixels = turned(pixels, exif.orientation)
    colors, alpha = _split(_scaled(pixels))
    return DecodedPhoto(
        colors,
        alpha,
        is_premultiplied=False,
        size=stored[::-1] if exif.orientation in SIDEWAYS else stored,
        focal_35mm=exif.focal_35mm,
        is_converted=converted is not None,
    )


def _in_plain_mode(image: ImageFile) -> Image.Image:
    """Convert palettes, single bits and other kinds of 8-bit colors to L, RGB, RGBA or CMYK."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _read_tiff_tags(data: bytes, name: str) -> Exif:
    """Read the tags of a TIFF file, which Pillow does not open if its colors are floats."""
    tags = Image.Exif()
    with _damage_reported(name):
        tags.load(data)
    return Exif.of(tags)


def _decode_deep_png(data: bytes, image: ImageFile, name: str) -> DecodedPhoto:
    with _damage_reported(name):
        exif = Exif.of(image.getexif())
    pixels = turned(_deep_pixels(data, name), exif.orientation)
    return _deep_photo(pixels, exif, image.info.get("icc_profile") or b"")


def _deep_pixels(data: bytes, name: str) -> NDArray[Any]:
    """Decode the pixels of 16 bits or floats a channel: gray, RGB or RGBA."""
    with _damage_reported(name):
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise PhotoError(DAMAGED, name=name)
    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]  # OpenCV has blue first
    return pixels


def _deep_photo(pixels: NDArray[Any], exif: Exif, profile: bytes) -> DecodedPhoto:
    """Put upright pixels of more than 8 bits and what the file says together."""
    colors, alpha = _split(_scaled(pixels))
    converted = deep_to_srgb(colors, profile) if profile else None
    height, width = colors.shape[:2]
    return DecodedPhoto(
        colors if converted is None else converted,
        alpha,
        exif.is_premultiplied,
        (width, height),
        exif.focal_35mm,
        is_converted=converted is not None,
    )


def _scaled(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Scale the full range of whole numbers to 0 to 1, and clip floats to it."""
    scale = 1.0 / np.iinfo(pixels.dtype).max if pixels.dtype.kind in "ui" else 1.0
    scaled = np.multiply(pixels, np.float32(scale), dtype=np.float32)
    return np.nan_to_num(scaled, copy=False, nan=0.0, posinf=1.0, neginf=0.0).clip(0.0, 1.0)


def _split(pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Split gray, RGB or RGBA pixels into RGB colors and alpha, None if all are opaque."""
    if pixels.ndim == 2 or pixels.shape[2] < 3:
        gray = pixels.reshape(*pixels.shape[:2], -1)[..., :1]
        return np.repeat(gray, 3, axis=2), None
    colors = np.ascontiguousarray(pixels[..., :3])
    if pixels.shape[2] < 4 or pixels[..., 3].min() == 1.0:
        return colors, None
    return colors, pixels[..., 3:]
