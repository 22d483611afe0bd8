"""Eulerian flow of an image without a network: drifting clouds, flowing water, falls.

The field is constant in time, as in Holynski et al. (2021). Clouds lie on a plane above the viewer
and water on one below, each with one speed in the scene; motion guides change direction and speed.
Nothing crosses the edge of a region: there the component of the flow across the edge fades out, so
that moving points stay on their surface. Outside the regions the flow is exactly zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from ...geometry.core.camera import FloatArray, Intrinsics
from ...geometry.core.ldi import Mask
from .flow_hints import Hints, resample, spread_hints
from .plane_flow import Plane
from .regions import MotionRegions
from .river import river_centerlines

REFERENCE_SIZE = 768.0
"""Longer side, in pixels, of the outpainted photo that the speeds refer to: a photo of 512 px with
margins."""
REFERENCE_LOOP_FRAMES = 60.0
"""Loop length in frames up to which speeds are independent of it."""
CLOUD_SPEED, WATER_SPEED = 0.3, 0.5
"""Pixels per frame where the plane is nearest to the viewer."""
FALL_SPEED = 1.1
"""Pixels per frame of falling water."""
RUNOFF_SPEED = 0.6
"""Pixels per frame of water that runs off from the foot of a fall."""
SWIRL_STRENGTH = 0.35
"""Strength of slow swirls in water, as a fraction of its drift."""
TOWARD_VIEWER = 0.2
"""Velocity of drifting water toward the viewer, as a fraction of that to the right."""
EDGE_DISTANCE = 0.03
"""Distance from an edge, as a fraction of the longer side, within which the flow turns to run along
it."""
EDGE_FADE = 0.012
"""Distance within which all flow fades. If it were shorter, points would separate so far that gaps
show."""
SEED = 5
"""Seed of the swirls."""
MIN_SIDE = 16
"""Shorter side, in pixels, below which nothing moves."""


@dataclass(frozen=True)
class FlowField:
    """An Eulerian flow field.

    Attributes:
        flow: (H, W, 2) float32, pixels per frame, x right, y down.
        moving: (H, W) float32, 0..1.
    """

    flow: FloatArray
    moving: FloatArray


def eulerian_flow(
    image: FloatArray,
    regions: MotionRegions,
    camera: Intrinsics,
    horizon: float,
    loop_frames: int,
    motion_guides: Sequence[FloatArray] = (),
) -> FlowField:
    """Compute the flow of an image.

    Speeds are proportional to the size of the image. In loops longer than 60 frames they decrease,
    so that the distance covered in a loop stays short enough for the forward and backward copies to
    mix without blur. In an image smaller than MIN_SIDE nothing moves.

    Args:
        image: (H, W, 3) sRGB, 0..1.
        regions: What moves, (H, W).
        camera: Intrinsics in pixels.
        horizon: Row of the horizon in pixels.
        loop_frames: Length of the loop in frames.
        motion_guides: Each (n, 3), rows x, y in pixels and speed relative to the automatic one.
    """
    height, width = image.shape[:2]
    if min(height, width) < MIN_SIDE:
        return FlowField(np.zeros((height, width, 2), np.float32), np.zeros_like(regions.cloud))
    speed_scale = (
        max(height, width) / REFERENCE_SIZE * min(1.0, REFERENCE_LOOP_FRAMES / max(loop_frames, 1))
    )
    water = regions.water + regions.fall
    flow = np.zeros((height, width, 2), np.float32)
    lines = [line for line in map(resample, motion_guides) if len(line)]
    if regions.cloud.max() > 0.5:
        plane = Plane(camera, horizon, False, CLOUD_SPEED)
        flow += _confine(_cloud_flow(plane, regions.cloud, lines), regions.cloud)
    if water.max() > 0.5:
        plane = Plane(camera, horizon, True, WATER_SPEED)
        flow += _confine(_water_flow(image, regions, plane, lines), water)
    moving = np.clip(regions.cloud + water, 0.0, 1.0)
    flow[moving < 0.5] = 0.0
    moving = np.where((flow != 0).any(axis=-1), moving, 0.0)
    return FlowField(flow=(flow * speed_scale).astype(np.float32), moving=moving.astype(np.float32))


def _cloud_flow(plane: Plane, region: FloatArray, lines: list[FloatArray]) -> FloatArray:
    """Return wind from the left, or along the guides; far from guides it is their mean."""
    drift = np.empty((*region.shape, 2), np.float32)
    drift[:] = _wind(plane, region > 0.5, lines)
    return plane.flow(_along_guides(drift, plane, region > 0.5, lines))


def _wind(plane: Plane, region: Mask, lines: list[FloatArray]) -> FloatArray:
    """Return one velocity (2,) for the whole sky: two winds in one sky would collide."""
    height, width = region.shape
    velocities = []
    for pixels, values in (_on_plane(plane, line) for line in lines):
        x, y = np.clip(pixels.astype(int), 0, (width - 1, height - 1)).T
        velocities.append(values[region[y, x]])
    hints = np.concatenate(velocities) if velocities else np.zeros((0, 2), np.float32)
    wind = hints.mean(axis=0) if len(hints) else np.array([1.0, 0.0])
    return wind.astype(np.float32)


def _along_guides(
    velocity: FloatArray, plane: Plane, region: Mask, lines: list[FloatArray]
) -> FloatArray:
    """Return velocities (H, W, 2) on a plane, following the guides where there are any."""
    guides_on_plane = [_on_plane(plane, line) for line in lines]
    if not guides_on_plane:
        return velocity
    hints = Hints(*(np.concatenate(parts) for parts in zip(*guides_on_plane, strict=True)))
    return spread_hints(hints, velocity, region)


def _on_plane(plane: Plane, line: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the midpoints (n, 2) of a guide (n + 1, 3) in pixels and their velocities (n, 2).

    The velocities are those on the plane.
    """
    direction = np.diff(plane.to_plane(line[:, :2]), axis=0)
    unit = direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    midpoints = 0.5 * (line[1:] + line[:-1])
    return midpoints[:, :2], unit * midpoints[:, 2:]


