"""The pictures of a run as PNG files, which Blender shows and the artist paints in."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

import cv2

from ...geometry.core.camera import FloatArray
from ...geometry.core.editable_images import FOLDER, EditableImage, is_gray, quantized, stage_of
from ..cache.stage_cache import Arrays
from .image_edits import picture_names, picture_of

QUICK = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def write_editable_images(
    arrays: Arrays,
    keys: Mapping[str, str],
    bases: Mapping[str, str],
    edited: Collection[str],
    cache: Path,
) -> tuple[EditableImage, ...]:
    """Write every picture of a run's results and tell where they lie.

    keys, bases: each stage's key with and without what was painted; edited: the pictures that
    something was painted in. A file's name holds its stage's key: another result is another file.
    Raises OSError where the disk is full.
    """
    folder = cache / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    for name in picture_names(arrays):
        stage = stage_of(name)
        file = folder / f"{name}-{keys[stage]}.png"
        values = picture_of(name, arrays)
        assert values is not None
        _write(file, _encoded(name, values))
        pictures.append(EditableImage(name, str(file), bases[stage], name in edited))
    return tuple(pictures)


def _encoded(name: str, values: FloatArray) -> bytes:
    levels = quantized(name, values)
    done, encoded = cv2.imencode(".png", levels if is_gray(name) else levels[..., ::-1], QUICK)
    assert done
    return encoded.tobytes()


def _write(file: Path, content: bytes) -> None:
    """Write a picture by one rename, so that no half of it is ever read.

    A file that holds it already stays: what the artist saved over one is set right.
    """
    if file.is_file() and file.read_bytes() == content:
        return
    handle, scratch = tempfile.mkstemp(prefix=".new-", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(scratch).replace(file)
    except OSError:
        Path(scratch).unlink(missing_ok=True)
        raise
