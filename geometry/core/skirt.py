"""Skirts: narrow strips that continue a surface behind whatever is in front of it.

A layer is an interval of depth, so surfaces at different depths meet inside it, and gaps between
them open when the camera moves. Therefore the farther surface is continued for a few pixels behind
the nearer one, with the depth and color of its nearest observed pixel.
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
CLASSES = (0.0, 3.0, 8.0, 25.0, np.inf)
"""Bounds of the depth classes, in scene units. Each class is continued separately."""


@dataclass(frozen=True)
class Skirt:
    """Points behind a layer, at most one per pixel.

    Attributes:
        where: Mask (H, W) of the pixels that get a point.
        source: Row and column (2, H, W) of the pixel that the point continues.
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
        depth: Depth (H, W) of the layer in scene units.
        member: Pixels (H, W) of the layer.
        reach: Width of the skirts in pixels.
    """
    disparity = np.where(member, 1.0 / depth, 0.0).astype(np.float32)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    nearest_beside = cv2.dilate(disparity, cross, borderType=cv2.BORDER_REPLICATE)
    edge = member & (nearest_beside - disparity > MIN_STEP)
    for low, high in pairwise(CLASSES):
        source_edge = edge & (depth >= low) & (depth < high)
        if source_edge.any():
            skirt = _continued(depth, disparity, member, source_edge, reach)
            if skirt.where.any():
                yield skirt


def _continued(
    depth: FloatArray, disparity: FloatArray, member: Mask, edge: Mask, reach: int
) -> Skirt:
    distance, source = ndimage.distance_transform_edt(~edge, return_indices=True)
    continued = depth[source[0], source[1]]
    behind = disparity - 1.0 / continued > MIN_STEP
    where = member & behind & (distance <= reach)
    return Skirt(where, source.astype(np.int32), np.where(where, continued, depth))
