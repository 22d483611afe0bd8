"""Convert a photo's colors to sRGB with the ICC profile in its file.

Phones write Display P3, cameras Adobe RGB, print shops CMYK: read as sRGB, their colors would come
out wrong. LittleCMS, through Pillow, does the conversion, for profiles of every kind.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

PROBE_STEPS = 5
UNNOTICEABLE_LEVELS = 1
"""A profile that moves no color by more than this many of 255 levels is taken for sRGB's own."""


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert an image to sRGB.

    Args:
        image: L, RGB, RGBA or CMYK, 8 bits a channel.
        profile: The ICC profile of its colors; may be empty.

    Returns:
        An RGB image, or RGBA where the image is; None if the profile is sRGB's own, damaged, or for
        another kind of image, so that there is nothing to convert.
    """
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(source, target, image.mode, mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    if image.mode == mode and _is_identity(transform, mode):
        return None
    return transform.apply(image)


def deep_to_srgb(colors: NDArray[np.float32], profile: bytes) -> NDArray[np.float32] | None:
    """Convert colors of more than 8 bits a channel to sRGB; None as in `to_srgb`.

    Pillow's conversion has 8 bits, so the color rounded to them is converted, and what the rounding
    took away is added again. That keeps gradients smooth.

    Args:
        colors: (H, W, 3), 0 to 1.
        profile: The ICC profile of the colors; may be empty.
    """
    rounded = np.rint(colors * 255.0).astype(np.uint8)
    converted = to_srgb(Image.fromarray(rounded), profile)
    if converted is None:
        return None
    difference = (np.asarray(converted).astype(np.float32) - rounded) / np.float32(255.0)
    return (colors + difference).clip(0.0, 1.0)


def _is_identity(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a transform from RGB to RGB leaves a grid of colors as it is."""
    levels = np.linspace(0, 255, PROBE_STEPS).round().astype(np.uint8)
    colors = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    probe = Image.fromarray(colors).convert(mode)
    converted = np.asarray(transform.apply(probe).convert("RGB")).astype(int)
    return bool(np.abs(converted - colors).max() <= UNNOTICEABLE_LEVELS)
