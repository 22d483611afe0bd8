"""Read a photo's kind, size, orientation and lens from its file's header, without decoding it.

For the sidebar, which asks while Blender draws: only the bytes that matter are read, and nothing
but Python is needed. The worker reads photos with Pillow; it uses this to refuse files by their
claimed size before any memory is allocated (a small file can claim a billion pixels).

Sources: ITU T.81, B.1 (JPEG); PNG, 5; the WebP container; TIFF 6.0, 2; EXIF 2.32, 4.6;
ISO/IEC 14496-12 and 23008-12 (boxes of AVIF and HEIC).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

Bytes = bytes | mmap.mmap
"""A file's bytes, read or mapped."""

MAX_SEARCHED_BYTES = 32 << 20
"""Larger files are not searched from end to end."""
MAX_CHUNKS = 50_000
"""Limit on the chunks of a PNG or WebP file that are looked at, in case the file is damaged."""
TIFF_MARKS = {b"II*\0": "<", b"MM\0*": ">"}
"""The first bytes of a TIFF block, with its byte order."""
TIFF_NUMBERS = {1: "B", 3: "H", 4: "I"}
"""Types of TIFF values that are whole numbers: BYTE, SHORT, LONG."""
WIDTH, HEIGHT, ORIENTATION, EXIF_DIRECTORY = 0x0100, 0x0101, 0x0112, 0x8769
FOCAL_35MM = 0xA405
APP1, APP14, START_OF_SCAN, END_OF_IMAGE = 0xE1, 0xEE, 0xDA, 0xD9
# Start-of-frame markers, which exclude DHT, JPG and DAC.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
STANDALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"))
HEIF_BLOCK = 64


@dataclass(frozen=True)
class Header:
    """What a photo's header says.

    Attributes:
        kind: 'JPEG', 'PNG', 'WebP', 'TIFF', 'BMP', 'AVIF' or 'HEIC'.
        width, height: Size in pixels before EXIF rotation.
        orientation: EXIF orientation, 1 to 8.
        focal_35mm: 35 mm equivalent focal length in millimeters, None where the file has none.
        plain_cmyk: Whether it is a CMYK JPEG without Adobe's marker: its inks may be inverted.
        is_cut_short: Whether it is a JPEG that ends before its end marker.
    """

    kind: str
    width: int
    height: int
    orientation: int = 1
    focal_35mm: float | None = None
    plain_cmyk: bool = False
    is_cut_short: bool = False


def read_header(data: Bytes) -> Header | None:
    """Read the header of a photo's file; None for unknown kinds and damaged headers."""
    for signature, offset, reader in _READERS:
        if data[offset : offset + len(signature)] == signature:
            try:
                return reader(data)
            except (struct.error, LookupError, ValueError, ZeroDivisionError):
                return None
    return None


