"""The editable images of a run as PNG files, which Blender shows and the artist paints in."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

import cv2

from ...geometry.core.camera import FloatArray
from ...geometry.core.editable_images import FOLDER, EditableImage, is_gray, quantized, stage_of
from ..cache.stage_cache import Arrays
from .image_edits import image_names, image_of

QUICK = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def write_editable_images(
    arrays: Arrays,
    keys: Mapping[str, str],
    bases: Mapping[str, str],
    edited: Collection[str],
    folder: Path,
) -> tuple[EditableImage, ...]:
    """Write the editable images of a run and return where they are.

    A file's name contains its stage's key, so that another result is another file.

    Args:
        arrays: Results of all stages.
        keys, bases: Each stage's key, with and without the artist's edits.
        edited: Names of the images with edits.
        folder: The cache folder.

    Raises OSError if the disk is full.
    """
    folder = folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for name in image_names(arrays):
        stage = stage_of(name)
        file = folder / f"{name}-{keys[stage]}.png"
        values = image_of(name, arrays)
        assert values is not None
        _write(file, _encoded(name, values))
        images.append(EditableImage(name, str(file), bases[stage], name in edited))
    return tuple(images)


def _encoded(name: str, values: FloatArray) -> bytes:
    levels = quantized(name, values)
    done, encoded = cv2.imencode(".png", levels if is_gray(name) else levels[..., ::-1], QUICK)
    assert done
    return encoded.tobytes()


def _write(file: Path, content: bytes) -> None:
    """Write an image by one rename, so that it is never read half-written.

    A file with this content stays; one that the artist saved over is restored.
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
