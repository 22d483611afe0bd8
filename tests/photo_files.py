"""Image files of every kind, written for the tests."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

# A 32 x 32 CMYK JPEG with Adobe's marker: quadrants of the colors below.
CMYK_JPEG = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAGBAUGBQQGBgUGBwcGCAoQCgoJCQoUDg8MEBcUGBgXFBYWGh0lHxobIxwWFiAs"
    "ICMmJykqKRkfLTAtKDAlKCko/8AAFAgAIAAgBEMRAE0RAFkRAEsRAP/EABkAAQEAAwEAAAAAAAAAAAAAAAAIBQYHBP/E"
    "ABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAOBEMATQBZAEsAAD8A7AnxwpVIAhxZDNAAuNG7CgAhxZDNAA9yX1dgAv1cbaAA"
    "QEhxq4AL9XG2gAH/2Q=="
)
CMYK_COLORS = np.array([[(200, 30, 40), (30, 180, 60)], [(40, 60, 200), (230, 230, 230)]])


HEIC_SUFFIXES = (".heic", ".heif")


def quadrants(width: int = 64, height: int = 48) -> np.ndarray:
    """(height, width, 3) uint8 RGB: four plain colors, so that every turn can be recognized."""
    image = np.zeros((height, width, 3), np.uint8)
    for row, column in np.ndindex(2, 2):
        rows = slice(row * height // 2, (row + 1) * height // 2)
        columns = slice(column * width // 2, (column + 1) * width // 2)
        image[rows, columns] = CMYK_COLORS[row, column]
    return image


def write(path: Path, pixels: np.ndarray, *params: int) -> Path:
    """Write RGB, RGBA or gray pixels in the format of the path's suffix; returns the path."""
    if path.suffix in HEIC_SUFFIXES:
        path.write_bytes(heic(pixels))
        return path
    swapped = pixels
    if pixels.ndim == 3:
        swapped = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    path.write_bytes(encoded(path.suffix, swapped, *params))
    return path


def encoded(suffix: str, pixels: np.ndarray, *params: int) -> bytes:
    ok, data = cv2.imencode(suffix, np.ascontiguousarray(pixels), list(params))
    assert ok
    return data.tobytes()


def heic(pixels: np.ndarray, orientation: int = 1) -> bytes:
    """A HEIC file of RGB pixels, with a property that turns them as phones do."""
    pillow_heif = pytest.importorskip("pillow_heif", reason="only in the full package")
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 28
    image.info["exif"] = exif.tobytes()
    stream = io.BytesIO()
    pillow_heif.from_pillow(image).save(stream, quality=98)
    return stream.getvalue()


def exif_block(order: str, tags: dict[int, int], camera: dict[int, int]) -> bytes:
    """A TIFF block of short tags; the camera's tags are in an EXIF directory."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    first = b"".join(struct.pack(order + "HHIHH", tag, 3, 1, n, 0) for tag, n in tags.items())
    after = 8 + 2 + len(first) + 12 + 4
    first += struct.pack(order + "HHII", 0x8769, 4, 1, after)
    second = b"".join(struct.pack(order + "HHIHH", tag, 3, 1, n, 0) for tag, n in camera.items())
    directories = (
        struct.pack(order + "H", len(tags) + 1) + first + bytes(4),
        struct.pack(order + "H", len(camera)) + second + bytes(4),
    )
    return mark + struct.pack(order + "I", 8) + b"".join(directories)


def with_exif(jpeg: bytes, block: bytes) -> bytes:
    segment = b"Exif\0\0" + block
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def png(width: int, height: int, color_type: int, chunks: dict[bytes, bytes]) -> bytes:
    """A PNG of 8 bits a channel, written chunk by chunk."""
    header = struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n"
    for name, body in ({b"IHDR": header} | chunks | {b"IEND": b""}).items():
        data += struct.pack(">I", len(body)) + name + body
        data += struct.pack(">I", zlib.crc32(name + body))
    return data


def tiff(pixels: np.ndarray, extra: int) -> bytes:
    """An uncompressed TIFF of RGBA pixels; extra: 1 premultiplied, 2 straight alpha."""
    height, width, samples = pixels.shape
    after = 8 + 2 + 11 * 12 + 4
    tags = {
        256: (4, 1, width),
        257: (4, 1, height),
        258: (3, samples, after),
        259: (4, 1, 1),
        262: (4, 1, 2),
        273: (4, 1, after + 2 * samples),
        277: (4, 1, samples),
        278: (4, 1, height),
        279: (4, 1, pixels.nbytes),
        284: (4, 1, 1),
        338: (3, 1, extra),
    }
    entries = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in tags.items())
    bits = struct.pack(f"<{samples}H", *[pixels.itemsize * 8] * samples)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + bits + pixels.tobytes()


def bomb(suffix: str, width: int, height: int) -> bytes:
    """A small file whose header claims width x height pixels."""
    if suffix == ".png":
        return png(width, height, 2, {b"IDAT": zlib.compress(b"\0" * 1000)})
    data = bytearray(encoded(suffix, quadrants()))
    if suffix == ".jpg":
        struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, height, width)
    elif suffix == ".bmp":
        struct.pack_into("<ii", data, 18, width, -height)
    else:
        directory = struct.unpack_from("<I", data, 4)[0]
        for at in range(directory + 2, directory + 26, 12):
            tag = struct.unpack_from("<H", data, at)[0]
            if tag in (0x0100, 0x0101):
                side = width if tag == 0x0100 else height
                struct.pack_into("<HII", data, at + 2, 4, 1, side)
    return bytes(data)
