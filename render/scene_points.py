"""The points of all clouds through a view: projected, culled, and in drawing order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray
from ..geometry.core.render_passes import SCREEN_MOTION, VIEW_DEPTH, WORLD_POSITION
from ..geometry.core.splat import (
    MAX_GROWTH,
    MIN_DEPTH,
    MIN_RADIUS_PX,
    UNDERPAINT_DEPTH,
    Splats,
    screen_radius,
    underpaint_radius,
)
from .channels import Channel, column_count
from .extract import Cloud, joined
from .frame_request import FrameRequest
from .sort import far_to_near
from .view import View

Order = NDArray[np.int32]
"""What to draw, far to near: i is the disc of splat i, -1 - i its underpaint."""


@dataclass(frozen=True)
class VisiblePoints:
    """The P points that a view sees, in no particular order.

    Attributes:
        splats: their discs.
        under: (P,) radius of the underpaint in pixels, 0 for none.
        color: (P, 4) scene-linear color and opacity.
        channels: (P, C) columns of the frame's channels, see `channels.column_slices`.
        forward, backward: (P,) bool, whether the point is a moving copy of that direction.
    """

    splats: Splats
    under: FloatArray
    color: FloatArray
    channels: FloatArray
    forward: NDArray[np.bool_]
    backward: NDArray[np.bool_]


def visible_points(
    clouds: Sequence[Cloud], request: FrameRequest, motion: FloatArray | None = None
) -> VisiblePoints:
    """Project the clouds and keep what touches the image within the clip range.

    Args:
        clouds: all clouds to draw.
        request: the frame.
        motion: (P, 4) motion vectors of all clouds' points, if a requested pass needs them.
    """
    ends = np.cumsum([len(cloud.position) for cloud in clouds])[:-1]
    vectors = [None] * len(clouds) if motion is None else np.split(motion, ends)
    pairs = zip(clouds, vectors, strict=True)
    parts = [_visible_points_of(cloud, request, vector) for cloud, vector in pairs]
    return VisiblePoints(
        Splats(*(joined([getattr(p.splats, n) for p in parts]) for n in ("u", "v", "z", "radius"))),
        joined([p.under for p in parts]),
        joined([p.color for p in parts], 4),
        joined([p.channels for p in parts], column_count(request.channels)),
        joined([p.forward for p in parts]).astype(bool),
        joined([p.backward for p in parts]).astype(bool),
    )


def draw_order(points: VisiblePoints, view: View) -> Order:
    """Discs and underpaints of all points, far to near."""
    under = np.flatnonzero(points.under)
    index = np.concatenate([np.arange(len(points.under)), -1 - under]).astype(np.int32)
    # From the near plane, depths are positive, also behind an orthographic viewport's eye.
    depth = points.splats.z - np.float32(min(view.clip[0], 0.0))
    keys = np.concatenate([depth, depth[under] * np.float32(UNDERPAINT_DEPTH)])
    return index[far_to_near(keys)]


def without(order: Order, absent: NDArray[np.bool_]) -> Order:
    """The order without the splats marked in `absent` (P,)."""
    if not absent.any():
        return order
    return order[~absent[np.where(order < 0, -1 - order, order)]]


def _visible_points_of(
    cloud: Cloud, request: FrameRequest, vector: FloatArray | None
) -> VisiblePoints:
    """The points of one cloud that the view sees."""
    view = request.view
    matrix = view.world_to_camera @ cloud.matrix
    splats = projected(cloud, matrix, view)
    keep = np.flatnonzero(inside(splats, view))
    splats = splats.take(keep)
    under = np.zeros_like(splats.z)
    if cloud.from_photo and not view.orthographic:
        travel = float(np.linalg.norm(matrix[:3, 3]))
        under = underpaint_radius(splats.radius, splats.z, travel)
        under[cloud.color[keep, 3] < 1.0] = 0.0  # a silhouette's fringe must not grow
    backward = cloud.backward[keep] & cloud.moving
    forward = ~backward & cloud.moving
    columns = [_values(c, cloud, keep, splats, vector) for c in request.channels]
    channels = np.column_stack(columns)
    return VisiblePoints(splats, under, cloud.color[keep], channels, forward, backward)


def _values(
    channel: Channel,
    cloud: Cloud,
    keep: NDArray[np.intp],
    splats: Splats,
    vector: FloatArray | None,
) -> FloatArray:
    """A channel's values, (n,) or (n, width), of the n points of a cloud that are kept."""
    if channel.source == VIEW_DEPTH:
        return splats.z
    if channel.source == WORLD_POSITION:
        world = cloud.position[keep] @ cloud.matrix[:3, :3].T + cloud.matrix[:3, 3]
        return world.astype(np.float32)
    if channel.source == SCREEN_MOTION:
        return np.zeros((len(keep), 4), np.float32) if vector is None else vector[keep]
    return cloud.attribute(channel.source, channel.width)[keep]


def projected(
    cloud: Cloud,
    matrix: NDArray[np.float64],
    view: View,
    min_radius: float = MIN_RADIUS_PX,
) -> Splats:
    """All points of a cloud as splats in pixels.

    Args:
        cloud: the points.
        matrix: (4, 4) from the cloud's space to the camera frame.
        view: the camera.
        min_radius: smallest radius of a splat in pixels.
    """
    scale = np.float32(abs(np.linalg.det(matrix[:3, :3])) ** (1 / 3))
    rotation, shift = matrix[:3, :3].astype(np.float32), matrix[:3, 3].astype(np.float32)
    x, y, z = rotation @ cloud.position.T + shift[:, None]  # contiguous rows
    focal = float(np.sqrt(view.focal[0] * view.focal[1]))
    distance = np.ones_like(z) if view.orthographic else np.maximum(z, np.float32(MIN_DEPTH))
    u = x * np.float32(view.focal[0]) / distance + np.float32(view.center[0])
    v = y * np.float32(view.focal[1]) / distance + np.float32(view.center[1])
    return Splats(u, v, z, screen_radius(cloud.radius * scale, distance, focal, min_radius))


def inside(splats: Splats, view: View) -> NDArray[np.bool_]:
    """Which splats (P,) may touch the image, within the clip range."""
    near = view.clip[0] if view.orthographic else max(view.clip[0], MIN_DEPTH)
    within = (splats.z >= near) & (splats.z <= view.clip[1])
    reach = splats.radius * np.float32(MAX_GROWTH)  # at most that of the underpaint
    within &= (splats.u > -reach) & (splats.u < view.width + reach)
    return within & (splats.v > -reach) & (splats.v < view.height + reach)
