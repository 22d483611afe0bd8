"""Vote for the colors of pixels: every patch of a nearest-neighbor field contributes its colors.

The averaging step of Wexler et al. 2007, with a mean shift to avoid blur.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...geometry.core.camera import FloatArray
from .parallel import in_chunks
from .patchmatch import Indices

_CHUNK_PIXELS = 1 << 11


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
    offsets, falloff = _window(patch_field.width, patch_field.radius)
    # Single channels are gathered several times as fast as rows of three.
    planes = np.ascontiguousarray(patch_field.image.T)
    colors = np.empty((len(pixels), 3), np.float32)

    def vote_on(chunk: slice) -> None:
        centers = pixels[None, chunk] + offsets
        weight = np.take(patch_field.weight, centers, mode="clip") * falloff
        sources = np.take(patch_field.field, centers, mode="clip")
        sources -= offsets
        votes = [np.take(plane, sources, mode="clip") for plane in planes]
        mean = _mean(votes, weight)
        if sharpness > 0.0:
            weight *= _agreement(votes, mean, sharpness)
            mean = _mean(votes, weight)
        colors[chunk] = mean.T

    in_chunks(len(pixels), _CHUNK_PIXELS, vote_on, poll)
    return colors


def _window(width: int, radius: int) -> tuple[Indices, FloatArray]:
    """Return the flat offsets (w*w, 1) of a patch's pixels and how much they count (w*w, 1)."""
    line = np.arange(-radius, radius + 1)
    offsets = line[:, None] * width + line
    squared = (line[:, None] ** 2 + line**2) / max(radius * radius, 1)
    return offsets.reshape(-1, 1), np.exp(-squared).astype(np.float32).reshape(-1, 1)


def _mean(votes: list[FloatArray], weight: FloatArray) -> FloatArray:
    """Return the weighted means (3, n) of votes, three arrays (w*w, n)."""
    total = weight.sum(axis=0) + np.float32(1e-35)
    return np.stack([np.einsum("kn,kn->n", weight, channel) / total for channel in votes])


def _agreement(votes: list[FloatArray], mean: FloatArray, sharpness: float) -> FloatArray:
    """Return how much votes (w*w, n) count by their distance from a mean (3, n)."""
    squared = np.zeros_like(votes[0])
    for channel, middle in zip(votes, mean, strict=True):
        difference = channel - middle
        difference *= difference
        squared += difference
    squared *= np.float32(-0.5 * sharpness**2)
    return np.exp(np.maximum(squared, -12.0, out=squared), out=squared)
