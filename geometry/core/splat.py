"""The paper's soft point renderer in plain numpy, and the rule for a splat's size on screen.

The reference that the GPU passes are tested against, and what draws without a GPU. A splat is a
disc of radius r pixels around a projected point. At squared distance d2 from its center, strictly
inside the disc, its alpha is 1 - d2 / r**2. Discs are composited front to back; of equal depths,
the lower index is in front (PyTorch3D's AlphaCompositor, paper section 3.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray

PAPER_NEAREST = 8
"""Number K of points per pixel that the paper's renderer composites."""
MIN_RADIUS_PX = 0.75
"""Smallest radius. Discs of this radius at every pixel leave no gap (half a diagonal is 0.707)."""
LEAST_FALLOFF = 1.0 / 256.0
"""The rim of a disc below this alpha isn't drawn: invisible, it would still count as nearest."""
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
    """P discs in an image.

    Attributes:
        u: (P,) center in pixels, to the right.
        v: (P,) center in pixels, down.
        z: (P,) depth.
        radius: (P,) pixels.
    """

    u: NDArray[np.floating]
    v: NDArray[np.floating]
    z: NDArray[np.floating]
    radius: NDArray[np.floating]

    def take(self, which: NDArray) -> Splats:
        """The splats of an index or mask array, in its order."""
        return Splats(self.u[which], self.v[which], self.z[which], self.radius[which])


@dataclass(frozen=True)
class SplatImage:
    """A composited image.

    Attributes:
        image: (h, w, C) premultiplied channels, zero where nothing is drawn.
        alpha: (h, w) accumulated alpha.
        count: (h, w) number of splats composited in each pixel.
    """

    image: NDArray[np.float64]
    alpha: NDArray[np.float64]
    count: NDArray[np.int32]


@dataclass(frozen=True)
class Hits:
    """Pairs of a pixel and a disc that it lies in, in the order of the discs.

    Attributes:
        pixel: (N,) row * w + column.
        splat: (N,) index of the disc.
        alpha: (N,) alpha of the disc at the pixel.
    """

    pixel: Index
    splat: Index
    alpha: NDArray[np.float64]

    def above(self, least: float) -> Hits:
        """The hits with an alpha above `least`."""
        if least <= 0.0:
            return self
        keep = self.alpha > least
        return Hits(self.pixel[keep], self.splat[keep], self.alpha[keep])


def composite(
    splats: Splats,
    channels: NDArray[np.floating],
    size: tuple[int, int],
    nearest: int | None = None,
    opacity: NDArray[np.floating] | float = 1.0,
    gain: NDArray[np.floating] | float = 1.0,
    least_falloff: float = 0.0,
) -> SplatImage:
    """Draw splats front to back.

    A splat's alpha is opacity * min(1, gain * (1 - d2 / r**2)). Splats with z < 0 are not drawn.

    Args:
        splats: P discs.
        channels: (P, C) values of the discs.
        size: (h, w) of the image.
        nearest: number of splats composited in a pixel (K = 8 in the paper); None for no limit.
        opacity: (P,) or one number.
        gain: (P,) or one number.
        least_falloff: a pixel is hit where 1 - d2 / r**2 exceeds this (0 in the paper).
    """
    height, width = size
    image = np.zeros((height * width, channels.shape[1]))
    transmittance = np.ones(height * width)
    count = np.zeros(height * width, np.int32)
    for hits in _hits_front_to_back(splats, size):
        hits = hits.above(least_falloff)
        alpha = np.minimum(1.0, _values_of(gain, hits.splat) * hits.alpha) * _values_of(
            opacity, hits.splat
        )
        target = (image, transmittance, count)
        _composite_hits(Hits(hits.pixel, hits.splat, alpha), channels, target, nearest)
    shape = (height, width)
    alpha = 1.0 - transmittance.reshape(shape)
    return SplatImage(image.reshape(*shape, -1), alpha, count.reshape(shape))


def _values_of(values: NDArray[np.floating] | float, splat: Index) -> NDArray[np.floating] | float:
    return values[splat] if isinstance(values, np.ndarray) else values


def _composite_hits(
    hits: Hits,
    channels: NDArray[np.floating],
    target: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]],
    nearest: int | None,
) -> None:
    """Composite hits, ordered front to back, behind what `target` holds."""
    image, transmittance, count = target
    order, pixel, first, per_pixel = _grouped(hits.pixel)
    for rank in range(int(per_pixel.max(initial=0))):
        at = first[per_pixel > rank] + rank
        if nearest is not None:
            at = at[count[pixel[at]] < nearest]
        where, chosen = pixel[at], order[at]
        alpha = hits.alpha[chosen]
        image[where] += (transmittance[where] * alpha)[:, None] * channels[hits.splat[chosen]]
        transmittance[where] *= 1.0 - alpha
        count[where] += 1


