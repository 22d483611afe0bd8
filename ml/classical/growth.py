"""Growing a picture into its hole pixel by pixel, from the border inwards.

Non-parametric sampling (Efros and Leung 1999), one ring of pixels at a time. Used at the coarsest
scale, where it carries structure (a shore, a slope) on into the hole; a smooth start would make
the later rounds settle on whatever texture is closest to a blur.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]

# What going on with a neighbor's piece of the source costs, against starting a new piece.
_COHERENT = 0.1
_LUCK = 0.3
_OVERUSE = 0.004


def grow(
    image: Floats,
    hole: Bools,
    centers: Indices,
    radius: int,
    guide: Floats,
    cost: Floats,
    rng: np.random.Generator,
) -> tuple[Floats, Indices]:
    """Fill `hole` (H, W) of `image` (H, W, 3) with single pixels of matching surroundings.

    centers: (m,) flat indices of the source pixels (`radius` inside the picture and the source);
    guide: (H*W, C) as wanted and as offered; cost: (H*W,) of taking each source pixel. Returns
    the filled picture and the field (H*W,): the source pixel of each pixel.
    """
    grown = _Canvas(image, hole, radius)
    offered = grown.windows(centers)
    field = np.arange(hole.size)
    used = np.zeros(len(centers), np.float32)
    row_of = np.full(hole.size, -1)
    row_of[centers] = np.arange(len(centers))
    usual = max(1.0, float(hole.sum()) / len(centers))
    rings = np.ceil(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_C, 3)).ravel()
    if not (~hole).any():
        rings[:] = 1.0
    for ring in range(1, int(rings.max()) + 1):
        pixels = np.flatnonzero(rings == ring)
        if not len(pixels):
            continue
        price = cost[centers] + _OVERUSE * np.minimum(used / usual, 20.0)
        table = _match(grown, pixels, offered, guide[pixels], guide[centers], rng)
        _favor_neighbors(table, pixels, field, row_of, hole.shape)
        chosen = (table + price).argmin(1)
        used += np.bincount(chosen, minlength=len(centers))
        field[pixels] = centers[chosen]
        grown.put(pixels, image.reshape(-1, 3)[centers[chosen]])
    return grown.picture(), field


class _Canvas:
    """A picture with a border of unknown pixels, and what is known of it so far."""

    def __init__(self, image: Floats, hole: Bools, radius: int) -> None:
        self.shape = hole.shape
        self.radius = radius
        side = 2 * radius + 1
        self.outpainted = self.shape[1] + 2 * radius
        self.colors = np.pad(image, ((radius, radius), (radius, radius), (0, 0))).reshape(-1, 3)
        self.observed = np.pad(~hole, radius).ravel().astype(np.float32)
        ticks = np.arange(side) - radius
        self.offsets = (ticks[:, None] * self.outpainted + ticks[None, :]).ravel()
        square = ticks[:, None] ** 2 + ticks[None, :] ** 2
        self.weights = np.exp(-square / (1.0 * radius * radius)).astype(np.float32).ravel()

    def _at(self, pixels: Indices) -> Indices:
        rows, columns = np.divmod(pixels, self.shape[1])
        return (rows + self.radius) * self.outpainted + columns + self.radius

    def windows(self, pixels: Indices) -> Floats:
        """Colors around pixels, (n, w*w, 3)."""
        return self.colors[self._at(pixels)[:, None] + self.offsets]

    def confidence(self, pixels: Indices) -> Floats:
        """Weights around pixels that sum to 1, 0 where nothing is known yet, (n, w*w)."""
        weight = self.observed[self._at(pixels)[:, None] + self.offsets] * self.weights
        return weight / np.maximum(weight.sum(1, keepdims=True), 1e-6)

    def put(self, pixels: Indices, colors: Floats) -> None:
        """Set colors and make them known."""
        self.colors[self._at(pixels)] = colors
        self.observed[self._at(pixels)] = 1.0

    def picture(self) -> Floats:
        """The picture without the border."""
        r = self.radius
        return self.colors.reshape(-1, self.outpainted, 3)[r:-r, r:-r].copy()


def _match(
    grown: _Canvas,
    pixels: Indices,
    offered: Floats,
    wanted_guide: Floats,
    offered_guide: Floats,
    rng: np.random.Generator,
) -> Floats:
    """How far each of `offered` (m) is from what is known around `pixels` (n), (n, m)."""
    weight = grown.confidence(pixels)
    wanted = grown.windows(pixels)
    flat = offered.reshape(len(offered), -1)
    table = weight @ np.einsum("mpc,mpc->mp", offered, offered).T
    table -= 2.0 * (weight[..., None] * wanted).reshape(len(pixels), -1) @ flat.T
    table += np.einsum("np,npc,npc->n", weight, wanted, wanted)[:, None]
    for channel in range(wanted_guide.shape[1]):
        table += (wanted_guide[:, channel, None] - offered_guide[None, :, channel]) ** 2
    table = np.maximum(table, 0.0)
    table *= 1.0 + _LUCK * rng.random(table.shape, np.float32)
    return table


def _favor_neighbors(
    table: Floats, pixels: Indices, field: Indices, row_of: Indices, shape: tuple[int, int]
) -> None:
    """Make it cheaper to go on with the piece of the source that a neighbor takes after."""
    plain = table.copy()
    rows, columns = np.divmod(pixels, shape[1])
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)):
        inside = (rows + dy >= 0) & (rows + dy < shape[0])
        inside &= (columns + dx >= 0) & (columns + dx < shape[1])
        beside = np.where(inside, pixels + dy * shape[1] + dx, pixels)
        source = np.clip(field[beside] - dy * shape[1] - dx, 0, field.size - 1)
        row = row_of[source]
        use = np.flatnonzero(inside & (row >= 0))
        if len(use):
            table[use, row[use]] = np.minimum(
                table[use, row[use]], _COHERENT * plain[use, row[use]]
            )
