"""Grow an image into a hole pixel by pixel, from the border inward.

Non-parametric sampling (Efros and Leung 1999), one ring of pixels at a time. Used at the coarsest
scale, where it carries structure (a shore, a slope) into the hole. A smooth initialization would
make the later rounds settle on whatever texture is closest to a blur.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from .patchmatch import Indices

# Cost of continuing a neighbor's source patch, relative to starting a new one.
_COHERENCE_COST = 0.1
_RANDOMNESS = 0.3
_OVERUSE_COST = 0.004


def grow(
    image: FloatArray,
    hole: Mask,
    centers: Indices,
    radius: int,
    descriptors: FloatArray,
    cost: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, Indices]:
    """Fill a hole with single source pixels whose surroundings match.

    Args:
        image: (H, W, 3) float32.
        hole: (H, W) mask.
        centers: (m,) flat indices of the source pixels, at least `radius` inside the image and
            source.
        radius: Radius of the compared windows in pixels.
        descriptors: (H*W, C) additional channels to compare.
        cost: (H*W,) cost of using each pixel as a source.
        rng: Source of all randomness.

    Returns the filled image (H, W, 3) and the nearest-neighbor field (H*W,): the flat index of the
    source pixel of each pixel.
    """
    canvas = _Canvas(image, hole, radius)
    source_windows = canvas.windows(centers)
    field = np.arange(hole.size)
    use_count = np.zeros(len(centers), np.float32)
    source_index = np.full(hole.size, -1)
    source_index[centers] = np.arange(len(centers))
    average_use = max(1.0, float(hole.sum()) / len(centers))
    rings = np.ceil(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_C, 3)).ravel()
    if not (~hole).any():
        rings[:] = 1.0
    for ring in range(1, int(rings.max()) + 1):
        pixels = np.flatnonzero(rings == ring)
        if not len(pixels):
            continue
        penalty = cost[centers] + _OVERUSE_COST * np.minimum(use_count / average_use, 20.0)
        costs = _match(
            canvas, pixels, source_windows, descriptors[pixels], descriptors[centers], rng
        )
        _favor_neighbors(costs, pixels, field, source_index, hole.shape)
        best = (costs + penalty).argmin(1)
        use_count += np.bincount(best, minlength=len(centers))
        field[pixels] = centers[best]
        canvas.fill(pixels, image.reshape(-1, 3)[centers[best]])
    return canvas.filled_image(), field


class _Canvas:
    """An image with a border of unknown pixels, and what is filled so far."""

    def __init__(self, image: FloatArray, hole: Mask, radius: int) -> None:
        self.shape = hole.shape
        self.radius = radius
        side = 2 * radius + 1
        self.stride = self.shape[1] + 2 * radius
        self.colors = np.pad(image, ((radius, radius), (radius, radius), (0, 0))).reshape(-1, 3)
        self.observed = np.pad(~hole, radius).ravel().astype(np.float32)
        offsets_1d = np.arange(side) - radius
        self.offsets = (offsets_1d[:, None] * self.stride + offsets_1d[None, :]).ravel()
        squared_distance = offsets_1d[:, None] ** 2 + offsets_1d[None, :] ** 2
        self.weights = (
            np.exp(-squared_distance / (1.0 * radius * radius)).astype(np.float32).ravel()
        )

    def _at(self, pixels: Indices) -> Indices:
        rows, columns = np.divmod(pixels, self.shape[1])
        return (rows + self.radius) * self.stride + columns + self.radius

    def windows(self, pixels: Indices) -> FloatArray:
        """Return the colors around pixels, (n, w*w, 3)."""
        return self.colors[self._at(pixels)[:, None] + self.offsets]

    def confidence(self, pixels: Indices) -> FloatArray:
        """Return weights (n, w*w) around pixels that sum to 1, 0 where nothing is filled yet."""
        weight = self.observed[self._at(pixels)[:, None] + self.offsets] * self.weights
        return weight / np.maximum(weight.sum(1, keepdims=True), 1e-6)

    def fill(self, pixels: Indices, colors: FloatArray) -> None:
        """Set colors (n, 3) and mark the pixels as filled."""
        self.colors[self._at(pixels)] = colors
        self.observed[self._at(pixels)] = 1.0

    def filled_image(self) -> FloatArray:
        """Return the image without the border."""
        r = self.radius
        return self.colors.reshape(-1, self.stride, 3)[r:-r, r:-r].copy()


def _match(
    canvas: _Canvas,
    pixels: Indices,
    source_windows: FloatArray,
    target_descriptors: FloatArray,
    source_descriptors: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the costs (n, m) of the m source windows against what is filled around n pixels."""
    weight = canvas.confidence(pixels)
    target_windows = canvas.windows(pixels)
    flat = source_windows.reshape(len(source_windows), -1)
    costs = weight @ np.einsum("mpc,mpc->mp", source_windows, source_windows).T
    costs -= 2.0 * (weight[..., None] * target_windows).reshape(len(pixels), -1) @ flat.T
    costs += np.einsum("np,npc,npc->n", weight, target_windows, target_windows)[:, None]
    for channel in range(target_descriptors.shape[1]):
        costs += (target_descriptors[:, channel, None] - source_descriptors[None, :, channel]) ** 2
    costs = np.maximum(costs, 0.0)
    costs *= 1.0 + _RANDOMNESS * rng.random(costs.shape, np.float32)
    return costs


def _favor_neighbors(
    costs: FloatArray,
    pixels: Indices,
    field: Indices,
    source_index: Indices,
    shape: tuple[int, int],
) -> None:
    """Reduce the cost of continuing the source patch that a neighbor was taken from."""
    base_costs = costs.copy()
    rows, columns = np.divmod(pixels, shape[1])
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)):
        inside = (rows + dy >= 0) & (rows + dy < shape[0])
        inside &= (columns + dx >= 0) & (columns + dx < shape[1])
        neighbor = np.where(inside, pixels + dy * shape[1] + dx, pixels)
        source = np.clip(field[neighbor] - dy * shape[1] - dx, 0, field.size - 1)
        candidate = source_index[source]
        valid = np.flatnonzero(inside & (candidate >= 0))
        if len(valid):
            costs[valid, candidate[valid]] = np.minimum(
                costs[valid, candidate[valid]],
                _COHERENCE_COST * base_costs[valid, candidate[valid]],
            )
