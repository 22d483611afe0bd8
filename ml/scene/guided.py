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
    slope, offset = local_lines(guide, values[None], radius, eps)
    return (offset[0] + np.einsum("chw,hwc->hw", slope[0], guide)).astype(np.float32)


def guided_upsample(values: FloatArray, image: FloatArray, radius: int, eps: float) -> FloatArray:
    """Enlarge maps to an image's size so that their edges follow those of the image.

    The lines that relate color to value are found at the size of the maps and applied at the size
    of the image (He and Sun, Fast Guided Filter, 2015): the time hardly depends on the image, and
    what is finer than a pixel of the maps still shows.

    Args:
        values: (C, h, w) the maps, 0..1.
        image: (H, W, 3), 0..1.
        radius: Radius of the filter's window in pixels of the maps.
        eps: Regularization in squared color units.

    Returns (C, H, W) float32, which may leave the range of the maps.
    """
    size = image.shape[1::-1]
    guide = cv2.resize(image, values.shape[:0:-1], interpolation=cv2.INTER_AREA)
    slopes, offsets = local_lines(guide, values, radius, eps)
    result = np.empty((len(values), *image.shape[:2]), np.float32)
    for enlarged, slope, offset in zip(result, slopes, offsets, strict=True):
        enlarged[:] = cv2.resize(offset, size, interpolation=cv2.INTER_LINEAR)
        for channel in range(3):
            part = cv2.resize(slope[channel], size, interpolation=cv2.INTER_LINEAR)
            enlarged += part * image[..., channel]
    return result


def local_lines(
    guide: FloatArray, values: FloatArray, radius: int, eps: float
) -> tuple[FloatArray, FloatArray]:
    """Return the lines that give maps from a color guide around each pixel (eq. 14 and 15).

    Args:
        guide: (H, W, 3), 0..1.
        values: (C, H, W), 0..1.
        radius, eps: As in `guided_filter`.

    Returns slopes (C, 3, H, W) and offsets (C, H, W), averaged over all windows of a pixel.
    """
    colors = [np.ascontiguousarray(guide[..., channel]) for channel in range(3)]
    mean_color = np.stack([_box(color, radius) for color in colors])
    mean_value = np.stack([_box(value, radius) for value in values])
    sigma = np.empty((*guide.shape, 3), np.float32)
    cross = np.empty((*guide.shape, len(values)), np.float32)
    for i in range(3):
        for j in range(i, 3):
            product = _box(colors[i] * colors[j], radius) - mean_color[i] * mean_color[j]
            sigma[..., i, j] = sigma[..., j, i] = product
        for k, value in enumerate(values):
            cross[..., i, k] = _box(colors[i] * value, radius) - mean_color[i] * mean_value[k]
    sigma += eps * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(sigma, cross).transpose(3, 2, 0, 1)
    offset = mean_value - np.einsum("kchw,chw->khw", slope, mean_color)
    smooth = [[_box(part, radius) for part in of_value] for of_value in slope]
    return np.array(smooth, np.float32), np.stack([_box(part, radius) for part in offset])


def _box(values: FloatArray, radius: int) -> FloatArray:
    """Return the mean of a map (H, W) over squares of side 2 * radius + 1, borders reflected."""
    size = 2 * radius + 1
    values = np.ascontiguousarray(values)
    return np.asarray(cv2.blur(values, (size, size), borderType=cv2.BORDER_REFLECT))
