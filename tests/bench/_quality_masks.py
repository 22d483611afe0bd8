"""Which pixels of a frame the first frame showed, and where one frame's pixels lie in another.

From true depth and poses alone, so the same areas count for every way that is measured. What is at
infinity (depth +inf, the sky) goes by its direction.
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
"""A surface counts as hidden where the depth map is nearer than it by more than this share: more
than stored depths are off, less than what stands behind something else is."""


@dataclass(frozen=True, eq=False)
class Areas:
    """A partition of a frame's pixels, each (H, W) bool, by what the first frame showed of them.

    seen: the surface was visible there; revealed: it was inside that picture, but hidden behind
    something; outside: it was beyond that picture's edge or behind its camera.
    """

    seen: Mask
    revealed: Mask
    outside: Mask


def areas(first: TruthFrame, frame: TruthFrame, camera: Intrinsics) -> Areas:
    """The areas of a frame; both frames are the camera's pictures of one scene."""
    position, distance, inside = projected(frame, first, camera)
    visible = inside & ~hidden(first.depth, position, distance)
    return Areas(visible, inside & ~visible, ~inside)


def seen(first: TruthFrame, frame: TruthFrame, camera: Intrinsics) -> Mask:
    """Pixels (H, W) of a frame whose surface was visible in the first frame."""
    return areas(first, frame, camera).seen


def warp(base: TruthFrame, other: TruthFrame, camera: Intrinsics) -> Warp:
    """Where the pixels of a frame, by its own true depth, lie in another frame."""
    position, distance, inside = projected(base, other, camera)
    return Warp(position, inside & ~hidden(other.depth, position, distance))


def warps_to_first(frames: Sequence[TruthFrame], camera: Intrinsics) -> list[Warp]:
    """Where the first frame's pixels lie in each later one, as `consistency` takes it."""
    return [warp(frames[0], frame, camera) for frame in frames[1:]]


def warps_in_time(frames: Sequence[TruthFrame], camera: Intrinsics) -> list[tuple[Warp, Warp]]:
    """For all but the first and last frame the frame before and after, as `flicker` takes it."""
    inner = range(1, len(frames) - 1)
    return [
        (warp(frames[k], frames[k - 1], camera), warp(frames[k], frames[k + 1], camera))
        for k in inner
    ]


def warp_to_first(
    picture: FloatArray, frame: TruthFrame, first: TruthFrame, camera: Intrinsics
) -> tuple[FloatArray, Mask]:
    """A later frame's picture (H, W, C) as seen from the first frame, and where that is valid.

    Backward: each of the first frame's pixels, by its true depth, fetches its color.
    """
    found = warp(first, frame, camera)
    return sampled(picture, found.position), found.valid


def projected(
    frame: TruthFrame, other: TruthFrame, camera: Intrinsics
) -> tuple[FloatArray, FloatArray, Mask]:
    """A frame's surface in another frame: position (H, W, 2), depth (H, W), whether it is inside.

    Positions are in pixels, and -1 for what is behind the other camera.
    """
    pose = other.world_to_camera @ np.linalg.inv(frame.world_to_camera)
    centers = pixel_centers(*frame.depth.shape).astype(np.float64)
    rays = np.ones((*frame.depth.shape, 3))
    rays[..., :2] = (centers - (camera.cx, camera.cy)) / camera.focal
    # A point over its depth: the sky's directions need no case of their own.
    points = rays @ pose[:3, :3].T + pose[:3, 3] / frame.depth[..., None].astype(np.float64)
    front = points[..., 2] > 0
    z = np.where(front, points[..., 2], 1.0)[..., None]
    position = points[..., :2] / z * camera.focal + (camera.cx, camera.cy)
    position = np.where(front[..., None], position, -1.0).astype(np.float32)
    within = (position >= 0) & (position < (camera.width, camera.height))
    depth = np.where(front, points[..., 2] * frame.depth, np.nan)
    return position, depth.astype(np.float32), within.all(axis=-1)


def hidden(depth: FloatArray, position: FloatArray, distance: FloatArray) -> Mask:
    """Whether points at positions (h, w, 2) and depths (h, w) are behind a depth map's surface.

    The surface is taken as the farther of two: the nearest pixel's depth, right beside a step in
    depth, and the plane through the four pixels round it, right on ground seen at a flat angle.
    """
    near = cv2.INTER_NEAREST, cv2.BORDER_REPLICATE
    pixel = np.floor(position).astype(np.float32)
    disparity = (1.0 / depth.astype(np.float64)).astype(np.float32)
    at_pixel = cv2.remap(disparity, pixel, None, near[0], borderMode=near[1])
    plane: NDArray[Any] = sampled(disparity, position)
    with np.errstate(divide="ignore"):
        return 1.0 / distance < np.minimum(at_pixel, plane) / (1.0 + TOLERANCE)
