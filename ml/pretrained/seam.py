"""Color matching between generated content and the photo around it.

A diffusion model's autoencoder shifts colors slightly, also where it should preserve the image. Its
effect on a ring of observed pixels around the hole shows how to correct the inside.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from ..classical.poisson import smooth_fill

RING_WIDTH = 6
"""Width in pixels of the ring around the hole where generated and observed colors are compared."""
FADE_DISTANCE = 1 / 8
"""Distance, as a fraction of the longer side, over which a correction falls to 1/e inside the
hole."""


def dilate(mask: Mask, pixels: int) -> Mask:
    """Return a mask (H, W) dilated by a square of this many pixels in each direction."""
    kernel = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    return cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)


def match_seam(generated: FloatArray, image: FloatArray, hole: Mask) -> FloatArray:
    """Correct generated colors inside a hole to match the image around it.

    The difference image - generated on the ring around the hole, averaged along it, is continued
    smoothly into the hole and fades with distance. Without observed pixels nothing is corrected.

    Args:
        generated: (H, W, 3) sRGB, 0..1.
        image: (H, W, 3) sRGB, 0..1.
        hole: (H, W) mask.

    Returns (H, W, 3), clipped to 0..1 inside the hole and equal to `image` outside.
    """
    if not hole.any():
        return image
    result = image.copy()
    window = bounding_window(hole)
    hole_part, corrected = hole[window], generated[window]
    ring_mask = dilate(hole_part, RING_WIDTH) & ~hole_part
    if ring_mask.any():
        difference = _ring_mean(image[window] - corrected, ring_mask)
        corrected = corrected + _fade(hole_part, FADE_DISTANCE * max(hole.shape)) * smooth_fill(
            difference, ring_mask
        )
    result[window] = np.where(hole_part[..., None], np.clip(corrected, 0.0, 1.0), result[window])
    return result


def smoothly_filled(image: FloatArray, hole: Mask) -> FloatArray:
    """Return an image (H, W, 3) with its hole (H, W) filled smoothly from its surroundings."""
    if not hole.any():
        return image
    result, window = image.copy(), bounding_window(hole)
    result[window] = smooth_fill(image[window], ~hole[window])
    return result


def match_colors(refined: FloatArray, reference: FloatArray, radius: float) -> FloatArray:
    """Give a refined image the coarse colors of a reference.

    Detail finer than about `radius` pixels is kept. Color shifts over larger distances are undone,
    so that tiles refined one by one stay consistent.

    Args:
        refined: (H, W, 3) sRGB, 0..1.
        reference: (H, W, 3) sRGB, 0..1.
        radius: Radius of the coarse colors in pixels.
    """
    color_shift = cv2.GaussianBlur(
        reference - refined, (0, 0), radius, borderType=cv2.BORDER_REFLECT
    )
    return np.clip(refined + color_shift, 0.0, 1.0)


def bounding_window(hole: Mask) -> tuple[slice, slice]:
    """Return the slices that cut a hole (H, W) and its ring out of an array.

    The hole must not be empty.
    """
    rows, columns = np.nonzero(hole.any(axis=1))[0], np.nonzero(hole.any(axis=0))[0]
    top, left = max(0, int(rows[0]) - RING_WIDTH), max(0, int(columns[0]) - RING_WIDTH)
    return slice(top, int(rows[-1]) + RING_WIDTH + 1), slice(
        left, int(columns[-1]) + RING_WIDTH + 1
    )


def _ring_mean(values: FloatArray, ring_mask: Mask) -> FloatArray:
    """Average values (H, W, 3) over the pixels of the ring, in windows of its width.

    What remains is the color shift, without the texture that the autoencoder smoothed.
    """
    window_size = (2 * RING_WIDTH + 1, 2 * RING_WIDTH + 1)
    weight = ring_mask.astype(np.float32)
    total = cv2.blur(values * weight[..., None], window_size, borderType=cv2.BORDER_CONSTANT)
    total_weight = cv2.blur(weight, window_size, borderType=cv2.BORDER_CONSTANT)
    return (total / np.maximum(total_weight, 1e-6)[..., None]).astype(np.float32)


def _fade(hole: Mask, fade_distance: float) -> FloatArray:
    """Return weights (H, W, 1), 1 at the hole's border and decreasing with the distance from it."""
    padded_hole = cv2.copyMakeBorder(hole.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    if padded_hole.all():
        return np.ones((*hole.shape, 1), np.float32)
    distance = cv2.distanceTransform(padded_hole, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    return np.exp(-distance / max(fade_distance, 1.0)).astype(np.float32)[..., None]
