"""The paper's soft point renderer in plain numpy, and the rule for a splat's size on screen.

This is the reference that the GPU engine is tested with, and what draws where there is no GPU. A
splat is a disc of radius r pixels round a projected point; at squared distance d2 from its center,
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
LEAST_FALLOFF = 1.0 / 256.0
"""What of a disc falls off further isn't drawn: unseen, it would still count among the nearest."""
UNDERPAINT_GAIN = 3.0
UNDERPAINT_DEPTH = 1.04
UNDERPAINT_GROWTH = 2.0
MAX_GROWTH = 3.0
"""The underpaint: see `underpaint_radius`."""
MIN_DEPTH = 1e-6
_CHUNK_HITS = 1 << 21

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Splats:
    """P discs in a picture: center u (right), v (down) and radius in pixels, depth z; each (P,)."""

    u: NDArray[np.floating]
    v: NDArray[np.floating]
    z: NDArray[np.floating]
    radius: NDArray[np.floating]

    def take(self, which: NDArray) -> Splats:
        """The splats chosen by an index or mask array, in its order."""
        return Splats(self.u[which], self.v[which], self.z[which], self.radius[which])


@dataclass(frozen=True)
class SplatImage:
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

    def above(self, least: float) -> Hits:
        """The hits with a larger alpha."""
        if least <= 0.0:
            return self
        keep = self.alpha > least
        return Hits(self.pixel[keep], self.splat[keep], self.alpha[keep])


def composite(
    splats: Splats,
    features: NDArray[np.floating],
    size: tuple[int, int],
    nearest: int | None = None,
    opacity: NDArray[np.floating] | float = 1.0,
    gain: NDArray[np.floating] | float = 1.0,
    least: float = 0.0,
) -> SplatImage:
    """Draw `splats` with their `features` (P, C) into a picture of `size` (h, w).

    nearest: keep only the so many nearest splats of every pixel (the paper's K = 8), None for no
    limit; a splat's alpha is opacity * min(1, gain * (1 - d2 / r**2)), opacity and gain (P,) or
    one number; least: a pixel with 1 - d2 / r**2 not above it isn't hit (0 in the paper). Splats
    with z < 0 are never drawn.
    """
    height, width = size
    image = np.zeros((height * width, features.shape[1]))
    clear = np.ones(height * width)
    count = np.zeros(height * width, np.int32)
    for hits in _hits_front_to_back(splats, size):
        hits = hits.above(least)
        alpha = np.minimum(1.0, _of(gain, hits.splat) * hits.alpha) * _of(opacity, hits.splat)
        _composite_hits(
            Hits(hits.pixel, hits.splat, alpha), features, (image, clear, count), nearest
        )
    shape = (height, width)
    return SplatImage(image.reshape(*shape, -1), 1.0 - clear.reshape(shape), count.reshape(shape))


def _of(values: NDArray[np.floating] | float, splat: Index) -> NDArray[np.floating] | float:
    return values[splat] if isinstance(values, np.ndarray) else values


def _composite_hits(
    hits: Hits,
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
        alpha = hits.alpha[chosen]
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
    local = local[front]
    inverse = camera.focal / local[:, 2]
    u = (local[:, 0] * inverse + camera.cx - 0.5) / stride + 0.5
    v = (local[:, 1] * inverse + camera.cy - 0.5) / stride + 0.5
    disc = screen_radius(radius[front], local[:, 2], camera.focal)
    travel = float(np.linalg.norm(translation))
    under = underpaint_radius(disc, local[:, 2], travel)
    size = (-(-camera.height // stride), -(-camera.width // stride))
    clear = np.zeros(size[0] * size[1])
    for outpainted, gain in ((disc, 1.0), (under, UNDERPAINT_GAIN)):
        for hits in _hits(Splats(u, v, local[:, 2], outpainted / stride), size):
            alpha = np.minimum(gain * hits.alpha, 1.0 - 1e-12)
            clear += np.bincount(hits.pixel, np.log1p(-alpha), len(clear))
    return -np.expm1(clear).reshape(size).astype(np.float32)


def screen_radius(
    radius: FloatArray, depth: FloatArray, focal: float, least: float = MIN_RADIUS_PX
) -> FloatArray:
    """Radius in pixels (P,), at least `least`, of discs with `radius` in scene units.

    radius, depth: (P,); focal in pixels.
    """
    return np.maximum(radius * np.float32(focal) / depth, np.float32(least))


def underpaint_radius(screen: FloatArray, depth: FloatArray, travel: float) -> FloatArray:
    """Radius in pixels of the underpaint of discs with radius `screen` (P,) at `depth` (P,).

    Between the discs of a photo's surface its accumulated alpha falls to about 0.94, and less
    where the surface is stretched, so what lies behind would shine through. Larger discs would
    close that, but blur (by 4 to 8 dB on planes where the truth is known). Instead every disc is
    drawn a second time, UNDERPAINT_GAIN times steeper and so nearly solid, but put back by the
    factor UNDERPAINT_DEPTH: behind its own surface, before everything else. A surface stretches
    at most about as the camera's `travel` (scene units, from where the photo was taken) to its
    depth, so the underpaint grows with that; at the photo's own view it doesn't grow, and the
    photo comes back unchanged.
    """
    growth = np.clip(1.0 + UNDERPAINT_GROWTH * travel / depth, 1.0, MAX_GROWTH)
    return (screen * growth).astype(np.float32)


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


def _span(center: NDArray, radius: NDArray, length: int) -> tuple[Index, Index]:
    """First pixel and number of pixels whose centers may lie within `radius` of `center`."""
    center, reach = np.asarray(center, np.float64), np.abs(np.asarray(radius, np.float64))
    valid = np.isfinite(center) & np.isfinite(reach)
    center, reach = np.where(valid, center, 0.0), np.where(valid, reach, -1.0)
    low = np.clip(np.ceil(center - reach - 0.5), 0, length)
    high = np.clip(np.floor(center + reach - 0.5), -1, length - 1)
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
        fraction = ((x + 0.5 - u) ** 2 + (y + 0.5 - v) ** 2) / (r * r)
    hit = fraction < 1.0
    return Hits((y * width + x)[hit], splat[hit], 1.0 - fraction[hit])
