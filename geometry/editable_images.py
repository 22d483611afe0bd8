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
"""On an image: the result that it shows, whether it is painted, and a checksum of its file."""
_checksums: dict[tuple[object, ...], int] = {}


def show_editable_images(still: bpy.types.Object, pictures: tuple[EditableImage, ...]) -> None:
    """Set the editable images of a still cloud.

    An image whose content changed is replaced by a new data-block wherever the old one is used, so
    that undo restores what was painted.
    """
    before = editable_images_of(still)
    count = layer_count(picture.name for picture in pictures)
    shown = {}
    for picture in pictures:
        image = before.pop(picture.name, None)
        if image is None or image.get(_STATE) or not _shows(image, picture):
            fresh = _load(picture, f"{_photo(still)} {label_of(picture.name, count)}")
            if image is not None:
                _replace(image, fresh)
            image = fresh
        shown[picture.name] = image
    still[EDITABLE_IMAGES] = shown
    bpy.data.batch_remove([image for image in before.values() if image.library is None])


def editable_images_of(still: bpy.types.Object) -> dict[str, bpy.types.Image]:
    """Return the images of a still cloud by name."""
    found = still.get(EDITABLE_IMAGES)
    named = {} if found is None else {name: found[name] for name in found}
    return {name: image for name, image in named.items() if isinstance(image, bpy.types.Image)}


def layer_count(names: Iterable[str]) -> int:
    """Number of layers, without the sky behind them, of a run with pictures of these names."""
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


def state_of(image: bpy.types.Image) -> str:
    """PAINTED since the scene was built, EDITED before that, or FRESH."""
    if image.is_dirty or image.get(_STATE) == PAINTED:
        return PAINTED
    content = _content_of(image)
    if content is not None and content != image.get(_CONTENT):
        return PAINTED  # in another program, or saved by the artist
    return str(image.get(_STATE) or FRESH)


def pack_edited_images() -> bool:
    """Pack painted images into the file; return whether there were any.

    Blender itself saves a packed image as it was last packed, and other images not at all.
    """
    found = [i for i in bpy.data.images if i.get(ROLE) == EDITABLE_IMAGE_ROLE and i.library is None]
    painted = [image for image in found if image.is_dirty]
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


def _shows(image: bpy.types.Image, picture: EditableImage) -> bool:
    path = Path(bpy.path.abspath(image.filepath))
    return image.get(_BASE) == picture.base and path == Path(picture.file) and not image.is_dirty


def _load(picture: EditableImage, name: str) -> bpy.types.Image:
    """Load an image from its file; Blender reads the pixels when they are needed."""
    image = bpy.data.images.load(picture.file)
    image.name = name
    if is_gray(picture.name):
        image.colorspace_settings.name = "Non-Color"
    mark(image, EDITABLE_IMAGE_ROLE)
    image[_BASE] = picture.base
    image[_CONTENT] = _signed(zlib.crc32(Path(picture.file).read_bytes()))
    if picture.edited:
        image[_STATE] = EDITED
        image.pack()
    elif bpy.data.filepath and Path(bpy.data.filepath).parent in Path(picture.file).parents:
        image.filepath = bpy.path.relpath(picture.file)
    return image


def _replace(old: bpy.types.Image, new: bpy.types.Image) -> None:
    """Replace an image wherever it is used, and give the new one its name."""
    name = old.name
    old.user_remap(new)
    bpy.data.images.remove(old)
    new.name = name


def _content_of(image: bpy.types.Image) -> int | None:
    """A checksum of the image's file, packed or not; None where there is none.

    Panels ask at every draw: what is known of a file is not read again.
    """
    path = Path(bpy.path.abspath(image.filepath, library=image.library))
    if image.packed_file is not None:
        key: tuple[object, ...] = (image.session_uid, image.packed_file.size)
    else:
        try:
            found = path.stat()
        except OSError:
            return None
        key = (str(path), found.st_mtime_ns, found.st_size)
    if key not in _checksums:
        packed = image.packed_file
        data = packed.data if packed is not None else path.read_bytes()
        _checksums[key] = _signed(zlib.crc32(data))
    return _checksums[key]


def _signed(checksum: int) -> int:
    """Return a checksum as a custom property can hold it: a signed 32-bit number."""
    return checksum - (1 << 32) if checksum >= 1 << 31 else checksum