def _grouped(pixel: Index) -> tuple[Index, Index, Index, Index]:
    """Stable order by pixel, the pixels in that order, and each pixel's first index and count."""
    order = np.argsort(pixel, kind="stable")
    pixel = pixel[order]
    first = np.flatnonzero(np.diff(pixel, prepend=-1))
    return order, pixel, first, np.diff(first, append=len(pixel))


def nearest_indices(splats: Splats, size: tuple[int, int], nearest: int) -> NDArray[np.int32]:
    """Indices (h, w, nearest) of the nearest splats of each pixel, front first, -1 for none."""
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


def screen_radius(
    radius: FloatArray, depth: FloatArray, focal: float, least: float = MIN_RADIUS_PX
) -> FloatArray:
    """Radius (P,) of discs in pixels: r_px = r * focal / depth, at least `least`.

    Args:
        radius: (P,) scene units.
        depth: (P,) scene units.
        focal: focal length in pixels.
        least: smallest radius in pixels.
    """
    return np.maximum(radius * np.float32(focal) / depth, np.float32(least))


def underpaint_radius(screen: FloatArray, depth: FloatArray, travel: float) -> FloatArray:
    """Radius in pixels (P,) of the underpaint of discs.

    The accumulated alpha between the discs of a photo's surface falls to about 0.94, and lower
    where the surface is stretched, so what is behind would shine through. Larger discs would close
    the gaps but blur (by 4 to 8 dB on planes whose true images are known). Instead, each disc is
    drawn a second time, UNDERPAINT_GAIN times steeper and so almost opaque, at UNDERPAINT_DEPTH
    times its depth: behind its own surface, in front of everything else. A surface stretches about
    in proportion to travel / depth, so the underpaint grows with that:

        radius * clip(1 + UNDERPAINT_GROWTH * travel / depth, 1, MAX_GROWTH)

    From the photo's own camera it doesn't grow, and the photo is reproduced unchanged.

    Args:
        screen: (P,) radius of the discs in pixels.
        depth: (P,) scene units.
        travel: distance in scene units of the camera from where the photo was taken.
    """
    growth = np.clip(1.0 + UNDERPAINT_GROWTH * travel / depth, 1.0, MAX_GROWTH)
    return (screen * growth).astype(np.float32)


def _hits_front_to_back(splats: Splats, size: tuple[int, int]) -> Iterator[Hits]:
    """Hits of the splats with z >= 0 by ascending depth and index, in chunks."""
    order = np.argsort(splats.z, kind="stable")
    order = order[splats.z[order] >= 0]
    for hits in _hits(splats.take(order), size):
        yield Hits(hits.pixel, order[hits.splat], hits.alpha)


def _hits(splats: Splats, size: tuple[int, int]) -> Iterator[Hits]:
    """Hits of the splats in their order, in chunks of bounded memory."""
    left, columns = _span(splats.u, splats.radius, size[1])
    top, rows = _span(splats.v, splats.radius, size[0])
    tested = np.cumsum(columns * rows)
    start = 0
    while start < len(tested):
        done = tested[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(tested, done + _CHUNK_HITS)))
        chunk = np.arange(start, end)
        yield _hits_values_of(splats, size[1], chunk, (left, columns, top, rows))
        start = end


def _span(center: NDArray, radius: NDArray, length: int) -> tuple[Index, Index]:
    """First pixel and number of pixels whose centers may be within `radius` of `center`."""
    center, reach = np.asarray(center, np.float64), np.abs(np.asarray(radius, np.float64))
    valid = np.isfinite(center) & np.isfinite(reach)
    center, reach = np.where(valid, center, 0.0), np.where(valid, reach, -1.0)
    low = np.clip(np.ceil(center - reach - 0.5), 0, length)
    high = np.clip(np.floor(center + reach - 0.5), -1, length - 1)
    return low.astype(np.int64), np.maximum(high - low + 1, 0).astype(np.int64)


def _hits_values_of(
    splats: Splats, width: int, chunk: Index, span: tuple[Index, Index, Index, Index]
) -> Hits:
    """Hits of the splats in `chunk`, given the first pixels and numbers of pixels to test."""
    left, columns, top, rows = (s[chunk] for s in span)
    tests = columns * rows
    splat = np.repeat(chunk, tests)
    local = np.arange(len(splat)) - np.repeat(np.cumsum(tests) - tests, tests)
    row_of, column_of = np.divmod(local, np.repeat(np.maximum(columns, 1), tests))
    x, y = column_of + np.repeat(left, tests), row_of + np.repeat(top, tests)
    u, v, r = (np.asarray(a, np.float64)[splat] for a in (splats.u, splats.v, splats.radius))
    with np.errstate(invalid="ignore", divide="ignore"):  # a disc of radius 0 is never hit
        fraction = ((x + 0.5 - u) ** 2 + (y + 0.5 - v) ** 2) / (r * r)
    hit = fraction < 1.0
    return Hits((y * width + x)[hit], splat[hit], 1.0 - fraction[hit])
