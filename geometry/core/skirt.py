"""Skirts: narrow strips that continue a surface behind whatever is in front of it.

A layer is an interval of depth, so surfaces at different depths meet inside it, and gaps between
them open when the camera moves. Therefore the farther surface is continued for a few pixels behind
the nearer one, at the depth of its nearest observed pixel, and with its mirror image, so that its
texture goes on, no farther than it is wide. A mixed pixel on the way from the near to the far side
belongs to neither and isn't continued: it would become a flat blot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .camera import FloatArray
from .ldi import Mask

REQUIRES = ("cv2", "scipy")

MIN_STEP = 0.004
"""Step of disparity between neighbors above which a gap opens: at a focal length of 500 px and a
move of 0.6 scene units it separates surfaces by more than a pixel."""
SAME = 0.15
"""Relative difference of disparities up to which pixels belong to one surface."""
AROUND, SAMPLES = 0.1, 5
"""Half the width, relative to the reach, of the square around a pixel in which its surface is
looked for, and at how many rows and columns."""
LEAST_SUPPORT = 0.35
"""Share of that square from which on there is a surface: at a straight edge it is a half, mixed
pixels have a fifth."""
CLASSES = (0.0, 3.0, 8.0, 25.0, np.inf)
"""Bounds of the depth classes, in scene units. Each class is continued separately."""


@dataclass(frozen=True)
class Skirt:
    """Points behind a layer, at most one per pixel.

    Attributes:
        where: Mask (H, W) of the pixels that get a point.
        source: Row and column (2, H, W) of the pixel whose color the point has.
        depth: Depth (H, W) of the point in scene units.
    """

    where: Mask
    source: NDArray[np.int32]
    depth: FloatArray


def find_skirts(depth: FloatArray, member: Mask, reach: int) -> Iterator[Skirt]:
    """Yield the skirts of a layer, one for each depth class that needs one.

    At each step between neighboring pixels the far side is continued behind the near side: a pixel
    of the layer gets a point if the nearest far pixel of the class is at most `reach` away, and if
    its disparity is lower by more than MIN_STEP. Without classes, the sky would end behind a tree
    if another tree is nearer to it.

    Args:
        depth: Depth (H, W) of the layer in scene units, also where it has no points.
        member: Pixels (H, W) of the layer.
        reach: Width of the skirts in pixels.
    """
    disparity = np.where(member, 1.0 / depth, 0.0).astype(np.float32)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    nearest_beside = cv2.dilate(disparity, cross, borderType=cv2.BORDER_REPLICATE)
    edge = member & (nearest_beside - disparity > MIN_STEP)
    rows, columns = np.nonzero(edge)
    support = _support(1.0 / depth, rows, columns, max(2, round(AROUND * reach)))
    edge[rows, columns] = support > LEAST_SUPPORT
    for low, high in pairwise(CLASSES):
        source_edge = edge & (depth >= low) & (depth < high)
        if source_edge.any():
            skirt = _continued(depth, disparity, member, source_edge, reach)
            if skirt.where.any():
                yield skirt


def _support(
    disparity: FloatArray, rows: NDArray[np.intp], columns: NDArray[np.intp], radius: int
) -> FloatArray:
    """Return which part of the square around pixels (n,) is of the same surface, 0..1.

    It is sampled at a grid of 5 x 5 pixels; `disparity` is (H, W).
    """
    steps = np.unique(np.linspace(0, 2 * radius, SAMPLES).round().astype(int))
    padded = np.pad(disparity, radius, mode="edge")
    own = disparity[rows, columns]
    tolerance = SAME * own + MIN_STEP
    count = np.zeros(len(own), np.float32)
    for down in steps:
        for right in steps:
            count += np.abs(padded[rows + down, columns + right] - own) <= tolerance
    return count / np.float32(len(steps) ** 2)


def _continued(
    depth: FloatArray, disparity: FloatArray, member: Mask, edge: Mask, reach: int
) -> Skirt:
    distance, nearest = ndimage.distance_transform_edt(~edge, return_indices=True)
    continued = depth[nearest[0], nearest[1]]
    behind = disparity - 1.0 / continued > MIN_STEP
    source, same = _mirrored(disparity, member, nearest)
    where = member & behind & same & (distance <= reach)
    return Skirt(where, source, np.where(where, continued, depth))


def _mirrored(
    disparity: FloatArray, member: Mask, nearest: NDArray[np.int32]
) -> tuple[NDArray[np.int32], Mask]:
    """Return the pixel (2, H, W) as far beyond the nearest one, and where both are of one surface.

    Args:
        disparity, member: (H, W), of the layer.
        nearest: (2, H, W), row and column of each pixel's nearest pixel of the edge.
    """
    limits = np.array(disparity.shape).reshape(2, 1, 1) - 1
    beyond = np.clip(2 * nearest - np.indices(disparity.shape), 0, limits).astype(np.int32)
    there, here = (disparity[rows, columns] for rows, columns in (beyond, nearest))
    same = np.abs(there - here) <= SAME * here + MIN_STEP
    return beyond, same & member[beyond[0], beyond[1]]
