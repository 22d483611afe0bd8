"""Vote for the colors of pixels: every patch of a nearest-neighbor field contributes its colors.

The averaging step of Wexler et al. 2007, with a mean shift to avoid blur.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...geometry.core.camera import FloatArray
from .patchmatch import Indices

_CHUNK_PIXELS = 1 << 16


@dataclass(frozen=True)
class PatchField:
    """A nearest-neighbor field with its weights, in flat arrays over the pixels of the image.

    Attributes:
        width: Width of the image in pixels.
        radius: Radius of the patches in pixels.
        image: (H*W, 3) source colors.
        field: (H*W,) flat index of the source center of each center.
        weight: (H*W,) weight of the patch around each center, 0 where there is none.
    """

    width: int
    radius: int
    image: FloatArray
    field: Indices
    weight: FloatArray


def vote(
    patch_field: PatchField,
    pixels: Indices,
    sharpness: float = 0.0,
    poll: Callable[[], None] = lambda: None,
) -> FloatArray:
    """Return the colors (n, 3) of pixels as the weighted mean of the patches that cover them.

    Args:
        patch_field: The patches and their sources.
        pixels: (n,) flat indices.
        sharpness: If positive, a second round gives less weight to votes far from the first mean: a
            mean shift of width 1 / sharpness in color, so that conflicting votes don't blur.
        poll: Called now and then; may raise to cancel.
    """
    colors = np.empty((len(pixels), 3), np.float32)
    for start in range(0, len(pixels), _CHUNK_PIXELS):
        chunk = pixels[start : start + _CHUNK_PIXELS]
        mean = _mean(patch_field, chunk, None, 0.0)
        if sharpness > 0.0:
            mean = _mean(patch_field, chunk, mean, sharpness)
        colors[start : start + _CHUNK_PIXELS] = mean
        poll()
    return colors


def _mean(
    patch_field: PatchField, pixels: Indices, reference: FloatArray | None, sharpness: float
) -> FloatArray:
    """Return weighted means (n, 3), also weighted by similarity to `reference` colors if given."""
    total = np.zeros((len(pixels), 3), np.float32)
    total_weight = np.full(len(pixels), 1e-35, np.float32)
    last = len(patch_field.field) - 1
    radius = patch_field.radius
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            offset = dy * patch_field.width + dx
            center = np.clip(pixels + offset, 0, last)
            weight = patch_field.weight[center]
            if radius:
                weight = weight * np.float32(np.exp(-(dx * dx + dy * dy) / (1.0 * radius * radius)))
            source = np.clip(patch_field.field[center] - offset, 0, last)
            color = patch_field.image[source]
            if reference is not None:
                difference = color - reference
                difference = np.einsum("ij,ij->i", difference, difference) * np.float32(
                    0.5 * sharpness**2
                )
                weight = weight * np.exp(-np.minimum(difference, 12.0))
            total += weight[:, None] * color
            total_weight += weight
    return total / total_weight[:, None]
