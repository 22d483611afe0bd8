"""Bridges: points between neighboring pixels that move apart when the camera moves.

A surface that recedes quickly spreads its points, and what is far behind, such as the sky, would
show between them as a pattern of dots. Bridges lie behind the nearer of two neighbors, on its
viewing ray, so that the photo's own view never shows them. On a surface they are mixtures of both
neighbors. At a step the far side goes on up to the near side, with its mirror image, where neither
a skirt nor a farther layer goes on behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray

if TYPE_CHECKING:
    from .ldi import Mask

TRAVEL = 0.6
"""How far the camera is expected to move sideways, in scene units."""
SPACING = 1.5
"""Largest gap, in pixels of a camera that has moved so far, that points close by themselves."""
MOST = 24
"""Most points between two neighbors."""
SURFACE = 1.1
"""Ratio of depths up to which neighbors belong to one surface."""


@dataclass(frozen=True)
class Bridges:
    """Points between pairs of pixels, n in all.

    Attributes:
        near, far: Flat indices (n,) of the pair's nearer and farther pixel.
        source: Flat index (n,) of the pixel whose color the point has at the far side.
        color_share: How much of the way to the near pixel's color lies behind it (n,), 0..1.
        disparity: (n,), 1 / scene units, between those of both; in the image, the point is at the
            near pixel.
    """

    near: NDArray[np.intp]
    far: NDArray[np.intp]
    source: NDArray[np.intp]
    color_share: FloatArray
    disparity: FloatArray


def find_bridges(
    depth: FloatArray,
    member: Mask,
    continued: Mask,
    focal: float,
    layer: NDArray[np.integer] | None = None,
) -> Bridges:
    """Return the bridges between all pairs of neighbors of a layer that need some.

    Args:
        depth: (H, W), scene units, where `member`.
        member: (H, W), pixels that stand still.
        continued: (H, W), pixels behind which something farther goes on, as a skirt.
        focal: Focal length in pixels.
        layer: (H, W), if the pixels are of several layers: only those of different ones are
            connected then.
    """
    index = np.arange(depth.size).reshape(depth.shape)
    pairs = [(index[:, :-1], index[:, 1:]), (index[:-1], index[1:])]
    first, second = (np.concatenate([pair[k].ravel() for pair in pairs]) for k in (0, 1))
    inside, hidden = member.ravel(), continued.ravel()
    both = inside[first] & inside[second]
    if layer is not None:
        both &= layer.ravel()[first] != layer.ravel()[second]
    first, second = first[both], second[both]
    disparity = (1.0 / depth).ravel()
    swap = disparity[first] < disparity[second]
    near, far = np.where(swap, second, first), np.where(swap, first, second)
    step = disparity[near] - disparity[far]
    smooth = disparity[near] < SURFACE * disparity[far]
    count = np.minimum(focal * TRAVEL * step / SPACING, MOST).astype(np.intp)
    count[~smooth & hidden[near]] = 0
    pair = np.repeat(np.arange(len(near)), count)
    number = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    share = ((number + 1) / (count[pair] + 1)).astype(np.float32)
    near, far, smooth = near[pair], far[pair], smooth[pair]
    beyond = np.where(smooth, 0, np.rint(SPACING * number)).astype(np.intp)
    return Bridges(
        near,
        far,
        _mirrored(near, far, beyond, disparity, inside, depth.shape),
        np.where(smooth, share, np.float32(0.0)),
        (disparity[far] + share * step[pair]).astype(np.float32),
    )


def _mirrored(
    near: NDArray[np.intp],
    far: NDArray[np.intp],
    beyond: NDArray[np.intp],
    disparity: FloatArray,
    member: Mask,
    shape: tuple[int, ...],
) -> NDArray[np.intp]:
    """Return the pixels (n,) that lie so far beyond the far ones, away from the near ones.

    Where that isn't the far pixel's surface any more, it is the far pixel.

    Args:
        near, far: (n,), flat indices of neighbors.
        beyond: (n,), distances in pixels.
        disparity, member: (H * W,), of all pixels of an image of this shape.
    """
    rows, columns = (
        first + beyond * (first - second)
        for first, second in zip(np.divmod(far, shape[1]), np.divmod(near, shape[1]), strict=True)
    )
    outside = (rows < 0) | (rows >= shape[0]) | (columns < 0) | (columns >= shape[1])
    there = np.where(outside, far, rows * shape[1] + columns)
    apart = np.abs(disparity[there] - disparity[far])
    same = member[there] & (apart < (SURFACE - 1.0) * disparity[far])
    return np.where(same, there, far)
