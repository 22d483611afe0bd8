"""Skirts: a strip of every surface goes on behind whatever stands in front of it.

A layer is cut by depth, so things at different depths meet inside it; when the camera moves, a gap
would open between them. The farther surface is therefore continued for a few pixels behind the
nearer one, with the depth and color of its nearest seen pixel.
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

MIN_STEP = 0.004
"""Step of disparity between neighbors from which a gap would open: at a focal length of 500 px and
a flight of 0.6 units it tears surfaces apart by more than a pixel."""
CLASSES = (0.0, 3.0, 8.0, 25.0, np.inf)
"""Bounds of the classes of depth (scene units) that are continued each by itself."""


@dataclass(frozen=True)
class Skirt:
    """Points behind a layer.

    where (H, W): pixels that get one; source (2, H, W): row and column of the pixel that it
    continues; depth (H, W): its depth.
    """

    where: Mask
    source: NDArray[np.int32]
    depth: FloatArray


def find_skirts(depth: FloatArray, member: Mask, reach: int) -> Iterator[Skirt]:
    """The skirts, `reach` pixels wide, that a layer needs, one for each class of depth.

    depth (H, W) and member (H, W) are the layer's. The far side of every step between neighbors is
    continued behind the near side: a member pixel gets a point if the nearest such far pixel of the
    class is at most `reach` away and farther than it by more than MIN_STEP of disparity. Classes
    keep the sky from ending behind a tree where another tree is nearer than it.
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
