"""Bridges: points between neighboring pixels that move apart when the camera moves.

A surface that recedes quickly spreads its points, and what is far behind, such as the sky, would
show between them as a pattern of dots. On a surface the points in between are mixtures of both
neighbors. At a step they have the color of the far side: it is stretched up to the near side, where
neither a skirt nor a farther layer goes on behind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray

Mask = NDArray[np.bool_]

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
        share: How much of the way from the far to the near one lies behind the point (n,), 0..1,
            both in the image and in disparity.
        color_share: The same for its color.
        disparity: (n,), 1 / scene units.
    """

    near: NDArray[np.intp]
    far: NDArray[np.intp]
    share: FloatArray
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
    return Bridges(
        near[pair],
        far[pair],
        share,
        np.where(smooth[pair], share, np.float32(0.0)),
        (disparity[far[pair]] + share * step[pair]).astype(np.float32),
    )
