"""Loads a photograph: whatever an artist has, as float32 sRGB at the film's size.

Order: header (size limits), decode, EXIF rotation, alpha over gray, resampling, color profile.
OpenCV decodes from memory, because it can't open paths with non-ASCII letters on Windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.messages import Message
from ..common import exif
from ..common.photo_file import check_file, checked_header, damaged, facts_of, turned, unreadable
from ..common.photo_header import Header, exif_block, is_cut_short
from . import color_profile

Image = NDArray[np.float32]

BACKGROUND = 0.5
EXIF_BLOCK = getattr(cv2, "IMAGE_METADATA_EXIF", 0)
ICC_BLOCK = getattr(cv2, "IMAGE_METADATA_ICCP", 2)
_REDUCED = {
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


@dataclass(frozen=True)
class Photo:
    """A loaded photograph.

    image: (H, W, 3) float32 0..1, sRGB-encoded RGB, H and W even; focal_35mm: focal length in
    millimetres on 35 mm film (across its diagonal), where the camera wrote it; original_size:
    width and height in pixels, after EXIF rotation; notes: sentences for the artist on what was
    changed.
    """

    image: Image
    focal_35mm: float | None
    original_size: tuple[int, int]
    notes: tuple[str, ...] = ()


def load_photo(path: Path, size: int) -> Photo:
    """Load a JPEG, PNG, WebP, TIFF or BMP file with its longer side scaled to `size` pixels.

    An odd `size` is rounded down, so that both sides are even; smaller photos are enlarged, so that
    the film has the size that was asked for. Transparent parts are composited over middle gray
    (0.5): neither black nor white, which would glare in a flight. Raises PhotoError.
    """
    data = _read_file(path)
    header = checked_header(data, path.name)
    if is_cut_short(data, header):
        raise damaged(path.name)
    pixels, blocks = _decode(data, header, path, size)
    if header.kind == "TIFF":  # OpenCV tells nothing of these, and turns them by itself
        tags, profile = exif.read_tags(data), exif.read_profile(data)
    else:
        tags = exif.read_tags(blocks.get(EXIF_BLOCK, b""))
        profile = blocks.get(ICC_BLOCK, b"")
        pixels = turned(pixels, tags.get(exif.ORIENTATION, 1))
    facts = facts_of(header, tags)
    original = (facts.width, facts.height)
    color, notes = _to_rgb(pixels, _is_premultiplied(pixels, header, tags))
    image = _resample(color, size)
    if (converted := color_profile.to_srgb(image, profile)) is not None:
        image = converted
        notes.append("The photo's colors were brought from its own color profile to sRGB.")
    if max(original) < size:
        width, height = original
        note = Message(
            "The photo is only {width} x {height} pixels; it was enlarged.",
            width=width,
            height=height,
        )
        notes.append(note)
    return Photo(image, facts.focal_35mm, original, tuple(notes))


def _read_file(path: Path) -> bytes:
    check_file(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def _decode(
    data: bytes, header: Header, path: Path, size: int
) -> tuple[NDArray[Any], dict[int, bytes]]:
    """Pixels as stored (gray, BGR or BGRA; 8 or 16 bits or float); metadata by OpenCV's kind."""
    flags = cv2.IMREAD_UNCHANGED
    if header.kind == "JPEG":
        flags = (
            _reduced_flag(max(header.width, header.height), size) | cv2.IMREAD_IGNORE_ORIENTATION
        )
    try:
        buffer = np.frombuffer(data, np.uint8)
        if not hasattr(cv2, "imdecodeWithMetadata"):
            # OpenCV before 4.11: what a camera notes in a JPEG can still be read, profiles can't.
            blocks_read = {EXIF_BLOCK: bytes(exif_block(data, header.kind))}
            return _checked(cv2.imdecode(buffer, flags), path), blocks_read
        pixels, kinds, blocks = cv2.imdecodeWithMetadata(buffer, flags)
    except (cv2.error, MemoryError) as error:
        raise damaged(path.name) from error
    named = zip(kinds, blocks, strict=True)
    return _checked(pixels, path), {kind: np.asarray(block).tobytes() for kind, block in named}


def _checked(pixels: NDArray[Any] | None, path: Path) -> NDArray[Any]:
    if pixels is None:
        raise damaged(path.name)
    return pixels


def _reduced_flag(longer: int, size: int) -> int:
    """Decoding at a fraction is faster; twice the wanted size is left for a good resampling."""
    fitting = [factor for factor in _REDUCED if longer >= 2 * size * factor]
    return _REDUCED[max(fitting)] if fitting else cv2.IMREAD_COLOR


def _is_premultiplied(pixels: NDArray[Any], header: Header, tags: dict[int, int]) -> bool:
    """Whether alpha is multiplied into the colors.

    TIFF may store it so (ExtraSamples 1), and where it does not (2), OpenCV multiplies 8-bit
    colors while it reads them.
    """
    extra = tags.get(exif.EXTRA_SAMPLES, 0) if header.kind == "TIFF" else 0
    return extra == 1 or (extra == 2 and pixels.dtype == np.uint8)


def _to_rgb(pixels: NDArray[Any], premultiplied: bool) -> tuple[Image, list[str]]:
    """(H, W, 3) float32 0..1 RGB of gray, BGR or BGRA pixels, and notes."""
    scale = 1.0 / np.iinfo(pixels.dtype).max if pixels.dtype.kind in "ui" else 1.0
    image = np.multiply(pixels, np.float32(scale), dtype=np.float32)
    image = np.nan_to_num(image, copy=False, nan=0.0, posinf=1.0, neginf=0.0).clip(0.0, 1.0)
    if image.ndim == 2 or image.shape[2] == 1:
        return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2), []
    color = np.ascontiguousarray(image[..., 2::-1])
    if image.shape[2] < 4 or image[..., 3].min() == 1.0:
        return color, []
    alpha = image[..., 3:]
    if not premultiplied:
        color *= alpha
    color += BACKGROUND * (1.0 - alpha)
    return color.clip(0.0, 1.0), ["The photo's transparent parts were filled with gray."]


def _resample(image: Image, size: int) -> Image:
    """Scale the longer side to `size`, both sides even; only crop where the size fits already."""
    height, width = image.shape[:2]
    longer = max(height, width)
    size -= size % 2
    if longer - longer % 2 == size:
        return np.ascontiguousarray(image[: height - height % 2, : width - width % 2])
    target = [
        size if side == longer else 2 * round(side * size / longer / 2) for side in (width, height)
    ]
    method = cv2.INTER_AREA if size < longer else cv2.INTER_CUBIC
    return cv2.resize(image, target, interpolation=method).clip(0.0, 1.0)
