"""The paper's soft point renderer in plain numpy, and the rule for a splat's size on screen.

This is the reference that the GPU engine is tested with, and what draws where there is no GPU. A
splat is a disc of radius r pixels round a projected point; at squared distance d2 from its centre,
strictly inside, its alpha is 1 - d2 / r**2. Discs are composited front to back; on equal depth the
lower index is in front (PyTorch3D's AlphaCompositor, paper section 3.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray, Intrinsics

PAPER_NEAREST = 8
"""Number K of points a pixel that the paper's renderer keeps."""
MIN_RADIUS_PX = 0.75
"""Discs this large on every pixel of a grid leave no gap (a pixel's half diagonal is 0.707)."""
MAX_GROWTH = 1.875
"""Largest extra growth of a magnified splat: the paper's adaptive radius, 1.25 * 1.5 px."""
MIN_DEPTH = 1e-6
_CHUNK_HITS = 1 << 21

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Splats:
    """P discs in a picture: centre u (right), v (down) and radius in pixels, depth z; each (P,)."""

    u: NDArray[np.floating]
    v: NDArray[np.floating]
    z: NDArray[np.floating]
    radius: NDArray[np.floating]

    def take(self, which: NDArray) -> Splats:
        """The splats chosen by an index or mask array, in its order."""
        return Splats(self.u[which], self.v[which], self.z[which], self.radius[which])


@dataclass(frozen=True)
class Picture:
    """A composited picture.

    image (h, w, C): premultiplied features, zero where nothing is; alpha (h, w): accumulated
    alpha; count (h, w): number of splats composited at each pixel.
    """

    image: NDArray[np.float64]
    alpha: NDArray[np.float64]
    count: NDArray[np.int32]


@dataclass(frozen=True)
class Hits:
    """Pixels inside discs, in the order of the splats: pixel (row * w + column), splat, alpha."""

    pixel: Index
    splat: Index
    alpha: NDArray[np.float64]


def composite(
    splats: Splats,
    features: NDArray[np.floating],
    size: tuple[int, int],
    nearest: int | None = None,
    opacity: NDArray[np.floating] | None = None,
) -> Picture:
    """Draw `splats` with their `features` (P, C) into a picture of `size` (h, w).

    nearest: keep only the so many nearest splats of every pixel (the paper's K = 8), None for no
    limit; opacity (P,): factor on a splat's alpha. Splats with z < 0 are never drawn.
    """
    height, width = size
    image = np.zeros((height * width, features.shape[1]))
    clear = np.ones(height * width)
    count = np.zeros(height * width, np.int32)
    for hits in _hits_front_to_back(splats, size):
        strength = hits.alpha if opacity is None else hits.alpha * opacity[hits.splat]
        _composite_hits(hits, strength, features, (image, clear, count), nearest)
    shape = (height, width)
    return Picture(image.reshape(*shape, -1), 1.0 - clear.reshape(shape), count.reshape(shape))


def _composite_hits(
    hits: Hits,
    strength: NDArray[np.float64],
    features: NDArray[np.floating],
    target: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]],
    nearest: int | None,
) -> None:
    """Composite hits, given front to back, behind what `target` already holds."""
    image, clear, count = target
    order, pixel, first, per_pixel = _grouped(hits.pixel)
    for rank in range(int(per_pixel.max(initial=0))):
        at = first[per_pixel > rank] + rank
        if nearest is not None:
            at = at[count[pixel[at]] < nearest]
        where, chosen = pixel[at], order[at]
        alpha = strength[chosen]
        image[where] += (clear[where] * alpha)[:, None] * features[hits.splat[chosen]]
        clear[where] *= 1.0 - alpha
        count[where] += 1


def _grouped(pixel: Index) -> tuple[Index, Index, Index, Index]:
    """Stable order by pixel, the pixels in it, and where each pixel's run starts and its length."""
    order = np.argsort(pixel, kind="stable")
    pixel = pixel[order]
    first = np.flatnonzero(np.diff(pixel, prepend=-1))
    return order, pixel, first, np.diff(first, append=len(pixel))


def nearest_indices(splats: Splats, size: tuple[int, int], nearest: int) -> NDArray[np.int32]:
    """Indices (h, w, nearest) of the nearest splats at each pixel, front first, -1 for none."""
    height, width = size
    result = np.full((height * width, nearest), -1, np.int32)
    count = np.zeros(height * width, np.int32)
    for hits in _hits_front_to_back(splats, size):
        order, pixel, first, per_pixel = _grouped(hits.pixel)
        slot = np.arange(len(pixel)) - np.repeat(first, per_pixel) + count[pixel]
        keep = slot < nearest
        result[pixel[keep], slot[keep]] = hits.splat[order[keep]]
        count += np.bincount(pixel, minlength=len(count)).astype(np.int32)
    return result.reshape(height, width, nearest)


