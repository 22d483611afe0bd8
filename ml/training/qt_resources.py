"""Files inside Qt's binary resources (`.rcc`), in which some packages keep their photographs."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

MAGIC = b"qres"
COMPRESSED, FOLDER, ZSTANDARD = 1, 2, 4
NODE_SIZE = {1: 14, 2: 22, 3: 22}
"""Bytes of an entry of the tree, by the format's version."""


def read_resource(path: Path, name: str) -> bytes:
    """Return the content of one file of a resource.

    name: its path inside the resource, with slashes, without one in front.

    Raises:
        KeyError: if there is no such file.
        ValueError: if this isn't a resource, or of a kind that isn't read here.
    """
    data = path.read_bytes()
    if data[:4] != MAGIC:
        raise ValueError(f"{path.name} isn't a Qt resource")
    version, tree, contents, names = struct.unpack_from(">4I", data, 4)
    node = tree
    for part in name.split("/"):
        count, first = struct.unpack_from(">2I", data, node + 6)
        children = [tree + (first + k) * NODE_SIZE[version] for k in range(count)]
        node = next((c for c in children if _name(data, names, c) == part), 0)
        if not node:
            raise KeyError(name)
    (flags,) = struct.unpack_from(">H", data, node + 4)
    if flags & (FOLDER | ZSTANDARD):
        raise ValueError(f"{name} in {path.name} is a folder or compressed by Zstandard")
    start = contents + struct.unpack_from(">I", data, node + 10)[0]
    (size,) = struct.unpack_from(">I", data, start)
    content = data[start + 4 : start + 4 + size]
    return zlib.decompress(content[4:]) if flags & COMPRESSED else content


def _name(data: bytes, names: int, node: int) -> str:
    """Return the name of an entry of the tree."""
    start = names + struct.unpack_from(">I", data, node)[0]
    (length,) = struct.unpack_from(">H", data, start)
    return data[start + 6 : start + 6 + 2 * length].decode("utf-16-be")
