"""The paper's soft point renderer in PyTorch, for point clouds with many features.

The same picture as `geometry.core.splat.composite`, the reference that explains the formula
(PyTorch3D's AlphaCompositor, paper section 3.5), but on whichever device its tensors lie and in
their precision. Deterministic: the order in which splats are composited depends on depth and index
alone. It gives no gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

_CHUNK_TESTS = 1 << 21


@dataclass(frozen=True)
class TensorSplats:
    """P discs in a picture: center u (right), v (down) and radius in pixels, depth z; each (P,).

    A pixel (column i, row j) has its center at (i + 0.5, j + 0.5).
    """

    u: Tensor
    v: Tensor
    z: Tensor
    radius: Tensor


@dataclass(frozen=True)
class TensorPicture:
    """A composited picture.

    image (h, w, C): premultiplied features, zero where nothing is; alpha (h, w): accumulated
    alpha; count (h, w) int32: number of splats composited at each pixel.
    """

    image: Tensor
    alpha: Tensor
    count: Tensor


@dataclass(frozen=True)
class _Hits:
    """Pixels inside discs, nearest disc first; (N,) each: pixel (row * w + column), disc, alpha."""

    pixel: Tensor
    splat: Tensor
    alpha: Tensor


@dataclass(frozen=True)
class _Reach:
    """The rectangle of pixels that each disc may hit, as int64 (P,) each."""

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
) -> TensorPicture:
    """Draw `splats` with their `features` (P, C) into a picture of `size` (h, w).

    nearest: keep only the so many nearest splats of every pixel (the paper's K = 8), None for no
    limit; on equal depth the lower index is nearer. A splat's alpha is
    opacity * min(1, gain * (1 - d2 / radius**2)), opacity and gain (P,) or one number. Splats with
    z < 0, or nowhere (infinite, not a number), are never drawn. All tensors are of one
    floating-point type and on one device, and so is the result.
    """
    height, width = size
    image = features.new_zeros(height * width, features.shape[1])
    clear = features.new_ones(height * width)
    count = torch.zeros(height * width, dtype=torch.int32, device=features.device)
    for hits in _hits_front_to_back(splats, size):
        kept = hits if nearest is None else _take(hits, count[hits.pixel] < nearest)
        alpha = (kept.alpha * _of(gain, kept.splat)).clamp(max=1.0) * _of(opacity, kept.splat)
        behind = _Hits(kept.pixel, kept.splat, alpha)
        _composite_hits(behind, features, (image, clear, count), nearest)
    shape = (height, width)
    return TensorPicture(image.view(*shape, -1), 1.0 - clear.view(shape), count.view(shape))


def _of(values: Tensor | float, splat: Tensor) -> Tensor | float:
    return values[splat] if isinstance(values, Tensor) else values


def _take(hits: _Hits, which: Tensor) -> _Hits:
    return _Hits(hits.pixel[which], hits.splat[which], hits.alpha[which])


def _composite_hits(
    hits: _Hits, features: Tensor, target: tuple[Tensor, Tensor, Tensor], nearest: int | None
) -> None:
    """Composite hits, given front to back, behind what `target` already holds.

    One pass for each rank within a pixel: no pixel is twice in a pass, so that the sums don't
    depend on the order in which a GPU makes them.
    """
    image, clear, count = target
    pixel, order = torch.sort(hits.pixel, stable=True)
    pixels, length = torch.unique_consecutive(pixel, return_counts=True)
    first = length.cumsum(0) - length
    if nearest is not None:
        length = torch.minimum(length, nearest - count[pixels])
    for rank in range(int(length.max()) if len(length) else 0):
        alive = length > rank
        where, chosen = pixels[alive], order[first[alive] + rank]
        alpha = hits.alpha[chosen]
        image[where] += (clear[where] * alpha)[:, None] * features[hits.splat[chosen]]
        clear[where] *= 1.0 - alpha
    count[pixels] += length.int()


def _hits_front_to_back(splats: TensorSplats, size: tuple[int, int]) -> Iterator[_Hits]:
    """Hits by ascending (z, index), in pieces of bounded memory."""
    drawn = torch.nonzero(splats.z >= 0).squeeze(1)
    # Minus zero becomes zero, which a sort by bits would take for something else.
    order = drawn[torch.sort(splats.z[drawn] + 0.0, stable=True).indices]
    reach = _reach(splats, size, order)
    tested = (reach.columns * reach.rows).cumsum(0).cpu()
    start = 0
    while start < len(order):
        done = int(tested[start - 1]) if start else 0
        end = max(start + 1, int(torch.searchsorted(tested, done + _CHUNK_TESTS)))
        yield _hits_of(splats, size[1], order[start:end], _piece(reach, slice(start, end)))
        start = end


def _reach(splats: TensorSplats, size: tuple[int, int], order: Tensor) -> _Reach:
    radius = splats.radius[order]
    left, columns = _span(splats.u[order], radius, size[1])
    top, rows = _span(splats.v[order], radius, size[0])
    return _Reach(left, columns, top, rows)


def _piece(reach: _Reach, which: slice) -> _Reach:
    return _Reach(reach.left[which], reach.columns[which], reach.top[which], reach.rows[which])


def _span(center: Tensor, radius: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """First pixel and number of pixels whose centers may lie within `radius` of `center`."""
    valid = torch.isfinite(center) & torch.isfinite(radius)
    # In double precision, so that rounding here can't take a pixel from a disc.
    middle = torch.where(valid, center, 0.0).double()
    reach = torch.where(valid, radius.abs(), -1.0).double()
    low = torch.ceil(middle - reach - 0.5).clamp(0, length).long()
    high = torch.floor(middle + reach - 0.5).clamp(-1, length - 1).long()
    return low, (high - low + 1).clamp(min=0)


def _hits_of(splats: TensorSplats, width: int, piece: Tensor, reach: _Reach) -> _Hits:
    """Hits of the splats that `piece` lists, in its order; every pixel of their reach is tested."""
    tests = reach.columns * reach.rows
    which = torch.repeat_interleave(tests)
    local = torch.arange(len(which), device=which.device) - (tests.cumsum(0) - tests)[which]
    columns = reach.columns[which]
    x = local % columns + reach.left[which]
    y = torch.div(local, columns, rounding_mode="floor") + reach.top[which]
    splat = piece[which]
    across, down = x + 0.5 - splats.u[splat], y + 0.5 - splats.v[splat]
    distance2 = across * across + down * down
    radius2 = (splats.radius * splats.radius)[splat]
    hit = torch.nonzero(distance2 < radius2).squeeze(1)
    alpha = 1.0 - distance2[hit] / radius2[hit]
    return _Hits((y * width + x)[hit], splat[hit], alpha)