def coverage(
    points: FloatArray,
    radius: FloatArray,
    rotation: NDArray[np.floating],
    translation: NDArray[np.floating],
    camera: Intrinsics,
    stride: int = 1,
) -> FloatArray:
    """Accumulated alpha that the engine gives for points seen from another pose.

    points (P, 3) and radius (P,), scene units, in the photo's camera frame; the new camera sees
    `rotation @ point + translation`. Every `stride`-th pixel in both directions is evaluated:
    returns (ceil(height / stride), ceil(width / stride)).
    """
    local = points @ np.asarray(rotation, np.float32).T + np.asarray(translation, np.float32)
    front = local[:, 2] > MIN_DEPTH
    local, radius = local[front], radius[front]
    source_depth = radius / max(source_pixel_angle(points[front, 2], radius), 1e-30)
    inverse = camera.focal / local[:, 2]
    splats = Splats(
        (local[:, 0] * inverse + camera.cx - 0.5) / stride + 0.5,
        (local[:, 1] * inverse + camera.cy - 0.5) / stride + 0.5,
        local[:, 2],
        screen_radius(radius, local[:, 2], camera.focal, source_depth) / stride,
    )
    height, width = -(-camera.height // stride), -(-camera.width // stride)
    opacity_log = np.zeros(height * width)
    for hits in _hits(splats, (height, width)):
        log = np.log1p(-np.minimum(hits.alpha, 1.0 - 1e-12))
        opacity_log += np.bincount(hits.pixel, log, len(opacity_log))
    return -np.expm1(opacity_log).reshape(height, width).astype(np.float32)


def source_pixel_angle(depth: NDArray[np.floating], radius: NDArray[np.floating]) -> float:
    """Radius per depth of a cloud seen from where its photo was taken; 0 where it has none.

    depth, radius: (P,) in scene units. The median over at most a few thousand points in front.
    """
    step = max(1, len(depth) // 4096)
    depth, radius = depth[::step], radius[::step]
    valid = (depth > MIN_DEPTH) & (radius > 0)
    return float(np.median(radius[valid] / depth[valid])) if valid.any() else 0.0


def screen_radius(
    radius: FloatArray, depth: FloatArray, focal: float, source_depth: FloatArray
) -> FloatArray:
    """Radius in pixels with which the engine draws points.

    radius, depth, source_depth: (P,) scene units; focal in pixels; source_depth is the depth at
    which the point was seen in its photo, 0 if it has none. Perspective alone gives
    radius * focal / depth. A surface that slopes away, such as the ground, is stretched more than
    that when the camera comes near, by the square of the magnification source_depth / depth: so a
    magnified splat grows once more by the magnification, up to MAX_GROWTH. At the photo's own
    view nothing grows. No disc is smaller than MIN_RADIUS_PX.
    """
    scale = radius * np.float32(focal) / depth
    growth = np.clip(source_depth / depth, 1.0, MAX_GROWTH)
    return np.maximum(scale * growth, np.float32(MIN_RADIUS_PX)).astype(np.float32)


def _hits_front_to_back(splats: Splats, size: tuple[int, int]) -> Iterator[Hits]:
    order = np.argsort(splats.z, kind="stable")
    order = order[splats.z[order] >= 0]
    for hits in _hits(splats.take(order), size):
        yield Hits(hits.pixel, order[hits.splat], hits.alpha)


def _hits(splats: Splats, size: tuple[int, int]) -> Iterator[Hits]:
    """Hits of the splats in their order, in pieces of bounded memory."""
    left, columns = _span(splats.u, splats.radius, size[1])
    top, rows = _span(splats.v, splats.radius, size[0])
    tested = np.cumsum(columns * rows)
    start = 0
    while start < len(tested):
        done = tested[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(tested, done + _CHUNK_HITS)))
        piece = np.arange(start, end)
        yield _hits_of(splats, size[1], piece, (left, columns, top, rows))
        start = end


def _span(centre: NDArray, radius: NDArray, length: int) -> tuple[Index, Index]:
    """First pixel and number of pixels whose centres may lie within `radius` of `centre`."""
    centre, reach = np.asarray(centre, np.float64), np.abs(np.asarray(radius, np.float64))
    valid = np.isfinite(centre) & np.isfinite(reach)
    centre, reach = np.where(valid, centre, 0.0), np.where(valid, reach, -1.0)
    low = np.clip(np.ceil(centre - reach - 0.5), 0, length)
    high = np.clip(np.floor(centre + reach - 0.5), -1, length - 1)
    return low.astype(np.int64), np.maximum(high - low + 1, 0).astype(np.int64)


def _hits_of(
    splats: Splats, width: int, piece: Index, span: tuple[Index, Index, Index, Index]
) -> Hits:
    left, columns, top, rows = (s[piece] for s in span)
    tests = columns * rows
    splat = np.repeat(piece, tests)
    local = np.arange(len(splat)) - np.repeat(np.cumsum(tests) - tests, tests)
    row_of, column_of = np.divmod(local, np.repeat(np.maximum(columns, 1), tests))
    x, y = column_of + np.repeat(left, tests), row_of + np.repeat(top, tests)
    u, v, r = (np.asarray(a, np.float64)[splat] for a in (splats.u, splats.v, splats.radius))
    with np.errstate(invalid="ignore", divide="ignore"):  # a disc of radius 0 is never hit
        share = ((x + 0.5 - u) ** 2 + (y + 0.5 - v) ** 2) / (r * r)
    hit = share < 1.0
    return Hits((y * width + x)[hit], splat[hit], 1.0 - share[hit])