def _water_flow(
    image: FloatArray, regions: MotionRegions, plane: Plane, lines: list[FloatArray]
) -> FloatArray:
    """Return the flow (H, W, 2) of water and falls.

    Rivers flow down their middle and other water drifts with slow swirls. Water runs off from
    falls, which follow their streaks.
    """
    water = regions.water + regions.fall
    wet = water > 0.5
    rivers = [resample(line) for line in river_centerlines(wet, plane)]
    drift = _along_guides(_default_drift(water.shape), plane, wet, rivers)
    drift = plane.flow(_along_guides(drift, plane, wet, lines))
    if regions.fall.max() < 0.5:
        return drift
    runoff, runoff_weight = _runoff(regions.fall, water.shape)
    runoff_weight = runoff_weight * (1 - _guide_influence(lines, wet))
    flow = drift * (1 - runoff_weight) + runoff * runoff_weight
    downward = FALL_SPEED * _streak_directions(image, regions.fall)
    fall_weight = regions.fall[..., None]
    flow = (
        flow * (1 - fall_weight) + _guided_fall(downward, regions.fall > 0.5, lines) * fall_weight
    )
    return _blurred(flow, water, 0.015 * max(water.shape))


def _guide_influence(lines: list[FloatArray], region: Mask) -> FloatArray:
    """Return how much the guides determine the flow, (H, W, 1), 0..1."""
    zeros = np.zeros((*region.shape, 1), np.float32)
    if not lines:
        return zeros
    pixels = np.concatenate([line[:, :2] for line in lines])
    return spread_hints(Hints(pixels, np.ones((len(pixels), 1), np.float32)), zeros, region)


def _guided_fall(flow: FloatArray, region: Mask, lines: list[FloatArray]) -> FloatArray:
    """Return the flow (H, W, 2) of falling water, with guides taken as image directions."""
    if not lines:
        return flow
    directions = [np.diff(line[:, :2], axis=0) for line in lines]
    unit_directions = [
        w / np.maximum(np.linalg.norm(w, axis=1, keepdims=True), 1e-9) for w in directions
    ]
    midpoints = [0.5 * (line[1:] + line[:-1]) for line in lines]
    values = [FALL_SPEED * u * m[:, 2:] for u, m in zip(unit_directions, midpoints, strict=True)]
    hints = Hints(np.concatenate([m[:, :2] for m in midpoints]), np.concatenate(values))
    return spread_hints(hints, flow, region)


