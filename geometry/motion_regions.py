"""The motion regions as a grayscale Blender image that the artist may paint in.

It covers the outpainted photo: white moves, black stands still, gray edges are soft. The image is
packed into the .blend and referenced by the still cloud, so it is appended and linked with it.
"""

from __future__ import annotations

import hashlib

import bpy
import numpy as np

from .core.camera import FloatArray
from .custom_properties import ROLE, mark

MOTION_REGIONS_ROLE = "motion_regions"
_ESTIMATE = "make_4d_estimate"
"""On the image: hash of the detected regions, by which painting is noticed."""
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def make_regions_image(name: str, regions: FloatArray, cache_id: str = "") -> bpy.types.Image:
    """Create a packed image of motion regions (H, W), 0..1, top row first."""
    height, width = regions.shape
    image = bpy.data.images.new(name, width, height, alpha=False, is_data=True)
    mark(image, MOTION_REGIONS_ROLE, cache_id)
    write_regions(image, regions)
    return image


def write_regions(image: bpy.types.Image, regions: FloatArray) -> None:
    """Replace an image's pixels by detected regions (H, W), 0..1; it counts as not painted."""
    height, width = regions.shape
    if tuple(image.size) != (width, height):
        image.scale(width, height)
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = np.clip(regions[::-1, :, None], 0.0, 1.0)
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    image.pack()
    image[_ESTIMATE] = fingerprint(read_regions(image))


def read_regions(image: bpy.types.Image) -> FloatArray:
    """Return an image's luminance (H, W), 0..1, top row first."""
    width, height = image.size
    rgba = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(rgba)
    rows = rgba.reshape(height, width, 4)[::-1]
    return np.clip(rows[..., :3] @ _LUMA, 0.0, 1.0).astype(np.float32)


def is_painted(image: bpy.types.Image) -> bool:
    """Whether the artist has painted in the image."""
    return image.get(_ESTIMATE) != fingerprint(read_regions(image))


def fingerprint(regions: FloatArray) -> str:
    """Return a short hash of regions (H, W) at the 8 bits per pixel that are stored."""
    levels = np.rint(regions * 255).astype(np.uint8)
    return hashlib.sha256(levels.tobytes() + str(levels.shape).encode()).hexdigest()[:16]


def pack_painted_regions() -> None:
    """Pack painted images again, so that saving the file saves the painting.

    Blender itself saves a packed image as it was last packed.
    """
    for image in bpy.data.images:
        if image.get(ROLE) == MOTION_REGIONS_ROLE and image.is_dirty and image.library is None:
            image.pack()
