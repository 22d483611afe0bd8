"""Load a photo of any supported kind as float32 sRGB at working size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.messages import Message
from ..common.photo_file import check_file, unreadable
from .decode import DecodedPhoto, decode

Image = NDArray[np.float32]

BACKGROUND = 0.5
"""Transparent parts show middle gray: black or white would stand out in a film."""

FILLED = "The photo's transparent parts were filled with gray."
CONVERTED = "The photo's colors were converted from its color profile to sRGB."
ENLARGED = "The photo is only {width} x {height} pixels; it was enlarged."


@dataclass(frozen=True)
class Photo:
    """A loaded photo.

    Attributes:
        image: (H, W, 3) float32, 0 to 1, sRGB-encoded RGB; H and W are even.
        focal_35mm: 35 mm equivalent focal length in millimeters (across the diagonal), None where
            the file has none.
        original_size: Width and height in pixels, after EXIF rotation.
        notes: Messages for the artist about what was changed.
    """

    image: Image
    focal_35mm: float | None
    original_size: tuple[int, int]
    notes: tuple[Message, ...] = ()


def load_photo(path: Path, size: int) -> Photo:
    """Load a photo with its longer side scaled to `size` pixels; raises PhotoError.

    An odd `size` is rounded down, so that both sides are even. Smaller photos are enlarged.
    Transparent parts are composited over middle gray.
    """
    decoded = decode(_read_file(path), path.name, size)
    width, height = decoded.size
    notes = []
    if decoded.alpha is not None:
        notes.append(Message(FILLED))
    if decoded.is_converted:
        notes.append(Message(CONVERTED))
    if max(width, height) < size:
        notes.append(Message(ENLARGED, width=width, height=height))
    image = _resample(_composite(decoded), size)
    return Photo(image, decoded.focal_35mm, decoded.size, tuple(notes))


def _read_file(path: Path) -> bytes:
    check_file(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def _composite(photo: DecodedPhoto) -> Image:
    """Show a transparent photo over gray."""
    if photo.alpha is None:
        return photo.colors
    colors = photo.colors if photo.is_premultiplied else photo.colors * photo.alpha
    return (colors + BACKGROUND * (1.0 - photo.alpha)).clip(0.0, 1.0)


def _resample(image: Image, size: int) -> Image:
    """Scale the longer side to `size`, both sides even; crop a photo of that size instead."""
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
