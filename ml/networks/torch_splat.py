"""The paper's soft point renderer in PyTorch, for point clouds with many features.

It gives the same image as `geometry.core.splat.composite`, the reference that explains the formula
(PyTorch3D's AlphaCompositor, paper section 3.5), on the device and in the precision of its tensors.
It is deterministic, because the compositing order depends only on depth and index. It provides no
gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

_TESTS_PER_CHUNK = 1 << 21


@dataclass(frozen=True)
class TensorSplats:
    """P discs in an image; a pixel (column i, row j) has its center at (i + 0.5, j + 0.5).

    Attributes:
        u: (P,) column of the center in pixels, to the right.
        v: (P,) row of the center in pixels, downward.
        z: (P,) depth.
        radius: (P,) in pixels.
    """

    u: Tensor
    v: Tensor
    z: Tensor
    radius: Tensor


@dataclass(frozen=True)
class TensorImage:
    """A composited image.

    Attributes:
        image: (h, w, C) premultiplied features, zero where nothing is drawn.
        alpha: (h, w) accumulated alpha.
        count: (h, w) int32, number of splats composited at each pixel.
    """

    image: Tensor
    alpha: Tensor
    count: Tensor


@dataclass(frozen=True)
class _Hits:
    """Pixels inside discs, nearest disc first.

    Attributes:
        pixel: (N,) row * w + column.
        splat: (N,) index of the disc.
        alpha: (N,).
    """

    pixel: Tensor
    splat: Tensor
    alpha: Tensor


@dataclass(frozen=True)
class _PixelRanges:
    """The rectangle of pixels that each disc may cover, int64 (P,) each."""

    left: Tensor
    columns: Tensor
    top: Tensor
    rows: Tensor


@torch.no_grad()
def composite(
    splats: TensorSplats,
    features: Tensor,
    size: tuple[int, int],
    nearest: int | None = None,
    opacity: Tensor | float = 1.0,
    gain: Tensor | float = 1.0,
) -> TensorImage:
    """Draw splats into an image.

    All tensors have the same floating-point type and device, and so does the result.

    Args:
        splats: P discs. Those with z < 0, or with values that aren't finite, are not drawn.
        features: (P, C).
        size: (h, w) of the image.
        nearest: Number of nearest splats to keep in every pixel (the paper's K = 8), or None for
            all; at equal depth the lower index is nearer.
        opacity: (P,) or one number. A splat's alpha is opacity * min(1, gain * (1 - d2 /
            radius**2)).
        gain: (P,) or one number.
    """
    height, width = size
    image = features.new_zeros(height * width, features.shape[1])
    transmittance = features.new_ones(height * width)
    count = torch.zeros(height * width, dtype=torch.int32, device=features.device)
    for hits in _hits_front_to_back(splats, size):
        selected = hits if nearest is None else _select(hits, count[hits.pixel] < nearest)
        alpha = (selected.alpha * _per_hit(gain, selected.splat)).clamp(max=1.0) * _per_hit(
            opacity, selected.splat
        )
        composited = _Hits(selected.pixel, selected.splat, alpha)
        _composite_hits(composited, features, (image, transmittance, count), nearest)
    shape = (height, width)
    return TensorImage(image.view(*shape, -1), 1.0 - transmittance.view(shape), count.view(shape))


def _per_hit(values: Tensor | float, splat: Tensor) -> Tensor | float:
    return values[splat] if isinstance(values, Tensor) else values


def _select(hits: _Hits, selection: Tensor) -> _Hits:
    return _Hits(hits.pixel[selection], hits.splat[selection], hits.alpha[selection])


def _composite_hits(
    hits: _Hits, features: Tensor, target: tuple[Tensor, Tensor, Tensor], nearest: int | None
) -> None:
    """Composite hits, ordered front to back, behind what `target` already holds.

    There is one pass for each rank within a pixel. No pixel occurs twice in a pass, so that the
    sums don't depend on the order of a GPU's operations.
    """
    image, transmittance, count = target
    pixel, order = torch.sort(hits.pixel, stable=True)
    pixels, length = torch.unique_consecutive(pixel, return_counts=True)
    first = length.cumsum(0) - length
    if nearest is not None:
        length = torch.minimum(length, nearest - count[pixels])
    for rank in range(int(length.max()) if len(length) else 0):
        remaining = length > rank
        pixel_index, hit_index = pixels[remaining], order[first[remaining] + rank]
        alpha = hits.alpha[hit_index]
        image[pixel_index] += (transmittance[pixel_index] * alpha)[:, None] * features[
            hits.splat[hit_index]
        ]
        transmittance[pixel_index] *= 1.0 - alpha
    count[pixels] += length.int()


def _hits_front_to_back(splats: TensorSplats, size: tuple[int, int]) -> Iterator[_Hits]:
    """Yield hits by ascending (z, index), in chunks of bounded memory."""
    valid_splats = torch.nonzero(splats.z >= 0).squeeze(1)
    # Minus zero becomes zero, because a sort by bits would treat them differently.
    order = valid_splats[torch.sort(splats.z[valid_splats] + 0.0, stable=True).indices]
    ranges = _pixel_ranges(splats, size, order)
    cumulative_tests = (ranges.columns * ranges.rows).cumsum(0).cpu()
    start = 0
    while start < len(order):
        tests_done = int(cumulative_tests[start - 1]) if start else 0
        end = max(
            start + 1, int(torch.searchsorted(cumulative_tests, tests_done + _TESTS_PER_CHUNK))
        )
        yield _hits_in_chunk(
            splats, size[1], order[start:end], _slice_ranges(ranges, slice(start, end))
        )
        start = end


def _pixel_ranges(splats: TensorSplats, size: tuple[int, int], order: Tensor) -> _PixelRanges:
    radius = splats.radius[order]
    left, columns = _span(splats.u[order], radius, size[1])
    top, rows = _span(splats.v[order], radius, size[0])
    return _PixelRanges(left, columns, top, rows)


def _slice_ranges(ranges: _PixelRanges, selection: slice) -> _PixelRanges:
    return _PixelRanges(
        ranges.left[selection],
        ranges.columns[selection],
        ranges.top[selection],
        ranges.rows[selection],
    )


def _span(center: Tensor, radius: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Return the first pixel and the number of pixels with centers within `radius` of `center`."""
    valid = torch.isfinite(center) & torch.isfinite(radius)
    # In double precision, so that rounding can't remove a pixel from a disc.
    middle = torch.where(valid, center, 0.0).double()
    half_width = torch.where(valid, radius.abs(), -1.0).double()
    low = torch.ceil(middle - half_width - 0.5).clamp(0, length).long()
    high = torch.floor(middle + half_width - 0.5).clamp(-1, length - 1).long()
    return low, (high - low + 1).clamp(min=0)


def _hits_in_chunk(splats: TensorSplats, width: int, chunk: Tensor, ranges: _PixelRanges) -> _Hits:
    """Return the hits of a chunk of splats, in its order; every pixel of their ranges is tested."""
    tests = ranges.columns * ranges.rows
    disc = torch.repeat_interleave(tests)
    local = torch.arange(len(disc), device=disc.device) - (tests.cumsum(0) - tests)[disc]
    columns = ranges.columns[disc]
    x = local % columns + ranges.left[disc]
    y = torch.div(local, columns, rounding_mode="floor") + ranges.top[disc]
    splat = chunk[disc]
    across, down = x + 0.5 - splats.u[splat], y + 0.5 - splats.v[splat]
    distance2 = across * across + down * down
    radius2 = (splats.radius * splats.radius)[splat]
    inside = torch.nonzero(distance2 < radius2).squeeze(1)
    alpha = 1.0 - distance2[inside] / radius2[inside]
    return _Hits((y * width + x)[inside], splat[inside], alpha)
