"""Eulerian flow over time: Euler integration, scene flow, and the weights of the symmetric loop.

As in the paper's section 3.4, a flow field in pixels per frame, constant in time, is integrated
forward and backward, and displacements are lifted to three dimensions. Over a loop, backward copies
of the moving points replace the forward copies. Image coordinates are in pixels, x right, y down;
pixel (column i, row j) has its center at (i + 0.5, j + 0.5).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray, Intrinsics, unproject

SHARPNESS = 4.0
"""How strongly the nearer of the two images is preferred in the symmetric mix."""
NEGATIVE_TIME = "key times must not be negative; integrate -flow to go back in time"
BATCH = 32768
"""Points integrated at a time, so that their data stays in the processor's cache."""


def sample_bilinear(values: FloatArray, positions: FloatArray) -> FloatArray:
    """Sample a map (H, W, C) bilinearly at positions (P, 2) in pixels; returns (P, C) float32.

    Beyond the outermost pixel centers, values are those of the border.
    """
    height, width = values.shape[:2]
    flat = np.ascontiguousarray(values, np.float32).reshape(height * width, -1)
    x = np.clip(positions[:, 0] - np.float32(0.5), 0, width - 1)
    y = np.clip(positions[:, 1] - np.float32(0.5), 0, height - 1)
    column = np.minimum(x.astype(np.int32), max(width - 2, 0))
    row = np.minimum(y.astype(np.int32), max(height - 2, 0))
    fx, fy = x - column.astype(np.float32), y - row.astype(np.float32)
    first = row * width + column
    right, down = int(width > 1), width * int(height > 1)
    corners = [flat.take(first + step, 0) for step in (0, right, down, down + right)]
    result = np.empty_like(corners[0])
    # A channel at a time: numpy is slow where the last axis is short.
    for channel, (a, b, c, d) in enumerate(zip(*(corner.T for corner in corners), strict=True)):
        top, low = a * (1 - fx) + b * fx, c * (1 - fx) + d * fx
        result[:, channel] = top * (1 - fy) + low * fy
    return result


def inside_image(positions: FloatArray, height: int, width: int) -> NDArray[np.bool_]:
    """Whether positions (..., 2) in pixels lie within the image."""
    x, y = positions[..., 0], positions[..., 1]
    return (x >= 0) & (x <= width) & (y >= 0) & (y <= height)


def integrate(flow: FloatArray, pixels: FloatArray, keys: Sequence[float]) -> FloatArray:
    """Return the displacements of pixels that follow a flow field (Holynski et al., 2021).

    D(0) = 0 and D(t + 1) = D(t) + F(p + D(t)), with F sampled bilinearly; between frames D is
    linear. A point that leaves the image stays where it left. Pass -flow to go back in time.

    Args:
        flow: Flow field (H, W, 2) in pixels per frame.
        pixels: Start positions (P, 2) in pixels.
        keys: K key times in frames, >= 0, in any order.

    Returns:
        Displacements (K, P, 2) float32 in pixels.

    Raises ValueError for a negative key.
    """
    if any(key < 0 for key in keys):
        raise ValueError(NEGATIVE_TIME)
    field = np.ascontiguousarray(flow, np.float32)
    start = np.asarray(pixels, np.float32)
    moved = np.zeros((len(keys), len(start), 2), np.float32)
    for first in range(0, len(start), BATCH):
        part = slice(first, first + BATCH)
        moved[:, part] = _follow(field, start[part], keys)
    return moved


def _follow(flow: FloatArray, start: FloatArray, keys: Sequence[float]) -> FloatArray:
    height, width = flow.shape[:2]
    moved = np.zeros((len(keys), len(start), 2), np.float32)
    displacement = np.zeros_like(start)
    for frame in range(int(np.ceil(max(keys, default=0)))):
        position = start + displacement
        step = sample_bilinear(flow, position)
        step[~inside_image(position, height, width)] = 0
        for k, key in enumerate(keys):
            if frame < key <= frame + 1:
                moved[k] = displacement + (key - frame) * step
        displacement += step
    return moved


def scene_flow(
    pixels: FloatArray, displacement: FloatArray, depth: FloatArray, camera: Intrinsics
) -> FloatArray:
    """Lift displacements in the image to displacements in space.

    A displacement in space is the unprojection of p + D at the surface's depth there, minus that of
    p: points stay on their surface.

    Args:
        pixels: Start positions (P, 2) in pixels.
        displacement: Displacements (K, P, 2) in pixels.
        depth: Depth (H, W) in scene units of the surface on which the points lie.
        camera: Intrinsics of the image.

    Returns:
        Displacements (K, P, 3) float32 in scene units, in the camera frame.
    """
    surface = depth[..., None]
    origin = unproject(pixels, sample_bilinear(surface, pixels)[:, 0], camera)
    moved = np.empty((*displacement.shape[:2], 3), np.float32)
    for k, d in enumerate(displacement):
        target = pixels + d
        moved[k] = unproject(target, sample_bilinear(surface, target)[:, 0], camera) - origin
    return moved


def symmetric_weights(
    t: float,
    loop: float,
    disparity_f: FloatArray,
    disparity_b: FloatArray,
    alpha_f: FloatArray,
    alpha_b: FloatArray,
    sharpness: float = SHARPNESS,
) -> tuple[FloatArray, FloatArray]:
    """Return the weights of the forward and the backward image per pixel (3D Cinemagraphy).

    w_f ~ (1 - t/N) exp(a disp_f) A_f and w_b ~ (t/N) exp(a disp_b) A_b, with w_f + w_b = 1. Where
    neither image covers a pixel, w_b is the phase t/N.

    Args:
        t: Frame in the loop, 0 to `loop`.
        loop: Length N of the loop in frames.
        disparity_f, disparity_b: Splatted disparity (...) of the two images, 1 nearest.
        alpha_f, alpha_b: Coverage (...) of the two images, 0..1.
        sharpness: The factor a.

    Returns:
        (w_f, w_b), each (...) float32.
    """
    phase = t / loop
    # Dividing both by the larger exponential changes no ratio and can't overflow.
    top = np.maximum(disparity_f, disparity_b)
    forward = (1 - phase) * np.exp(sharpness * (disparity_f - top)) * alpha_f
    backward = phase * np.exp(sharpness * (disparity_b - top)) * alpha_b
    total = forward + backward
    w_b = np.where(total > 0, backward / np.where(total > 0, total, 1), phase).astype(np.float32)
    return 1 - w_b, w_b
