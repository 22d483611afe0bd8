"""Eulerian flow of a picture without a network: drifting clouds, water along its surface, falls.

A time-invariant field in the sense of Holynski et al. (2021). Clouds lie on a plane above the
viewer and water on one below, so both move less, in pixels, the nearer they are to the horizon.
Nothing crosses a region's edge: there the part of the flow across the edge fades out, so moving
points stay on their surface. Everything outside the regions is exactly zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from ...geometry.core.camera import FloatArray
from .regions import SMALLEST_SIDE, MotionRegions

REFERENCE_SIZE = 768.0
"""Longer side of the wide photo for which the speeds are given: a photo of 512 px and margins."""
REFERENCE_LOOP = 60.0
CLOUD_SPEED = (0.04, 0.3)
WATER_SPEED = (0.1, 0.5)
"""Pixels per frame at the horizon and farthest from it."""
FALL_SPEED = 1.1
OUTFLOW_SPEED = 0.6
SWIRL = 0.35
"""Strength of slow swirls in water, as a share of its drift."""
TOWARD_VIEWER = 0.2
EDGE_REACH = 0.03
"""Distance from an edge, as a share of the size, within which flow turns to run along it."""
EDGE_FADE = 0.012
"""Within this the whole flow fades: shorter, and points draw apart so far that gaps show."""
SEED = 5


@dataclass(frozen=True)
class Motion:
    """flow (H, W, 2) float32 pixels per frame, x right, y down; moving (H, W) float32 0..1."""

    flow: FloatArray
    moving: FloatArray


def eulerian_flow(
    image: FloatArray,
    regions: MotionRegions,
    disparity: FloatArray,
    horizon: float,
    loop_frames: int,
) -> Motion:
    """Flow of an image (H, W, 3), sRGB 0..1, with its regions, disparity (H, W) and horizon's row.

    Speeds grow with the picture's size; in loops longer than 60 frames they fall, so that the whole
    way in a loop stays short enough for the forward and backward pictures to mix without blur. In a
    picture too small for a field, nothing moves.
    """
    height, width = disparity.shape
    if min(height, width) < SMALLEST_SIDE:
        return Motion(np.zeros((height, width, 2), np.float32), np.zeros_like(regions.cloud))
    pace = max(height, width) / REFERENCE_SIZE * min(1.0, REFERENCE_LOOP / max(loop_frames, 1))
    far = _from_horizon(height, width, horizon)
    water = regions.water + regions.fall
    flow = np.zeros((height, width, 2), np.float32)
    if regions.cloud.max() > 0.5:
        flow += _inside(_cloud_drift(far), regions.cloud)
    if water.max() > 0.5:
        flow += _inside(_water_flow(image, regions, far), water)
    moving = np.clip(regions.cloud + water, 0.0, 1.0)
    flow[moving < 0.5] = 0.0
    moving = np.where((flow != 0).any(axis=-1), moving, 0.0)
    return Motion((flow * pace).astype(np.float32), moving.astype(np.float32))


def _from_horizon(height: int, width: int, horizon: float) -> FloatArray:
    """Distance (H, W) from the horizon, -1 at the picture's top to 1 at its bottom."""
    rows = np.arange(height, dtype=np.float32) + 0.5 - horizon
    reach = np.where(rows < 0, max(horizon, 0.25 * height), max(height - horizon, 0.25 * height))
    return np.repeat(np.clip(rows / reach, -1.0, 1.0)[:, None], width, axis=1)


def _cloud_drift(far: FloatArray) -> FloatArray:
    slow, fast = CLOUD_SPEED
    speed = slow + (fast - slow) * np.maximum(-far, 0.0)
    return np.stack([speed, np.zeros_like(speed)], axis=-1)


def _water_flow(image: FloatArray, regions: MotionRegions, far: FloatArray) -> FloatArray:
    """Drift with slow swirls; below falls the water runs off them; falls run down their streaks."""
    drift = _water_drift(far)
    if regions.fall.max() < 0.5:
        return drift
    run_off, share = _run_off(regions.fall, far.shape)
    flow = drift * (1 - share) + run_off * share
    fall = regions.fall[..., None]
    flow = flow * (1 - fall) + FALL_SPEED * _down_streaks(image, regions.fall) * fall
    return _blurred(flow, regions.water + regions.fall, 0.015 * max(far.shape))


