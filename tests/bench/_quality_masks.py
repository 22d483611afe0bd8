"""Which pixels of a frame the first frame showed, and where one frame's pixels are in another.

Both follow from true depth and poses alone, so the same areas count for every method. Points at
infinity (depth +inf, the sky) are projected by their direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from _quality_measures import Warp, sampled
from make_4d.geometry.core.camera import FloatArray, Intrinsics, pixel_centers
from make_4d.geometry.landscapes.truth import Mask, TruthFrame
from numpy.typing import NDArray

TOLERANCE = 0.02
"""A surface counts as hidden if the depth map is nearer by more than this fraction, which exceeds
the error of stored depths but not the distance of separate surfaces."""


@dataclass(frozen=True, eq=False)
class Areas:
    """A partition of a frame's pixels by what the first frame showed of them.

    Attributes:
        seen: (H, W) bool, the surface was visible there.
        revealed: (H, W) bool, it was inside the first frame's image, but hidden.
        outside: (H, W) bool, it was outside the first frame's image or behind its camera.
    """

    seen: Mask
    revealed: Mask
    outside: Mask


def areas(first: TruthFrame, frame: TruthFrame, camera: Intrinsics) -> Areas:
    """Return the areas of a frame; both frames show one scene through the same camera."""
    position, distance, inside = projected(frame, first, camera)
    visible = inside & ~hidden(first.depth, position, distance)
    return Areas(visible, inside & ~visible, ~inside)


def seen(first: TruthFrame, frame: TruthFrame, camera: Intrinsics) -> Mask:
    """Return the pixels (H, W) of a frame whose surface was visible in the first frame."""
    return areas(first, frame, camera).seen


def warp(base: TruthFrame, other: TruthFrame, camera: Intrinsics) -> Warp:
    """Return where the pixels of a frame are in another frame, by its own true depth."""
    position, distance, inside = projected(base, other, camera)
    return Warp(position, inside & ~hidden(other.depth, position, distance))


def warps_to_first(frames: Sequence[TruthFrame], camera: Intrinsics) -> list[Warp]:
    """Return where the first frame's pixels are in each later one, for `consistency`."""
    return [warp(frames[0], frame, camera) for frame in frames[1:]]


def warps_in_time(frames: Sequence[TruthFrame], camera: Intrinsics) -> list[tuple[Warp, Warp]]:
    """Return the warps of all inner frames to the frame before and after, for `flicker`."""
    inner = range(1, len(frames) - 1)
    return [
        (warp(frames[k], frames[k - 1], camera), warp(frames[k], frames[k + 1], camera))
        for k in inner
    ]


def warp_to_first(
    image: FloatArray, frame: TruthFrame, first: TruthFrame, camera: Intrinsics
) -> tuple[FloatArray, Mask]:
    """Return a later frame's image (H, W, C) warped to the first frame, and where it is valid.

    This is a backward warp: each of the first frame's pixels fetches its color by its true depth.
    """
    target = warp(first, frame, camera)
    return sampled(image, target.position), target.valid


def projected(
    frame: TruthFrame, other: TruthFrame, camera: Intrinsics
) -> tuple[FloatArray, FloatArray, Mask]:
    """Project a frame's surface into another frame.

    Returns:
        Its position (H, W, 2) in pixels, -1 behind the other camera; its depth (H, W); and whether
        it is inside the image (H, W).
    """
    pose = other.world_to_camera @ np.linalg.inv(frame.world_to_camera)
    centers = pixel_centers(*frame.depth.shape).astype(np.float64)
    rays = np.ones((*frame.depth.shape, 3))
    rays[..., :2] = (centers - (camera.cx, camera.cy)) / camera.focal
    # Points are divided by their depth, so the sky needs no special case.
    points = rays @ pose[:3, :3].T + pose[:3, 3] / frame.depth[..., None].astype(np.float64)
    front = points[..., 2] > 0
    z = np.where(front, points[..., 2], 1.0)[..., None]
    position = points[..., :2] / z * camera.focal + (camera.cx, camera.cy)
    position = np.where(front[..., None], position, -1.0).astype(np.float32)
    within = (position >= 0) & (position < (camera.width, camera.height))
    depth = np.where(front, points[..., 2] * frame.depth, np.nan)
    return position, depth.astype(np.float32), within.all(axis=-1)


def hidden(depth: FloatArray, position: FloatArray, distance: FloatArray) -> Mask:
    """Return whether points at positions (h, w, 2) and depths (h, w) are behind a depth map.

    Its surface is the farther of two: the nearest pixel's depth, which is right beside a depth
    discontinuity, and the plane through the four pixels around, which is right on slanted ground.
    """
    near = cv2.INTER_NEAREST, cv2.BORDER_REPLICATE
    pixel = np.floor(position).astype(np.float32)
    disparity = (1.0 / depth.astype(np.float64)).astype(np.float32)
    at_pixel = cv2.remap(disparity, pixel, None, near[0], borderMode=near[1])
    plane: NDArray[Any] = sampled(disparity, position)
    with np.errstate(divide="ignore"):
        return 1.0 / distance < np.minimum(at_pixel, plane) / (1.0 + TOLERANCE)
