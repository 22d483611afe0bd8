"""Reads the kind and size of a picture from its first bytes, before anything is decoded.

A picture's header is checked first, so that a file of a few bytes that claims a billion pixels
(a decompression bomb) is refused without allocating them.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import exif

Bytes = bytes | mmap.mmap
"""A file's bytes, read or mapped."""

_MOST_CHUNKS = 50_000
"""So many chunks of a PNG or WebP are looked through: a damaged file must not take all day."""
_APP1 = 0xE1
_APP14 = 0xEE
# Start-of-frame markers of JPEG (ITU T.81, table B.1), without DHT, JPG and DAC among them.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
_END = b"\xff\xd9"
"""The marker that ends a JPEG: no pixels look like it, and more may follow."""


@dataclass(frozen=True)
class Header:
    """What a picture's header tells.

    kind: 'JPEG', 'PNG', 'WebP', 'TIFF' or 'BMP'; width, height: stored pixels, before EXIF
    rotation; plain_cmyk: a CMYK JPEG without Adobe's mark, whose inks may be stored either way;
    frame: offset of a JPEG's frame header in its bytes.
    """

    kind: str
    width: int
    height: int
    plain_cmyk: bool = False
    frame: int = 0


def read_header(data: Bytes) -> Header | None:
    """The header of a picture file's bytes; None where the kind is unknown or it is damaged."""
    for signature, offset, reader in _READERS:
        if data[offset : offset + len(signature)] == signature:
            try:
                return reader(data)
            except (struct.error, IndexError):
                return None
    return None


def _read_png(data: Bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    return Header("PNG", width, height)


def _read_bmp(data: Bytes) -> Header:
    core = struct.unpack_from("<I", data, 14)[0] == 12
    width, height = struct.unpack_from("<HH" if core else "<ii", data, 18)
    return Header("BMP", abs(width), abs(height))


def _read_tiff(data: Bytes) -> Header | None:
    tags = exif.read_tags(data)
    if exif.WIDTH not in tags or exif.HEIGHT not in tags:
        return None
    return Header("TIFF", tags[exif.WIDTH], tags[exif.HEIGHT])


def _read_webp(data: Bytes) -> Header | None:
    chunk = data[12:16]
    if chunk == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif chunk == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        return None
    return Header("WebP", width, height)


def _read_jpeg(data: Bytes) -> Header | None:
    has_adobe_mark = False
    frame: int | None = None
    for marker, at in _segments(data):
        if marker in _FRAMES and frame is None:
            frame = at
        has_adobe_mark |= marker == _APP14 and data[at + 2 : at + 7] == b"Adobe"
    if frame is None:
        return None
    height, width, components = struct.unpack_from(">HHB", data, frame + 3)
    return Header("JPEG", width, height, components == 4 and not has_adobe_mark, frame)


def is_cut_short(data: Bytes, header: Header) -> bool:
    """Whether a JPEG has no end, which some versions of OpenCV decode with gray for what is lost.

    Looks through the whole file where it has none. A preview before the frame has its own end.
    """
    return header.kind == "JPEG" and data.rfind(_END, header.frame) < 0


def exif_block(data: Bytes, kind: str) -> Bytes:
    """The EXIF data (a small TIFF) of a picture of a header's kind; empty where there are none."""
    if kind == "TIFF":
        return data
    finder = {"JPEG": _jpeg_exif, "PNG": _png_exif, "WebP": _webp_exif}.get(kind)
    try:
        return finder(data) if finder else b""
    except struct.error:  # the end of the file
        return b""


def _jpeg_exif(data: Bytes) -> bytes:
    for marker, at in _segments(data):
        if marker == _APP1 and data[at + 2 : at + 8] == b"Exif\0\0":
            (length,) = struct.unpack_from(">H", data, at)
            return data[at + 8 : at + length]
    return b""


def _png_exif(data: Bytes) -> bytes:
    at = 8
    for _ in range(_MOST_CHUNKS):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"eXIf":
            return data[at + 8 : at + 8 + length]
        if name == b"IEND" or not name.isalpha():
            break
        at += 12 + length
    return b""


def _webp_exif(data: Bytes) -> bytes:
    at = 12
    for _ in range(_MOST_CHUNKS):
        name, length = struct.unpack_from("<4sI", data, at)
        if name == b"EXIF":
            return data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0")
        at += 8 + length + length % 2
    return b""


def _segments(data: Bytes) -> Iterator[tuple[int, int]]:
    """Marker and offset (of its length field) of each segment before the first scan."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker in (0xDA, 0xD9):
            return
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _STANDALONE:
            at += 2
        else:
            yield marker, at + 2
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]


_READERS: tuple[tuple[bytes, int, Callable[[Bytes], Header | None]], ...] = (
    (b"\xff\xd8\xff", 0, _read_jpeg),
    (b"\x89PNG\r\n\x1a\n", 0, _read_png),
    (b"WEBP", 8, _read_webp),
    (b"II*\0", 0, _read_tiff),
    (b"MM\0*", 0, _read_tiff),
    (b"BM", 0, _read_bmp),
)
