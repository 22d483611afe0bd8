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

DEPTH_RATIO = 1.05
"""Surfaces whose depths differ by less than this factor count as one."""


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

    depth (H, W) and member (H, W) are the layer's. A member pixel gets one if a member at most
    `reach` pixels away is farther by more than DEPTH_RATIO; it continues the farthest of these.
    """
    inside = np.where(member, depth, 0.0).astype(np.float32)
    size = 2 * reach + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    farthest = cv2.dilate(inside, kernel, borderType=cv2.BORDER_REPLICATE)
    where = member & (farthest > depth * DEPTH_RATIO)
    beyond = np.where(member, depth, np.inf).astype(np.float32)
    nearest = cv2.erode(beyond, kernel, borderType=cv2.BORDER_REPLICATE)
    # Only a surface with something nearer beside it is continued.
    edge = member & (inside * DEPTH_RATIO >= farthest) & (depth > nearest * DEPTH_RATIO)
    if not edge.any():
        where = np.zeros_like(where)
    source = ndimage.distance_transform_edt(
        ~edge, return_distances=False, return_indices=True
    ).astype(np.int32)
    continued = depth[source[0], source[1]]
    where &= continued > depth * DEPTH_RATIO
    return Skirt(where, source, np.where(where, continued, depth).astype(np.float32))
