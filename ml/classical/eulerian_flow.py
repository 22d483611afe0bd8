"""Eulerian flow of a picture without a network: drifting clouds, water along its surface, falls.

A time-invariant field in the sense of Holynski et al. (2021). Clouds lie on a plane above the
viewer and water on one below, each with one speed in the scene; guides turn and pace it. Nothing
crosses a region's edge: there the part of the flow across the edge fades out, so moving points stay
on their surface. Everything outside the regions is exactly zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from ...geometry.core.camera import FloatArray, Intrinsics
from .flow_hints import Hints, Mask, resampled, spread
from .plane_flow import Plane
from .regions import SMALLEST_SIDE, MotionRegions
from .river import river_lines

REFERENCE_SIZE = 768.0
"""Longer side of the wide photo for which the speeds are given: a photo of 512 px and margins."""
REFERENCE_LOOP = 60.0
CLOUD_SPEED, WATER_SPEED = 0.3, 0.5
"""Pixels per frame where a plane is nearest to the viewer."""
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
    camera: Intrinsics,
    horizon: float,
    loop_frames: int,
    guides: Sequence[FloatArray] = (),
) -> Motion:
    """Flow of an image (H, W, 3), sRGB 0..1, with its regions, camera and horizon's row.

    guides: each (n, 3), rows x, y in pixels and speed, 1 for the automatic one. Speeds grow with
    the picture's size; in loops longer than 60 frames they fall, so that the whole way in a loop
    stays short enough for the forward and backward pictures to mix without blur. In a picture too
    small for a field, nothing moves.
    """
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        return Motion(np.zeros((height, width, 2), np.float32), np.zeros_like(regions.cloud))
    pace = max(height, width) / REFERENCE_SIZE * min(1.0, REFERENCE_LOOP / max(loop_frames, 1))
    water = regions.water + regions.fall
    flow = np.zeros((height, width, 2), np.float32)
    lines = [line for line in map(resampled, guides) if len(line)]
    if regions.cloud.max() > 0.5:
        plane = Plane(camera, horizon, False, CLOUD_SPEED)
        flow += _inside(_cloud_flow(plane, regions.cloud, lines), regions.cloud)
    if water.max() > 0.5:
        plane = Plane(camera, horizon, True, WATER_SPEED)
        flow += _inside(_water_flow(image, regions, plane, lines), water)
    moving = np.clip(regions.cloud + water, 0.0, 1.0)
    flow[moving < 0.5] = 0.0
    moving = np.where((flow != 0).any(axis=-1), moving, 0.0)
    return Motion((flow * pace).astype(np.float32), moving.astype(np.float32))


def _cloud_flow(plane: Plane, region: FloatArray, lines: list[FloatArray]) -> FloatArray:
    """Wind from the left, or along the guides; far from those it is their mean."""
    drift = np.empty((*region.shape, 2), np.float32)
    drift[:] = _wind(plane, region > 0.5, lines)
    return plane.flow(_guided(drift, plane, region > 0.5, lines))


def _wind(plane: Plane, region: Mask, lines: list[FloatArray]) -> FloatArray:
    """One velocity (2,) for the whole sky: two winds in one sky would collide."""
    height, width = region.shape
    inside = []
    for places, values in (_on_plane(plane, line) for line in lines):
        x, y = np.clip(places.astype(int), 0, (width - 1, height - 1)).T
        inside.append(values[region[y, x]])
    hints = np.concatenate(inside) if inside else np.zeros((0, 2), np.float32)
    wind = hints.mean(axis=0) if len(hints) else np.array([1.0, 0.0])
    return wind.astype(np.float32)


def _guided(
    velocity: FloatArray, plane: Plane, region: Mask, lines: list[FloatArray]
) -> FloatArray:
    """Velocities (H, W, 2) on a plane, along the guides where there are some."""
    for_plane = [_on_plane(plane, line) for line in lines]
    if not for_plane:
        return velocity
    hints = Hints(*(np.concatenate(parts) for parts in zip(*for_plane, strict=True)))
    return spread(hints, velocity, region)


def _on_plane(plane: Plane, line: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Places (n, 2) in pixels and velocities (n, 2) on the plane of a guide (n + 1, 3)."""
    way = np.diff(plane.ground(line[:, :2]), axis=0)
    unit = way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    middle = 0.5 * (line[1:] + line[:-1])
    return middle[:, :2], unit * middle[:, 2:]


def _water_flow(
    image: FloatArray, regions: MotionRegions, plane: Plane, lines: list[FloatArray]
) -> FloatArray:
    """Drift with slow swirls, a river down its middle; water runs off falls, these down streaks."""
    whole = regions.water + regions.fall
    wet = whole > 0.5
    rivers = [resampled(line) for line in river_lines(wet, plane)]
    drift = _guided(_water_drift(whole.shape), plane, wet, rivers)
    drift = plane.flow(_guided(drift, plane, wet, lines))
    if regions.fall.max() < 0.5:
        return drift
    run_off, share = _run_off(regions.fall, whole.shape)
    share = share * (1 - _held(lines, wet))
    flow = drift * (1 - share) + run_off * share
    down = FALL_SPEED * _down_streaks(image, regions.fall)
    falling = regions.fall[..., None]
    flow = flow * (1 - falling) + _guided_fall(down, regions.fall > 0.5, lines) * falling
    return _blurred(flow, whole, 0.015 * max(whole.shape))


def _held(lines: list[FloatArray], region: Mask) -> FloatArray:
    """How much (H, W, 1), 0..1, the guides decide."""
    nothing = np.zeros((*region.shape, 1), np.float32)
    if not lines:
        return nothing
    places = np.concatenate([line[:, :2] for line in lines])
    return spread(Hints(places, np.ones((len(places), 1), np.float32)), nothing, region)


def _guided_fall(flow: FloatArray, region: Mask, lines: list[FloatArray]) -> FloatArray:
    """Flow (H, W, 2) of what falls: no plane, so guides tell directions in the picture."""
    if not lines:
        return flow
    ways = [np.diff(line[:, :2], axis=0) for line in lines]
    units = [w / np.maximum(np.linalg.norm(w, axis=1, keepdims=True), 1e-9) for w in ways]
    middles = [0.5 * (line[1:] + line[:-1]) for line in lines]
    values = [FALL_SPEED * u * m[:, 2:] for u, m in zip(units, middles, strict=True)]
    hints = Hints(np.concatenate([m[:, :2] for m in middles]), np.concatenate(values))
    return spread(hints, flow, region)


def _water_drift(shape: tuple[int, ...]) -> FloatArray:
    """Velocities (H, W, 2) to the right and a little toward the viewer, with swirls."""
    swirl = _swirls(shape) * SWIRL
    return np.stack([1.0 + swirl[..., 0], -TOWARD_VIEWER + 0.5 * swirl[..., 1]], axis=-1)


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
