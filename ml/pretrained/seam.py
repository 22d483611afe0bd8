"""Makes what a model painted meet what the photo shows, without a step in color.

The autoencoder of a diffusion model shifts colors a little, also of what it was only to keep.
What it did to a ring of known pixels round the hole tells what it did inside.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..classical.poisson import smooth_fill

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

RING = 6
"""Width in pixels of the ring round the hole where painted and known are compared."""
REACH = 1 / 8
"""Share of the longer side over which a correction falls to 1/e inside the hole."""


def dilate(mask: Bools, pixels: int) -> Bools:
    """A mask (H, W) grown by so many pixels, in a square neighborhood."""
    kernel = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    return cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)


def match_seam(painted: Floats, image: Floats, hole: Bools) -> Floats:
    """`painted` (H, W, 3) inside `hole` (H, W), with its colors corrected to meet `image`.

    The difference image - painted on the ring round the hole, averaged along it, goes on smoothly
    into the hole and fades with the distance. Both pictures are sRGB 0..1, the result clipped to
    it; outside the hole it is `image`. Where there is no known pixel nothing is corrected.
    """
    if not hole.any():
        return image
    result = image.copy()
    window = surroundings(hole)
    inside, near = hole[window], painted[window]
    ring = dilate(inside, RING) & ~inside
    if ring.any():
        difference = _averaged(image[window] - near, ring)
        near = near + _fade(inside, REACH * max(hole.shape)) * smooth_fill(difference, ring)
    result[window] = np.where(inside[..., None], np.clip(near, 0.0, 1.0), result[window])
    return result


def continued(image: Floats, hole: Bools) -> Floats:
    """`image` (H, W, 3) with its `hole` (H, W) filled smoothly from around it."""
    if not hole.any():
        return image
    result, window = image.copy(), surroundings(hole)
    result[window] = smooth_fill(image[window], ~hole[window])
    return result


def match_colors(refined: Floats, before: Floats, radius: float) -> Floats:
    """`refined` (H, W, 3) with the coarse colors of `before` (H, W, 3), sRGB 0..1.

    What a pass adds in detail finer than about `radius` pixels stays; any shift of the colors over
    more than that is undone, so that tiles refined one by one keep together.
    """
    shift = cv2.GaussianBlur(before - refined, (0, 0), radius, borderType=cv2.BORDER_REFLECT)
    return np.clip(refined + shift, 0.0, 1.0)


def surroundings(hole: Bools) -> tuple[slice, slice]:
    """What cuts the hole (H, W) with its ring out of an array; there must be a hole."""
    rows, columns = np.nonzero(hole.any(axis=1))[0], np.nonzero(hole.any(axis=0))[0]
    top, left = max(0, int(rows[0]) - RING), max(0, int(columns[0]) - RING)
    return slice(top, int(rows[-1]) + RING + 1), slice(left, int(columns[-1]) + RING + 1)


def _averaged(values: Floats, where: Bools) -> Floats:
    """Mean of the values (H, W, 3) that lie `where` (H, W), over a window of the ring's width: what
    remains is the shift of colors, without the texture that the autoencoder smoothed."""
    side = (2 * RING + 1, 2 * RING + 1)
    weight = where.astype(np.float32)
    total = cv2.blur(values * weight[..., None], side, borderType=cv2.BORDER_CONSTANT)
    mass = cv2.blur(weight, side, borderType=cv2.BORDER_CONSTANT)
    return (total / np.maximum(mass, 1e-6)[..., None]).astype(np.float32)


def _fade(hole: Bools, reach: float) -> Floats:
    """1 at the border of the hole, falling with the distance from it (H, W, 1)."""
    padded = cv2.copyMakeBorder(hole.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    if padded.all():
        return np.ones((*hole.shape, 1), np.float32)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    return np.exp(-distance / max(reach, 1.0)).astype(np.float32)[..., None]
