"""Skirts: a strip of every surface goes on behind whatever stands in front of it.

A layer is cut by depth, so things at different depths meet inside it; when the camera moves, a gap
would open between them. The farther surface is therefore continued for a few pixels behind the
nearer one, with the depth and colour of its nearest seen pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .camera import FloatArray
from .ldi import Mask

MIN_STEP = 0.004
"""Step of disparity between neighbours from which a gap would open: at a focal length of 500 px and
a flight of 0.6 units it tears surfaces apart by more than a pixel."""


@dataclass(frozen=True)
class Skirt:
    """Points behind a layer.

    where (H, W): pixels that get one; source (2, H, W): row and column of the pixel that it
    continues; depth (H, W): its depth.
    """

    where: Mask
    source: NDArray[np.int32]
    depth: FloatArray


def find_skirt(depth: FloatArray, member: Mask, reach: int) -> Skirt:
    """Where a layer needs a skirt `reach` pixels wide.

    depth (H, W) and member (H, W) are the layer's. The far side of every step between neighbours is
    continued behind the near side: a member pixel gets a point if the nearest such far pixel is at
    most `reach` away and farther than it by more than MIN_STEP of disparity.
    """
    disparity = np.where(member, 1.0 / depth, 0.0).astype(np.float32)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    nearest_beside = cv2.dilate(disparity, cross, borderType=cv2.BORDER_REPLICATE)
    edge = member & (nearest_beside - disparity > MIN_STEP)
    if not edge.any():
        nothing = np.zeros_like(member)
        return Skirt(nothing, np.zeros((2, *depth.shape), np.int32), depth)
    distance, source = ndimage.distance_transform_edt(~edge, return_indices=True)
    continued = depth[source[0], source[1]]
    behind = disparity - 1.0 / continued > MIN_STEP
    where = member & behind & (distance <= reach)
    return Skirt(where, source.astype(np.int32), np.where(where, continued, depth))