def _read_png(data: Bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    return _with_exif(Header("PNG", width, height), _png_exif(data))


def _read_bmp(data: Bytes) -> Header:
    is_core_header = struct.unpack_from("<I", data, 14)[0] == 12
    width, height = struct.unpack_from("<HH" if is_core_header else "<ii", data, 18)
    return Header("BMP", abs(width), abs(height))


def _read_tiff(data: Bytes) -> Header | None:
    tags = read_tags(data)
    if WIDTH not in tags or HEIGHT not in tags:
        return None
    return _with_exif(Header("TIFF", tags[WIDTH], tags[HEIGHT]), data)


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
    return _with_exif(Header("WebP", width, height), _webp_exif(data))


def _read_jpeg(data: Bytes) -> Header | None:
    has_adobe_marker = False
    block = b""
    frame: int | None = None
    for marker, at in _segments(data):
        if marker in FRAMES and frame is None:
            frame = at
        has_adobe_marker |= marker == APP14 and data[at + 2 : at + 7] == b"Adobe"
        if marker == APP1 and not block and data[at + 2 : at + 8] == b"Exif\0\0":
            (length,) = struct.unpack_from(">H", data, at)
            block = data[at + 8 : at + length]
    if frame is None:
        return None
    height, width, components = struct.unpack_from(">HHB", data, frame + 3)
    # A preview before the frame has an end marker of its own.
    is_searched = len(data) <= MAX_SEARCHED_BYTES
    is_cut_short = is_searched and data.rfind(bytes((0xFF, END_OF_IMAGE)), frame) < 0
    is_plain = components == 4 and not has_adobe_marker
    header = Header("JPEG", width, height, plain_cmyk=is_plain, is_cut_short=is_cut_short)
    return _with_exif(header, block)


def _segments(data: Bytes) -> Iterator[tuple[int, int]]:
    """Yield the marker of each JPEG segment before the first scan, and its length's offset."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker in (START_OF_SCAN, END_OF_IMAGE):
            return
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in STANDALONE:
            at += 2
        else:
            yield marker, at + 2
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _png_exif(data: Bytes) -> bytes:
    at = 8
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            break
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"eXIf":
            return data[at + 8 : at + 8 + length]
        if name == b"IEND" or not name.isalpha():
            break
        at += 12 + length
    return b""


def _webp_exif(data: Bytes) -> bytes:
    at = 12
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            break
        name, length = struct.unpack_from("<4sI", data, at)
        if name == b"EXIF":
            return data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0")
        at += 8 + length + length % 2
    return b""


def _read_heif(data: Bytes) -> Header | None:
    """Read an AVIF or HEIC file: of all images in it, the photo is the largest.

    Files also store thumbnails, and the tiles of which the photo consists. Instead of EXIF's
    orientation they have a property for it (`irot`), which Blender applies when it reads them.
    """
    boxes = dict(_boxes(data, 0, len(data)))
    start, end = boxes[b"ftyp"]
    brands = {data[at : at + 4] for at in range(start, min(end, start + 256), 4)}
    kind = "AVIF" if brands & {b"avif", b"avis"} else "HEIC" if brands & HEIC_BRANDS else None
    if kind is None:
        return None
    start, end = boxes[b"meta"]
    start, end = dict(_boxes(data, start + 4, end))[b"iprp"]
    start, end = dict(_boxes(data, start, end))[b"ipco"]
    properties = [(name, at) for name, (at, _) in _boxes(data, start, end)]
    sizes = [struct.unpack_from(">II", data, at + 4) for name, at in properties if name == b"ispe"]
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    for name, at in properties:
        if name == b"clap":  # cuts off what fills the codec's last blocks
            columns, per_column, rows, per_row = struct.unpack_from(">4I", data, at)
            cut = (columns // per_column, rows // per_row)
            if 0 <= width - cut[0] < HEIF_BLOCK and 0 <= height - cut[1] < HEIF_BLOCK:
                width, height = cut
    quarter_turns = next((data[at] & 3 for name, at in properties if name == b"irot"), 0)
    if quarter_turns % 2:
        width, height = height, width
    return replace(_with_exif(Header(kind, width, height), _heif_exif(data)), orientation=1)


def _boxes(data: Bytes, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Yield the name of each box of an ISO media file, with the range of its contents."""
    for _ in range(MAX_CHUNKS):
        if start + 8 > end:
            return
        length, name = struct.unpack_from(">I4s", data, start)
        at = start + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, at)
            at += 8
        stop = min(start + length, end) if length else end
        if stop < at:
            return
        yield name, (at, stop)
        start = stop


def _heif_exif(data: Bytes) -> bytes:
    """Find the EXIF block of an AVIF or HEIC file by the first bytes that cameras write."""
    for mark in (b"MM\0*\0\0\0\x08", b"II*\0\x08\0\0\0"):
        at = data.find(mark, 0, MAX_SEARCHED_BYTES)
        if at >= 0:
            return data[at : at + 65536]
    return b""


def _with_exif(header: Header, block: Bytes) -> Header:
    """Add the orientation and the focal length from an EXIF block to a header."""
    tags = read_tags(block)
    orientation = tags.get(ORIENTATION, 1)
    return replace(
        header,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        focal_35mm=plausible_focal(tags.get(FOCAL_35MM, 0)),
    )


def plausible_focal(focal: float) -> float | None:
    """Return a 35 mm equivalent focal length in millimeters, None if it can't be one."""
    return float(focal) if 4 <= focal <= 3000 else None


def read_tags(block: Bytes) -> dict[int, int]:
    """Read the whole numbers in a TIFF block's first directory and its EXIF directory.

    A tag with several numbers that fit into its entry gives the first one. Damaged blocks give
    fewer tags, or none.
    """
    order = TIFF_MARKS.get(bytes(block[:4]))
    if order is None or len(block) < 8:
        return {}
    tags = _read_directory(block, order, struct.unpack_from(order + "I", block, 4)[0])
    if EXIF_DIRECTORY in tags:
        tags |= _read_directory(block, order, tags[EXIF_DIRECTORY])
    return tags


def _read_directory(block: Bytes, order: str, offset: int) -> dict[int, int]:
    tags: dict[int, int] = {}
    if offset + 2 > len(block):
        return tags
    (count,) = struct.unpack_from(order + "H", block, offset)
    whole_entries = min(count, (len(block) - offset - 2) // 12)
    for at in range(offset + 2, offset + 2 + 12 * whole_entries, 12):
        tag, kind, length = struct.unpack_from(order + "HHI", block, at)
        code = TIFF_NUMBERS.get(kind)
        if code and length and length * struct.calcsize(code) <= 4:
            tags[tag] = struct.unpack_from(order + code, block, at + 8)[0]
    return tags


_READERS: tuple[tuple[bytes, int, Callable[[Bytes], Header | None]], ...] = (
    (b"\xff\xd8\xff", 0, _read_jpeg),
    (b"\x89PNG\r\n\x1a\n", 0, _read_png),
    (b"WEBP", 8, _read_webp),
    (b"II*\0", 0, _read_tiff),
    (b"MM\0*", 0, _read_tiff),
    (b"BM", 0, _read_bmp),
    (b"ftyp", 4, _read_heif),
)
