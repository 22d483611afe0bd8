"""The Eulerian flow of clouds and water: smooth, along surfaces, zero everywhere else."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from .regions import MotionRegions

REFERENCE_SIZE = 512
REFERENCE_LOOP = 60
CLOUD_SPEED = 0.35
WATER_SPEED = 0.45
FALL_SPEED = 1.2
"""Pixels per frame at a size of 512 and a loop of 60 frames, where each is fastest."""
SHORE = 0.02
"""Width of the strip, as a share of the size, in which water comes to rest at its shore."""


@dataclass(frozen=True)
class Motion:
    """flow (H, W, 2) pixels per frame, x right, y down; moving (H, W) 0..1."""

    flow: FloatArray
    moving: FloatArray


def eulerian_flow(
    image: FloatArray,
    regions: MotionRegions,
    disparity: FloatArray,
    horizon: float,
    loop_frames: int,
) -> Motion:
    """Flow of an image (H, W, 3) with these regions, disparity (H, W) and horizon (row).

    Speeds are per loop: a longer loop flows more slowly, so that points travel equally far and the
    two halves of the symmetric animation stay alike.
    """
    height, width = disparity.shape
    scale = max(height, width) / (1.5 * REFERENCE_SIZE) * REFERENCE_LOOP / loop_frames
    cloud = cloud_flow(height, width, horizon) * CLOUD_SPEED
    water = water_flow(regions.water, disparity) * WATER_SPEED
    fall = fall_flow(image, regions.fall) * FALL_SPEED
    masks = (regions.cloud, regions.water, regions.fall)
    flow = sum(
        field * mask[..., None] for field, mask in zip((cloud, water, fall), masks, strict=True)
    )
    moving = np.clip(sum(masks), 0.0, 1.0).astype(np.float32)
    moving[moving < 0.05] = 0.0
    return Motion((scale * flow * (moving > 0)[..., None]).astype(np.float32), moving)


def cloud_flow(height: int, width: int, horizon: float) -> FloatArray:
    """Drift (H, W, 2), fastest 1, of a level ceiling of clouds: slower toward the horizon.

    A plane above the camera at one height moves in the picture in proportion to the rows above the
    horizon.
    """
    above = horizon - np.arange(height, dtype=np.float32)
    rise = np.clip(above / max(horizon, 1.0), 0.12, 1.0)
    flow = np.zeros((height, width, 2), np.float32)
    flow[..., 0] = rise[:, None]
    return flow


def water_flow(water: FloatArray, disparity: FloatArray) -> FloatArray:
    """Drift (H, W, 2), fastest 1, along a level surface: near is faster, the shore at rest."""
    flow = np.zeros((*water.shape, 2), np.float32)
    inside = water > 0.5
    if not inside.any():
        return flow
    near = disparity / max(float(np.percentile(disparity[inside], 95)), 1e-3)
    distance = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 3)
    rest = np.clip(distance / (SHORE * max(water.shape)), 0.0, 1.0)
    flow[..., 0] = np.clip(near, 0.08, 1.0) * rest
    return cv2.GaussianBlur(flow, (0, 0), 3.0)


def fall_flow(image: FloatArray, fall: FloatArray) -> FloatArray:
    """Flow (H, W, 2), fastest 1, down along the streaks of falling water.

    The streaks' direction is that of least change (structure tensor), taken downward.
    """
    if not (fall > 0.5).any():
        return np.zeros((*fall.shape, 2), np.float32)
    grey = cv2.GaussianBlur(image.mean(-1).astype(np.float32), (0, 0), 1.5)
    dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    sigma = 0.015 * max(fall.shape)
    xx, yy, xy = (cv2.GaussianBlur(p * fall, (0, 0), sigma) for p in (dx * dx, dy * dy, dx * dy))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    x, y = np.cos(angle), np.sin(angle)
    downward = np.where(y < 0, -1.0, 1.0)
    # Gravity keeps a field that the streaks leave undecided from running level.
    flow = np.stack([x * downward, y * downward + 0.7], -1).astype(np.float32)
    flow = cv2.GaussianBlur(flow * fall[..., None], (0, 0), sigma)
    return flow / max(float(np.linalg.norm(flow, axis=-1).max()), 1e-6)
