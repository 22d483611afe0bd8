"""Reads what a photograph's TIFF block tells: in EXIF data, and in TIFF files themselves.

Source: TIFF 6.0 section 2 (image file directories), EXIF 2.32 section 4.6.5.
"""

from __future__ import annotations

import struct

WIDTH, HEIGHT, ORIENTATION = 0x0100, 0x0101, 0x0112
EXTRA_SAMPLES = 0x0152
FOCAL_35MM = 0xA405
_EXIF_DIRECTORY = 0x8769
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_NUMBERS = {1: "B", 3: "H", 4: "I"}  # BYTE, SHORT, LONG


def read_tags(block: bytes) -> dict[int, int]:
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


def _read_directory(block: bytes, order: str, offset: int) -> dict[int, int]:
    tags: dict[int, int] = {}
    if offset + 2 > len(block):
        return tags
    (count,) = struct.unpack_from(order + "H", block, offset)
    last = (len(block) - offset - 2) // 12
    for entry in range(offset + 2, offset + 2 + 12 * min(count, last), 12):
        tag, kind, length = struct.unpack_from(order + "HHI", block, entry)
        code = _NUMBERS.get(kind)
        if code and length * struct.calcsize(code) <= 4 and length:
            tags[tag] = struct.unpack_from(order + code, block, entry + 8)[0]
    return tags
