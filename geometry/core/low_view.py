"""A small, fast depth image of what a camera would see of a cloud, about a hundred pixels wide.

It is used to plan paths: where the next step of a cruise leads, how far a path is safe. A point is
drawn as a square that is as wide as its disc, at least a pixel; the nearest point wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray, Intrinsics, Vector, look_rotation
from .camera_path import DOWN

WIDTH = 96
"""Width of a view in pixels."""
NEAREST_DEPTH = 1e-3
"""Points closer to the camera than this, in scene units, aren't drawn."""
NOTHING = np.iinfo(np.int64).max
"""Key of a pixel without a point. Other keys hold the depth's bits above the point's index."""
_INDEX_BITS = 32
_CHUNK_HITS = 1 << 21
"""Pixels drawn at a time, which bounds the memory used."""

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LowView:
    """A view of a cloud.

    Attributes:
        depth: Depth (h, w) float32 along the view axis in scene units, inf where there is no point.
        index: Index (h, w) int32 of the nearest point, -1 where there is none.
    """

    depth: FloatArray
    index: NDArray[np.int32]

    @property
    def uncovered(self) -> float:
        """Fraction 0..1 of the image without a point."""
        return float((self.index < 0).mean())


def low_camera(camera: Intrinsics, width: int = WIDTH) -> Intrinsics:
    """Return the camera's intrinsics at `width` pixels, or at its own width if that is smaller."""
    width = min(width, camera.width)
    return camera.scaled(width, max(1, round(camera.height * width / camera.width)))


def render_low(
    points: FloatArray, radius: FloatArray, camera: Intrinsics, position: Vector, look: Vector
) -> LowView:
    """Draw the nearest points of a cloud from a pose, at the size of `camera`.

    A single pixel without a point takes the nearest of its four neighbors if all four have one:
    only larger holes are real.

    Args:
        points: Positions (P, 3) in scene units and the photo's camera frame.
        radius: Radii (P,) in scene units.
        camera: Intrinsics of the view.
        position: Position (3,) of the camera in the photo's camera frame.
        look: Look direction (3,) in the photo's camera frame.
    """
    rotation = look_rotation(np.asarray(look, float), DOWN).astype(np.float32)
    local = rotation @ points.T - (rotation @ np.asarray(position, np.float32))[:, None]
    seen = np.flatnonzero(local[2] > NEAREST_DEPTH)
    x, y, z = local[:, seen]
    scale = np.float32(camera.focal) / z
    u, v = x * scale + np.float32(camera.cx), y * scale + np.float32(camera.cy)
    half = np.maximum(radius[seen] * scale, np.float32(0.5))
    inside = (u > -half) & (v > -half) & (u < camera.width + half) & (v < camera.height + half)
    keys = np.full(camera.height * camera.width, NOTHING)
    u, v, half = u[inside], v[inside], half[inside]
    order = z[inside].view(np.int32).astype(np.int64) << _INDEX_BITS | seen[inside]
    _draw(keys, order, (u, v, half), camera)
    return _view(_closed(keys.reshape(camera.height, camera.width)))


def _draw(
    keys: NDArray[np.int64],
    order: NDArray[np.int64],
    squares: tuple[FloatArray, FloatArray, FloatArray],
    camera: Intrinsics,
) -> None:
    """Lower `keys` (h * w) to the smallest `order` (n,) of the squares over a pixel's center.

    squares: centers u and v, and half widths, each (n,), in pixels.
    """
    u, v, half = squares
    left, columns = _span(u, half, camera.width)
    top, rows = _span(v, half, camera.height)
    hits = columns * rows
    one = hits == 1
    np.minimum.at(keys, top[one] * camera.width + left[one], order[one])
    for piece in _pieces(np.flatnonzero(hits > 1), hits):
        which = np.repeat(piece, hits[piece])
        first = np.repeat(np.cumsum(hits[piece]) - hits[piece], hits[piece])
        row, column = np.divmod(np.arange(len(which)) - first, columns[which])
        pixel = (top[which] + row) * camera.width + left[which] + column
        np.minimum.at(keys, pixel, order[which])


def _span(center: FloatArray, half: FloatArray, size: int) -> tuple[Index, Index]:
    """Return first and number of the pixels whose centers lie in [center - half, center + half)."""
    first = np.clip(np.ceil(center - half - 0.5), 0, size).astype(np.int64)
    end = np.clip(np.ceil(center + half - 0.5), 0, size).astype(np.int64)
    return first, end - first


def _pieces(which: Index, hits: Index) -> Iterator[Index]:
    """Split the indices into pieces that cover a bounded number of pixels."""
    total = np.cumsum(hits[which])
    cuts = np.searchsorted(
        total, np.arange(_CHUNK_HITS, total[-1] if len(total) else 0, _CHUNK_HITS)
    )
    yield from np.split(which, cuts)


def _closed(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return keys (h, w) in which a single empty pixel takes the smallest key beside it."""
    around = np.pad(keys, 1, mode="reflect") if min(keys.shape) > 1 else np.pad(keys, 1)
    beside = np.stack([around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]])
    lone = (keys == NOTHING) & (beside != NOTHING).all(axis=0)
    return np.where(lone, beside.min(axis=0), keys)


def _view(keys: NDArray[np.int64]) -> LowView:
    nothing = keys == NOTHING
    index = np.where(nothing, -1, keys & ((1 << _INDEX_BITS) - 1)).astype(np.int32)
    depth = (keys >> _INDEX_BITS).astype(np.int32).view(np.float32)
    return LowView(np.where(nothing, np.float32(np.inf), depth), index)
