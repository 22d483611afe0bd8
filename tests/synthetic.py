"""Small synthetic scene data: ground, a wall, a drifting sky; needs no photo and no worker."""

from __future__ import annotations

import numpy as np
from make_4d.geometry.core.camera import FloatArray, Intrinsics, pixel_centers, unproject
from make_4d.geometry.core.scene_data import KEY_TIMES, PointArrays, SceneData, ScenePlan
from numpy.typing import NDArray

EYE_HEIGHT, WALL_DEPTH, SKY_DEPTH = 0.6, 4.0, 100.0
DRIFT_PX = 0.25
"""Speed of the sky in the image, in pixels per frame to the right."""


def make_scene_data(
    width: int = 64,
    height: int = 48,
    margin: int = 8,
    frames: int = 12,
    loop_frames: int = 16,
    motion: bool = True,
    seed: int = 0,
) -> SceneData:
    """Return scene data of width x height pixels with a margin of `margin` pixels on each side.

    There is ground up to the horizon, a wall over the middle third, and sky. With `motion` the sky
    is the moving cloud, otherwise that is empty.
    """
    camera = Intrinsics.from_field_of_view(width, height, np.radians(55.0))
    outpainted = camera.padded(margin, margin, margin, margin)
    pixels = pixel_centers(outpainted.height, outpainted.width)
    depth, sky = surfaces(pixels, outpainted)
    color = np.random.default_rng(seed).uniform(0.2, 1.0, (*depth.shape, 3)).astype(np.float32)
    moves = sky & motion
    still = points(pixels[~moves], depth[~moves], color[~moves], outpainted)
    moving = points(pixels[moves], depth[moves], color[moves], outpainted, loop_frames)
    positions = np.array([[0, 0, 0], [0.1, -0.05, 0.4], [0.2, -0.1, 1.0]], np.float32)
    look = np.array([[0, 0, 1], [0.05, 0.02, 1], [0.12, 0.05, 1]], np.float32)
    look /= np.linalg.norm(look, axis=1, keepdims=True)
    plan = ScenePlan(
        camera, positions, look, frames, loop_frames, margins=(margin, margin, margin, margin)
    )
    return SceneData(still, moving, plan, moves.astype(np.float32))


def surfaces(pixels: FloatArray, camera: Intrinsics) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the depth (H, W) of the nearest surface and the mask (H, W) of the sky."""
    slope = (pixels[..., 1] - camera.cy) / camera.focal
    depth = EYE_HEIGHT / np.maximum(slope, EYE_HEIGHT / SKY_DEPTH)
    x = np.abs(pixels[..., 0] - camera.cx)
    wall = (x < camera.width / 6) & (slope > -0.25) & (depth > WALL_DEPTH)
    depth = np.where(wall, WALL_DEPTH, depth).astype(np.float32)
    return depth, depth >= SKY_DEPTH * 0.999


def points(
    pixels: FloatArray, depth: FloatArray, color: FloatArray, camera: Intrinsics, loop: int = 0
) -> PointArrays:
    """Return a cloud of pixels (P, 2) at depth (P,); it drifts if `loop` isn't 0."""
    position = unproject(pixels, depth, camera)
    count = len(depth)
    keys = KEY_TIMES if loop else 0
    forward, backward = (np.zeros((keys, count, 3), np.float32) for _ in "fb")
    for k in range(keys):
        forward[k, :, 0] = DRIFT_PX * loop * (k + 1) / keys * depth / camera.focal
        backward[k, :, 0] = -DRIFT_PX * loop * (1 - k / keys) * depth / camera.focal
    return PointArrays(
        position=position,
        color=color,
        opacity=np.ones(count, np.float32),
        radius=(1.0 * depth / camera.focal).astype(np.float32),
        observed=np.ones(count, np.float32),
        layer=(depth > WALL_DEPTH).astype(np.int32),
        pixel=(np.floor(pixels[:, 1]) * camera.width + np.floor(pixels[:, 0])).astype(np.int32),
        disparity=(1.0 / depth).astype(np.float32),
        forward=forward,
        backward=backward,
        lifetime=np.repeat(np.array([[2.0], [-1.0]], np.float32), count, 1)[: 2 if loop else 0],
    )
