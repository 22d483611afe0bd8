"""The guided filter: a map's edges follow those of an image (He, Sun and Tang, 2013)."""

from __future__ import annotations

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray


def guided_filter(guide: FloatArray, values: FloatArray, radius: int, eps: float) -> FloatArray:
    """Filter a map so that its edges follow those of an image of its size.

    Args:
        guide: (H, W, 3) the image, 0..1.
        values: (H, W) the map, 0..1.
        radius: Radius of the filter's window in pixels.
        eps: Regularization in squared color units; larger values smooth more.
    """
    slope, offset = local_lines(guide, values[..., None], radius, eps)
    return (offset[..., 0] + (slope[..., 0, :] * guide).sum(-1)).astype(np.float32)


def guided_upsample(values: FloatArray, image: FloatArray, radius: int, eps: float) -> FloatArray:
    """Enlarge maps to an image's size so that their edges follow those of the image.

    The lines that relate color to value are found at the size of the maps and applied at the size
    of the image (He and Sun, Fast Guided Filter, 2015): the time hardly depends on the image, and
    what is finer than a pixel of the maps still shows.

    Args:
        values: (h, w, C) the maps, 0..1.
        image: (H, W, 3), 0..1.
        radius: Radius of the filter's window in pixels of the maps.
        eps: Regularization in squared color units.

    Returns (H, W, C) float32, which may leave the range of the maps.
    """
    height, width = image.shape[:2]
    size = (values.shape[1], values.shape[0])
    guide = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    slope, offset = local_lines(guide, values, radius, eps)
    result = _enlarged(offset, height, width)
    for channel in range(3):
        part = _enlarged(np.ascontiguousarray(slope[..., channel]), height, width)
        result += part * image[..., channel, None]
    return result


def local_lines(
    guide: FloatArray, values: FloatArray, radius: int, eps: float
) -> tuple[FloatArray, FloatArray]:
    """Return the lines that give maps from a color guide around each pixel (eq. 14 and 15).

    Args:
        guide: (H, W, 3), 0..1.
        values: (H, W, C), 0..1.
        radius, eps: As in `guided_filter`.

    Returns slopes (H, W, C, 3) and offsets (H, W, C), averaged over all windows of a pixel.
    """
    mean_guide, mean_value = _box(guide, radius), _box(values, radius)
    sigma = np.empty((*guide.shape, 3), np.float32)
    cross = np.empty((*guide.shape, values.shape[-1]), np.float32)
    for i in range(3):
        channel = guide[..., i, None]
        sigma[..., i] = _box(channel * guide, radius) - mean_guide[..., i, None] * mean_guide
        cross[..., i, :] = _box(channel * values, radius) - mean_guide[..., i, None] * mean_value
    sigma += eps * np.eye(3, dtype=np.float32)
    slope = np.asarray(np.linalg.solve(sigma, cross).swapaxes(-1, -2), np.float32)
    offset = mean_value - (slope * mean_guide[..., None, :]).sum(-1)
    smooth = _box(slope.reshape(*guide.shape[:2], -1), radius).reshape(slope.shape)
    return smooth, _box(offset.astype(np.float32), radius)


def _box(values: FloatArray, radius: int) -> FloatArray:
    """Return the mean of maps (H, W, C) over squares of side 2 * radius + 1, borders reflected."""
    size = 2 * radius + 1
    blurred = [
        cv2.blur(np.ascontiguousarray(part), (size, size), borderType=cv2.BORDER_REFLECT)
        for part in np.moveaxis(values, -1, 0)
    ]
    return np.stack(blurred, axis=-1)


def _enlarged(values: FloatArray, height: int, width: int) -> FloatArray:
    """Return maps (h, w, C) at another size, interpolated."""
    parts = [
        cv2.resize(np.ascontiguousarray(part), (width, height), interpolation=cv2.INTER_LINEAR)
        for part in np.moveaxis(values, -1, 0)
    ]
    return np.stack(parts, axis=-1)