def _water_drift(far: FloatArray) -> FloatArray:
    """Drift to the side and a little toward the viewer on a plane below him, with swirls."""
    slow, fast = WATER_SPEED
    depth_scale = np.maximum(far, 0.0)
    speed = slow + (fast - slow) * depth_scale
    swirl = _swirls(far.shape) * SWIRL
    across = speed * (1 + swirl[..., 0])
    along = speed * (TOWARD_VIEWER * depth_scale + 0.5 * depth_scale * swirl[..., 1])
    return np.stack([across, along], axis=-1)


def _swirls(shape: tuple[int, ...]) -> FloatArray:
    """A smooth field (H, W, 2) without sources, of magnitude about 1 (curl of smooth noise)."""
    height, width = shape
    noise = np.random.default_rng(SEED).normal(size=(8, 6)).astype(np.float32)
    potential = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    along, across = np.gradient(potential, max(height, width) / 8.0)
    field = np.stack([along, -across], axis=-1)
    return (field / max(float(np.sqrt(np.mean(field**2))), 1e-9)).clip(-2, 2).astype(np.float32)


def _run_off(fall: FloatArray, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Flow (H, W, 2) away from the foot of the falls, and its share (H, W, 1), less far away."""
    height, width = shape
    rows, columns = np.nonzero(fall > 0.5)
    foot = rows >= np.quantile(rows, 0.8)
    y, x = float(rows[foot].mean()), float(columns[foot].mean())
    dy, dx = np.mgrid[0:height, 0:width].astype(np.float32)
    dx, dy = dx - x, np.maximum(dy - y, 0) + 0.02 * height
    away = np.hypot(dx, dy)
    share = np.exp(-away / (0.35 * max(height, width)))
    unit = np.stack([dx, dy], axis=-1) / np.maximum(away, 1e-6)[..., None]
    return OUTFLOW_SPEED * unit, share[..., None].astype(np.float32)


def _down_streaks(image: FloatArray, fall: FloatArray) -> FloatArray:
    """Unit vectors (H, W, 2) along the streaks of falling water, downward.

    The direction is that of the structure tensor's smaller eigenvalue, mixed with straight down
    where streaks are weak.
    """
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    tensor = np.stack([gx * gx, gy * gy, gx * gy], axis=-1)
    xx, yy, xy = np.moveaxis(_blurred(tensor, fall, 0.025 * max(fall.shape)), -1, 0)
    # The streak's angle from the vertical; it stays within 45 degrees.
    angle = np.clip(0.5 * np.arctan2(-2 * xy, xx - yy + 1e-9), -np.pi / 4, np.pi / 4)
    strength = np.hypot(xx - yy, 2 * xy) / (xx + yy + 1e-6)
    angle = angle * strength
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).astype(np.float32)


def _blurred(values: FloatArray, weight: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur of (H, W, C) among the pixels that have weight."""
    total = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    summed = cv2.GaussianBlur(values * weight[..., None], (0, 0), sigma)
    return (summed / np.maximum(total, 1e-4)).astype(np.float32)


def _inside(flow: FloatArray, region: FloatArray) -> FloatArray:
    """Keep a flow (H, W, 2) within its region (H, W): along edges near them, zero beyond.

    The picture's own border is no edge: what moves goes on beyond it.
    """
    size = max(region.shape)
    solid = region > 0.5
    depth = ndimage.distance_transform_edt(solid).astype(np.float32) if not solid.all() else None
    if depth is None:
        return flow
    near = 1 - np.clip(depth / max(EDGE_REACH * size, 1.0), 0.0, 1.0)
    smooth = cv2.GaussianBlur(np.minimum(depth, 2 * EDGE_REACH * size), (0, 0), 0.01 * size)
    along, across = np.gradient(smooth)
    normal = np.stack([across, along], axis=-1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    crossing = (flow * normal).sum(-1, keepdims=True) * normal
    kept = flow - near[..., None] * crossing
    fade = np.clip((depth - 1) / max(EDGE_FADE * size, 1.0), 0.0, 1.0) * solid
    return (kept * fade[..., None]).astype(np.float32)