def _default_drift(shape: tuple[int, ...]) -> FloatArray:
    """Return velocities (H, W, 2) to the right and slightly toward the viewer, with swirls."""
    swirl = _swirls(shape) * SWIRL_STRENGTH
    return np.stack([1.0 + swirl[..., 0], -TOWARD_VIEWER + 0.5 * swirl[..., 1]], axis=-1)


def _swirls(shape: tuple[int, ...]) -> FloatArray:
    """Return a smooth divergence-free field (H, W, 2), the curl of noise, of magnitude about 1."""
    height, width = shape
    noise = np.random.default_rng(SEED).normal(size=(8, 6)).astype(np.float32)
    potential = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    d_row, d_column = np.gradient(potential, max(height, width) / 8.0)
    field = np.stack([d_row, -d_column], axis=-1)
    return (field / max(float(np.sqrt(np.mean(field**2))), 1e-9)).clip(-2, 2).astype(np.float32)


def _runoff(fall: FloatArray, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Return the flow (H, W, 2) away from the foot of the falls, and its weight (H, W, 1).

    The weight decreases with distance.
    """
    height, width = shape
    rows, columns = np.nonzero(fall > 0.5)
    foot = rows >= np.quantile(rows, 0.8)
    y, x = float(rows[foot].mean()), float(columns[foot].mean())
    dy, dx = np.mgrid[0:height, 0:width].astype(np.float32)
    dx, dy = dx - x, np.maximum(dy - y, 0) + 0.02 * height
    distance = np.hypot(dx, dy)
    weight = np.exp(-distance / (0.35 * max(height, width)))
    unit = np.stack([dx, dy], axis=-1) / np.maximum(distance, 1e-6)[..., None]
    return RUNOFF_SPEED * unit, weight[..., None].astype(np.float32)


def _streak_directions(image: FloatArray, fall: FloatArray) -> FloatArray:
    """Return unit vectors (H, W, 2) along the streaks of falling water, downward.

    The direction is that of the structure tensor's smaller eigenvalue, mixed with straight down
    where streaks are weak.
    """
    gray = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    gx, gy = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
    tensor = np.stack([gx * gx, gy * gy, gx * gy], axis=-1)
    xx, yy, xy = np.moveaxis(_blurred(tensor, fall, 0.025 * max(fall.shape)), -1, 0)
    # The streak's angle from the vertical; it stays within 45 degrees.
    angle = np.clip(0.5 * np.arctan2(-2 * xy, xx - yy + 1e-9), -np.pi / 4, np.pi / 4)
    strength = np.hypot(xx - yy, 2 * xy) / (xx + yy + 1e-6)
    angle = angle * strength
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).astype(np.float32)


def _blurred(values: FloatArray, weight: FloatArray, sigma: float) -> FloatArray:
    """Blur values (H, W, C) among the pixels that have weight (H, W)."""
    total = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    summed = cv2.GaussianBlur(values * weight[..., None], (0, 0), sigma)
    return (summed / np.maximum(total, 1e-4)).astype(np.float32)


def _confine(flow: FloatArray, region: FloatArray) -> FloatArray:
    """Confine a flow (H, W, 2) to its region (H, W): parallel to the edges near them, zero beyond.

    The image border is not an edge: what moves continues beyond it.
    """
    size = max(region.shape)
    solid = region > 0.5
    inside_distance = (
        ndimage.distance_transform_edt(solid).astype(np.float32) if not solid.all() else None
    )
    if inside_distance is None:
        return flow
    edge_weight = 1 - np.clip(inside_distance / max(EDGE_DISTANCE * size, 1.0), 0.0, 1.0)
    smooth = cv2.GaussianBlur(
        np.minimum(inside_distance, 2 * EDGE_DISTANCE * size), (0, 0), 0.01 * size
    )
    d_row, d_column = np.gradient(smooth)
    normal = np.stack([d_column, d_row], axis=-1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    crossing = (flow * normal).sum(-1, keepdims=True) * normal
    tangential = flow - edge_weight[..., None] * crossing
    fade = np.clip((inside_distance - 1) / max(EDGE_FADE * size, 1.0), 0.0, 1.0) * solid
    return (tangential * fade[..., None]).astype(np.float32)
