"""The size of the first inpainting pass, and the tiles that refine it at full size.

A diffusion model generates sensible content near the size that it was trained at: far below it the
result is mush, far above it objects are repeated. Sizes are (height, width) in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask

Size = tuple[int, int]
"""Height and width in pixels."""

MAX_WHOLE_SIZE = 1.6
"""An image with at most this many native sides, squared, as its area is inpainted as a whole. The
paper inpaints 640 x 1024, or 1.58 native sides squared, with a model trained at 512."""
MAX_LONGER_SIDE = 2.0
"""Maximum longer side of an image inpainted as a whole, in native sides."""
MIN_AREA = 0.5
"""An image with less than this fraction of the native area is enlarged first."""


@dataclass(frozen=True)
class Tile:
    """A rectangle of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Slices that cut the tile out of an array (H, W, ...)."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def first_pass_size(size: Size, native: int, factor: int = 8) -> Size:
    """Return the size at which an image is inpainted as a whole; `size` itself if that is suitable.

    Args:
        size: Size of the image.
        native: Side in pixels that the model was trained at.
        factor: Pixels per latent; sizes other than the image's own are multiples of it.
    """
    area, longer = size[0] * size[1], max(size)
    max_scale = MAX_LONGER_SIDE * native / longer
    is_large = area > (MAX_WHOLE_SIZE * native) ** 2 or max_scale < 1.0
    is_small = area < MIN_AREA * native**2 and max_scale > 1.0
    if not (is_large or is_small):
        return size
    scale = min(native / np.sqrt(area), max_scale)
    height, width = (max(factor, round(side * scale / factor) * factor) for side in size)
    return height, width


def tiles_for(size: Size, tile: int, overlap: int, hole: Mask) -> list[Tile]:
    """Return tiles that together cover every pixel of a hole; none if there is no hole.

    The tiles form a grid over the hole and its surroundings. Those with the smallest fraction of
    hole come first, so that refinement goes from the observed border inward.

    Args:
        size: Size of the image.
        tile: Side of a tile in pixels; smaller only if the image is.
        overlap: Minimum pixels that neighbors have in common.
        hole: (H, W) mask.
    """
    if not hole.any():
        return []
    spans = [_span(np.asarray(hole.any(axis=1 - axis)), tile, overlap) for axis in (0, 1)]
    height, width = (min(tile, side) for side in size)
    grid = [
        Tile(top, left, height, width)
        for top in _tile_starts(*spans[0], height, overlap)
        for left in _tile_starts(*spans[1], width, overlap)
    ]
    tiles_with_hole = [part for part in grid if hole[part.window].any()]
    return sorted(tiles_with_hole, key=lambda part: float(hole[part.window].mean()))


def _span(has_hole: Mask, tile: int, overlap: int) -> tuple[int, int]:
    """Return the first pixel, and one past the last, that the grid spans along an axis.

    It covers the hole with `overlap` pixels around it and is at least a tile long, within the
    image.
    """
    (inside,) = np.nonzero(has_hole)
    low, high = int(inside[0]) - overlap, int(inside[-1]) + 1 + overlap
    shortfall = max(0, tile - (high - low))
    low, high = low - shortfall // 2, high + shortfall - shortfall // 2
    low = max(0, min(low, len(has_hole) - tile))
    return low, min(len(has_hole), max(high, low + tile))


def _tile_starts(low: int, high: int, tile: int, overlap: int) -> list[int]:
    """Return the first pixels of evenly spaced tiles that cover low..high."""
    slack = high - low - tile
    count = 1 + -(-slack // max(1, tile - overlap))
    return [round(start) for start in np.linspace(low, low + slack, count)]


def blending_weights(tile: Tile, size: Size, overlap: int) -> FloatArray:
    """Return the weights (h, w), above 0, with which a tile is blended.

    They are 1 inside and decrease as a raised cosine toward each side that isn't a side of the
    image.

    Args:
        tile: The tile.
        size: Size of the image.
        overlap: Width of the decrease in pixels.
    """
    rows = _ramp(tile.height, overlap, tile.top > 0, tile.top + tile.height < size[0])
    columns = _ramp(tile.width, overlap, tile.left > 0, tile.left + tile.width < size[1])
    return rows[:, None] * columns[None, :]


def _ramp(length: int, overlap: int, ramp_before: bool, ramp_after: bool) -> FloatArray:
    """Return the weights (length,) along one axis."""
    ramp_length = min(overlap, length // 2)
    ramp = (
        0.5 - 0.5 * np.cos(np.pi * (np.arange(ramp_length) + 0.5) / max(1, ramp_length))
    ).astype(np.float32)
    weights = np.ones(length, np.float32)
    if ramp_before:
        weights[:ramp_length] *= ramp
    if ramp_after:
        weights[length - ramp_length :] *= ramp[::-1]
    return weights
