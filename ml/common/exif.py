"""Reads what a photograph's TIFF block tells: in EXIF data, and in TIFF files themselves.

Source: TIFF 6.0 section 2 (image file directories), EXIF 2.32 section 4.6.5.
"""

from __future__ import annotations

import mmap
import struct

WIDTH, HEIGHT, ORIENTATION = 0x0100, 0x0101, 0x0112
EXTRA_SAMPLES = 0x0152
ICC_PROFILE = 0x8773
FOCAL_35MM = 0xA405
_EXIF_DIRECTORY = 0x8769
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_NUMBERS = {1: "B", 3: "H", 4: "I"}  # BYTE, SHORT, LONG


def read_tags(block: bytes | mmap.mmap) -> dict[int, int]:
    """Tags with a whole number of the first directory and of the EXIF directory.

    Only the first number of a tag that holds several is given. Damaged data give fewer tags, or
    none; nothing is raised.
    """
    order = _ORDERS.get(bytes(block[:4]))
    if order is None or len(block) < 8:
        return {}
    tags = _read_directory(block, order, struct.unpack_from(order + "I", block, 4)[0])
    if _EXIF_DIRECTORY in tags:
        tags |= _read_directory(block, order, tags[_EXIF_DIRECTORY])
    return tags


def focal_35mm(tags: dict[int, int]) -> float | None:
    """The 35 mm equivalent focal length in millimetres, or None where it is not told."""
    value = tags.get(FOCAL_35MM, 0)
    return float(value) if 4 <= value <= 3000 else None


def read_profile(block: bytes) -> bytes:
    """The ICC profile in a TIFF file's first directory; empty where there is none."""
    order = _ORDERS.get(bytes(block[:4]))
    if order is None:
        return b""
    for at in _entries(block, order, struct.unpack_from(order + "I", block, 4)[0]):
        tag, _, length, offset = struct.unpack_from(order + "HHII", block, at)
        if tag == ICC_PROFILE:
            return block[offset : offset + length]
    return b""


def _read_directory(block: bytes | mmap.mmap, order: str, offset: int) -> dict[int, int]:
    tags: dict[int, int] = {}
    for at in _entries(block, order, offset):
        tag, kind, length = struct.unpack_from(order + "HHI", block, at)
        code = _NUMBERS.get(kind)
        if code and length * struct.calcsize(code) <= 4 and length:
            tags[tag] = struct.unpack_from(order + code, block, at + 8)[0]
    return tags


def _entries(block: bytes | mmap.mmap, order: str, offset: int) -> range:
    """Where the whole entries of the directory at `offset` lie."""
    if offset + 2 > len(block):
        return range(0)
    (count,) = struct.unpack_from(order + "H", block, offset)
    last = (len(block) - offset - 2) // 12
    return range(offset + 2, offset + 2 + 12 * min(count, last), 12)
