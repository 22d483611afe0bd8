"""At what size a picture is painted at first, and the tiles that refine it at full size.

A diffusion model invents sensible content near the size that it was trained at: far below it the
result is mush, far above it things come twice. Sizes are (height, width) in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Size = tuple[int, int]

WHOLE_SIDE = 1.6
"""A picture of up to so many native sides squared is painted whole: the paper paints 640 x 1024,
1.58 native sides squared, with a model of 512."""
LONGEST_SIDE = 2.0
"""The longer side of what is painted whole, in native sides."""
SMALL_AREA = 0.5
"""A picture of less than this share of the native area is enlarged to be painted."""


@dataclass(frozen=True)
class Tile:
    """A rectangle of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def window(self) -> tuple[slice, slice]:
        """What cuts the tile out of an array (H, W, ...)."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def first_size(size: Size, native: int, factor: int = 8) -> Size:
    """Size at which a picture of `size` is painted whole; equal to `size` where that is fit.

    native: side in pixels that the model was trained at; other sizes than the picture's own are
    multiples of `factor`, the pixels to a latent.
    """
    area, longer = size[0] * size[1], max(size)
    longest = LONGEST_SIDE * native / longer
    large = area > (WHOLE_SIDE * native) ** 2 or longest < 1.0
    small = area < SMALL_AREA * native**2 and longest > 1.0
    if not (large or small):
        return size
    scale = min(native / np.sqrt(area), longest)
    height, width = (max(factor, round(side * scale / factor) * factor) for side in size)
    return height, width


def tiles_for(size: Size, tile: int, overlap: int, hole: Bools) -> list[Tile]:
    """Tiles that together cover every pixel of `hole` (H, W); none where there is no hole.

    Squares of `tile` pixels, smaller only where the picture is, on a grid over the hole and its
    surroundings with at least `overlap` pixels in common. Those with the smallest share of hole
    come first, so that refining goes from the known border inwards.
    """
    if not hole.any():
        return []
    spans = [_span(np.asarray(hole.any(axis=1 - axis)), tile, overlap) for axis in (0, 1)]
    height, width = (min(tile, side) for side in size)
    grid = [
        Tile(top, left, height, width)
        for top in _starts(*spans[0], height, overlap)
        for left in _starts(*spans[1], width, overlap)
    ]
    touching = [part for part in grid if hole[part.window].any()]
    return sorted(touching, key=lambda part: float(hole[part.window].mean()))


def _span(where: Bools, tile: int, overlap: int) -> tuple[int, int]:
    """First pixel and one past the last of what the grid spans along an axis: the hole, seen with
    `overlap` pixels around it and at least a tile long, as far as the picture goes."""
    (inside,) = np.nonzero(where)
    low, high = int(inside[0]) - overlap, int(inside[-1]) + 1 + overlap
    missing = max(0, tile - (high - low))
    low, high = low - missing // 2, high + missing - missing // 2
    low = max(0, min(low, len(where) - tile))
    return low, min(len(where), max(high, low + tile))


def _starts(low: int, high: int, tile: int, overlap: int) -> list[int]:
    """First pixels of tiles that cover low..high, evenly spaced."""
    room = high - low - tile
    count = 1 + -(-room // max(1, tile - overlap))
    return [round(start) for start in np.linspace(low, low + room, count)]


def blending_weights(tile: Tile, size: Size, overlap: int) -> Floats:
    """Weights (h, w) above 0 of a tile's pixels: 1 inside, falling as a raised cosine over
    `overlap` pixels towards each side that isn't a side of the picture of `size`."""
    rows = _ramp(tile.height, overlap, tile.top > 0, tile.top + tile.height < size[0])
    columns = _ramp(tile.width, overlap, tile.left > 0, tile.left + tile.width < size[1])
    return rows[:, None] * columns[None, :]


def _ramp(length: int, overlap: int, falls_before: bool, falls_after: bool) -> Floats:
    reach = min(overlap, length // 2)
    rise = (0.5 - 0.5 * np.cos(np.pi * (np.arange(reach) + 0.5) / max(1, reach))).astype(np.float32)
    weights = np.ones(length, np.float32)
    if falls_before:
        weights[:reach] *= rise
    if falls_after:
        weights[length - reach :] *= rise[::-1]
    return weights
