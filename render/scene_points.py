"""Points of all clouds through a view: projected, culled and in the order to draw them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray
from ..geometry.core.splat import (
    MAX_GROWTH,
    MIN_DEPTH,
    MIN_RADIUS_PX,
    UNDERPAINT_DEPTH,
    Splats,
    screen_radius,
    underpaint_radius,
)
from .extract import Cloud, joined
from .frame_request import FrameRequest
from .sort import far_to_near
from .view import View

Order = NDArray[np.int32]
"""What to draw, far to near: i is the disc of splat i, -1 - i its underpaint."""


@dataclass(frozen=True)
class Seen:
    """The P points that a view sees, in no order.

    splats; under (P,): radius of the underpaint in pixels, 0 for none; color (P, 4) rgb + opacity;
    features (P, F): see `feature_columns`; forward, backward (P,) bool: moving copies.
    """

    splats: Splats
    under: FloatArray
    color: FloatArray
    features: FloatArray
    forward: NDArray[np.bool_]
    backward: NDArray[np.bool_]


def feature_columns(film: FrameRequest) -> dict[str, slice]:
    """Columns of the features of a point by name, in all: disparity 0..1, depth along the view,
    known 0..1, layer index; where the film has them, position in the world and motion vector."""
    widths = {"disparity": 1, "depth": 1, "observed": 1, "layer": 1}
    widths |= {"position": 3} if film.position else {}
    widths |= {"vector": 4} if film.vector else {}
    ends = np.cumsum(list(widths.values())).tolist()
    return {n: slice(e - w, e) for (n, w), e in zip(widths.items(), ends, strict=True)}


def seen_points(
    clouds: Sequence[Cloud], film: FrameRequest, motion: FloatArray | None = None
) -> Seen:
    """Project the clouds and keep what touches the picture within the clip range.

    motion (P, 4): motion vectors of all clouds' points, where the film has them.
    """
    ends = np.cumsum([len(cloud.position) for cloud in clouds])[:-1]
    moved = [None] * len(clouds) if motion is None else np.split(motion, ends)
    pairs = zip(clouds, moved, strict=True)
    parts = [_seen_of(cloud, film, vectors) for cloud, vectors in pairs]
    return Seen(
        Splats(*(joined([getattr(p.splats, n) for p in parts]) for n in ("u", "v", "z", "radius"))),
        joined([p.under for p in parts]),
        joined([p.color for p in parts], 4),
        joined([p.features for p in parts], max(s.stop for s in feature_columns(film).values())),
        joined([p.forward for p in parts]).astype(bool),
        joined([p.backward for p in parts]).astype(bool),
    )


def draw_order(seen: Seen, view: View) -> Order:
    """Discs and underpaints of all points, far to near."""
    under = np.flatnonzero(seen.under)
    index = np.concatenate([np.arange(len(seen.under)), -1 - under]).astype(np.int32)
    # Depths from the near plane on are positive, also behind an orthographic viewport's eye.
    depth = seen.splats.z - np.float32(min(view.clip[0], 0.0))
    keys = np.concatenate([depth, depth[under] * np.float32(UNDERPAINT_DEPTH)])
    return index[far_to_near(keys)]


def without(order: Order, absent: NDArray[np.bool_]) -> Order:
    """The order without the splats marked in `absent` (P,)."""
    if not absent.any():
        return order
    return order[~absent[np.where(order < 0, -1 - order, order)]]


def _seen_of(cloud: Cloud, film: FrameRequest, vector: FloatArray | None) -> Seen:
    """The points of one cloud that the view sees."""
    view = film.view
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
    columns = [cloud.disparity[keep], splats.z, cloud.observed[keep], cloud.layer[keep]]
    if film.position:
        placed = cloud.position[keep] @ cloud.matrix[:3, :3].T + cloud.matrix[:3, 3]
        columns.append(placed.astype(np.float32))
    if vector is not None:
        columns.append(vector[keep])
    return Seen(splats, under, cloud.color[keep], np.column_stack(columns), forward, backward)


def projected(
    cloud: Cloud,
    matrix: NDArray[np.float64],
    view: View,
    min_radius: float = MIN_RADIUS_PX,
) -> Splats:
    """All points of a cloud as splats, at least `min_radius` pixels large; `matrix` (4, 4) takes
    them to the camera frame."""
    scale = np.float32(abs(np.linalg.det(matrix[:3, :3])) ** (1 / 3))
    rotation, shift = matrix[:3, :3].astype(np.float32), matrix[:3, 3].astype(np.float32)
    x, y, z = rotation @ cloud.position.T + shift[:, None]  # contiguous rows
    focal = float(np.sqrt(view.focal[0] * view.focal[1]))
    distance = np.ones_like(z) if view.orthographic else np.maximum(z, np.float32(MIN_DEPTH))
    u = x * np.float32(view.focal[0]) / distance + np.float32(view.center[0])
    v = y * np.float32(view.focal[1]) / distance + np.float32(view.center[1])
    return Splats(u, v, z, screen_radius(cloud.radius * scale, distance, focal, min_radius))


def inside(splats: Splats, view: View) -> NDArray[np.bool_]:
    """Which splats (P,) may touch the picture, within the clip range."""
    near = view.clip[0] if view.orthographic else max(view.clip[0], MIN_DEPTH)
    within = (splats.z >= near) & (splats.z <= view.clip[1])
    reach = splats.radius * np.float32(MAX_GROWTH)  # the underpaint's, at most
    within &= (splats.u > -reach) & (splats.u < view.width + reach)
    return within & (splats.v > -reach) & (splats.v < view.height + reach)
