"""The editable images of a run as Blender images.

The still cloud refers to them, so they are appended and linked with it. Unpainted ones are files of
the stage cache; *Pack Resources* packs them into the .blend like any other image. Painted ones are
packed automatically, so that the artist's work never depends on a cache.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

import bpy
import numpy as np
from bpy.app.translations import pgettext_iface as iface_

from .core.editable_images import (
    DISPARITY,
    MASK,
    OUTPAINTED,
    EditableImage,
    ImageEdit,
    is_gray,
    layer_in,
    quantized,
)
from .custom_properties import EDITABLE_IMAGES, ROLE, mark

EDITABLE_IMAGE_ROLE = "editable_image"
FRESH, PAINTED, EDITED = "fresh", "painted", "edited"
_BASE, _STATE, _CONTENT = "make_4d_base", "make_4d_state", "make_4d_content"
"""On an image: key of the result that it shows, its state, and a checksum of its file."""


class Checksums:
    """Checksums of images' files, each read only once as long as size and time stay the same."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], int] = {}

    def of(self, image: bpy.types.Image) -> int | None:
        """Return the checksum of an image's file, packed or not; None if there is no file."""
        packed = image.packed_file
        path = Path(bpy.path.abspath(image.filepath, library=image.library))
        if packed is not None:
            key: tuple[object, ...] = (image.session_uid, packed.size)
        else:
            try:
                stat = path.stat()
            except OSError:
                return None
            key = (str(path), stat.st_mtime_ns, stat.st_size)
        if key not in self._known:
            data = packed.data if packed is not None else path.read_bytes()
            self._known[key] = _signed(zlib.crc32(data))
        return self._known[key]


def show_editable_images(still: bpy.types.Object, images: tuple[EditableImage, ...]) -> None:
    """Set the editable images of a still cloud.

    An image whose content changed is replaced by a new data-block wherever the old one is used, so
    that undo restores what was painted.
    """
    before = editable_images_of(still)
    count = layer_count(image.name for image in images)
    shown = {}
    for image in images:
        data = before.pop(image.name, None)
        if data is None or data.get(_STATE) or not _shows(data, image):
            fresh = _load(image, f"{_photo(still)} {label_of(image.name, count)}")
            if data is not None:
                _replace(data, fresh)
            data = fresh
        shown[image.name] = data
    still[EDITABLE_IMAGES] = shown
    bpy.data.batch_remove([data for data in before.values() if data.library is None])


def editable_images_of(still: bpy.types.Object) -> dict[str, bpy.types.Image]:
    """Return the images of a still cloud by name."""
    group = still.get(EDITABLE_IMAGES)
    named = {} if group is None else {name: group[name] for name in group}
    return {name: image for name, image in named.items() if isinstance(image, bpy.types.Image)}


def layer_count(names: Iterable[str]) -> int:
    """Return the number of layers, not counting the sky, of a run with images of these names."""
    return 1 + sum(name.startswith(MASK) for name in names)


def label_of(name: str, layers: int) -> str:
    """Return an image's label in the interface, for a run with this number of layers."""
    if name in (OUTPAINTED, DISPARITY):
        return iface_({OUTPAINTED: "Outpainted Photo", DISPARITY: "Disparity"}[name])
    number = layer_in(name)
    if name.startswith(MASK):
        return iface_("Layer {number} Mask").format(number=number + 1)
    if number == layers:
        return iface_("Sky")
    return iface_("Layer {number}").format(number=number + 1)


def state_of(image: bpy.types.Image, checksums: Checksums | None = None) -> str:
    """Return PAINTED (since the scene was built), EDITED (before that) or FRESH.

    checksums: given by a caller that asks often.
    """
    if image.is_dirty or image.get(_STATE) == PAINTED:
        return PAINTED
    content = (checksums or Checksums()).of(image)
    if content is not None and content != image.get(_CONTENT):
        return PAINTED  # in another program, or saved by the artist
    return str(image.get(_STATE) or FRESH)


def pack_edited_images() -> bool:
    """Pack painted images into the file; return whether there were any.

    Blender itself saves a packed image as it was last packed, and other images not at all.
    """
    images = (image for image in bpy.data.images if image.get(ROLE) == EDITABLE_IMAGE_ROLE)
    painted = [image for image in images if image.is_dirty and image.library is None]
    for image in painted:
        image[_STATE] = PAINTED
        image.pack()
    return bool(painted)


def image_edits(still: bpy.types.Object, without: str = "") -> list[ImageEdit]:
    """Return the artist's edits of a scene's images, except those of the image `without`."""
    images = editable_images_of(still)
    return [
        ImageEdit(name, str(image[_BASE]), read_levels(name, image))
        for name, image in images.items()
        if name != without and state_of(image) != FRESH
    ]


def read_levels(name: str, image: bpy.types.Image) -> np.ndarray:
    """Return an image's pixels as levels (H, W) or (H, W, 3), top row first."""
    width, height = image.size
    rgba = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(rgba)
    rows = rgba.reshape(height, width, 4)[::-1]
    return quantized(name, rows[..., 0] if is_gray(name) else rows[..., :3])


def _photo(still: bpy.types.Object) -> str:
    return still.name.removesuffix(" Still")


def _shows(data: bpy.types.Image, image: EditableImage) -> bool:
    """Whether a data-block shows an editable image unchanged."""
    path = Path(bpy.path.abspath(data.filepath))
    return data.get(_BASE) == image.base and path == Path(image.file) and not data.is_dirty


def _load(image: EditableImage, name: str) -> bpy.types.Image:
    """Load an image from its file; Blender reads the pixels when they are needed."""
    data = bpy.data.images.load(image.file)
    data.name = name
    if is_gray(image.name):
        data.colorspace_settings.name = "Non-Color"
    mark(data, EDITABLE_IMAGE_ROLE)
    data[_BASE] = image.base
    data[_CONTENT] = _signed(zlib.crc32(Path(image.file).read_bytes()))
    if image.edited:
        data[_STATE] = EDITED
        data.pack()
    elif bpy.data.filepath and Path(bpy.data.filepath).parent in Path(image.file).parents:
        data.filepath = bpy.path.relpath(image.file)
    return data


def _replace(old: bpy.types.Image, new: bpy.types.Image) -> None:
    """Replace an image wherever it is used, and give the new one its name."""
    name = old.name
    old.user_remap(new)
    bpy.data.images.remove(old)
    new.name = name


def _signed(checksum: int) -> int:
    """Return a checksum as a custom property can hold it: a signed 32-bit number."""
    return checksum - (1 << 32) if checksum >= 1 << 31 else checksum
