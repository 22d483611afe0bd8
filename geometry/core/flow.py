"""Eulerian flow in time: Euler integration, scene flow, and the weights of the symmetric loop.

The paper's section 3.4: a time-invariant field of pixels per frame is followed forward and
backward, displacements are lifted to three dimensions, and over a loop forward copies of the moving
points give way to backward ones. Picture coordinates: x right, y down, in pixels; pixel (column i,
row j) has its center at (i + 0.5, j + 0.5).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray, Intrinsics, unproject

SHARPNESS = 4.0
"""How strongly the nearer of two pictures counts in the symmetric mix."""
BATCH = 32768
"""Points followed at a time: what is gathered then stays in the processor's cache."""


def sample_bilinear(values: FloatArray, positions: FloatArray) -> FloatArray:
    """Sample a map (H, W, C) at positions (P, 2) in pixels; returns (P, C) float32.

    Bilinear between pixel centers; beyond the outermost centers the border's values go on.
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


def inside_picture(positions: FloatArray, height: int, width: int) -> NDArray[np.bool_]:
    """Whether positions (..., 2) in pixels lie within the picture; what has left it should fade."""
    x, y = positions[..., 0], positions[..., 1]
    return (x >= 0) & (x <= width) & (y >= 0) & (y <= height)


def integrate(flow: FloatArray, pixels: FloatArray, keys: Sequence[float]) -> FloatArray:
    """Displacements of pixels that follow a field, at the key times (Holynski et al., 2021).

    flow: (H, W, 2) pixels per frame; pixels: (P, 2) start positions; keys: times in frames, >= 0,
    in any order, whole or not. D(0) = 0 and D(t + 1) = D(t) + F(p + D(t)) with F sampled
    bilinearly; a key between frames takes its share of the last step. A point that leaves the
    picture stays where it left. Returns (K, P, 2) float32 pixels; pass -flow to go back in time.
    Raises ValueError for a negative key.
    """
    if any(key < 0 for key in keys):
        raise ValueError("key times must not be negative; integrate -flow to go back in time")
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
        step[~inside_picture(position, height, width)] = 0
        for k, key in enumerate(keys):
            if frame < key <= frame + 1:
                moved[k] = displacement + (key - frame) * step
        displacement += step
    return moved


def scene_flow(
    pixels: FloatArray, displacement: FloatArray, depth: FloatArray, camera: Intrinsics
) -> FloatArray:
    """Lift displacements in the picture to displacements in space.

    pixels: (P, 2) start positions; displacement: (K, P, 2) pixels; depth: (H, W) scene units, of
    the surface that the points lie on; camera: of the same picture. The unprojection of p + D at
    the surface's depth there minus that of p, so a point keeps to its surface. Returns (K, P, 3)
    float32 in the camera frame.
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
    """Weights (w_f, w_b) per pixel of the forward and the backward picture (3D Cinemagraphy).

    t: frame in the loop, 0..loop; disparity_*: (...) splatted, 1 nearest; alpha_*: (...) coverage.
    w_f ~ (1 - t/N) exp(a disp_f) A_f and w_b ~ (t/N) exp(a disp_b) A_b; they sum to 1. Where
    neither picture covers a pixel, time alone decides.
    """
    share = t / loop
    # Dividing both by the larger exponential changes no ratio and can't overflow.
    top = np.maximum(disparity_f, disparity_b)
    forward = (1 - share) * np.exp(sharpness * (disparity_f - top)) * alpha_f
    backward = share * np.exp(sharpness * (disparity_b - top)) * alpha_b
    total = forward + backward
    w_b = np.where(total > 0, backward / np.where(total > 0, total, 1), share).astype(np.float32)
    return 1 - w_b, w_b
