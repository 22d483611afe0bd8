"""One frame: points of all clouds through a view to sorted splats, drawn, mixed and finished.

Nothing here knows what draws: `Draw` is the GPU pass or its numpy twin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray
from ..geometry.core.splat import MIN_DEPTH, MIN_RADIUS_PX, Splats, composite, screen_radius
from .compose import Layers, mix
from .extract import Cloud
from .sort import far_to_near
from .view import View


@dataclass(frozen=True)
class DrawList:
    """Splats from far to near, with their color (P, 4) rgb + opacity and disparity (P,)."""

    splats: Splats
    color: FloatArray
    disparity: FloatArray


Draw = Callable[[DrawList, tuple[int, int]], Layers]
"""Draws a list into a picture of size (h, w)."""


@dataclass(frozen=True)
class SeenPoints:
    """All points that a view sees, far to near; forward, backward (P,) bool mark moving copies."""

    drawn: DrawList
    forward: NDArray[np.bool_]
    backward: NDArray[np.bool_]

    def without(self, absent: NDArray[np.bool_]) -> DrawList:
        """What is to draw when the points marked `absent` (P,) are left out."""
        if not absent.any():
            return self.drawn
        keep = np.flatnonzero(~absent)
        return DrawList(
            self.drawn.splats.take(keep), self.drawn.color[keep], self.drawn.disparity[keep]
        )


def render_clouds(clouds: Sequence[Cloud], view: View, draw: Draw) -> Layers:
    """Picture of the clouds; moving ones as a symmetric mix of their forward and backward copies.

    Still and forward points make one picture, still and backward points the other; at the start of
    the loop, and without backward points, the first is the result.
    """
    size = (view.height, view.width)
    points = seen_points(clouds, view)
    share = backward_share(clouds)
    forward = draw(points.without(points.backward), size)
    if share == 0.0:
        return forward
    return mix(forward, draw(points.without(points.forward), size), share)


def backward_share(clouds: Sequence[Cloud]) -> float:
    """t / N of the loop: the largest weight of a backward copy, 0 where there is none."""
    weights = [c.weight[c.backward] for c in clouds if c.moving]
    largest = max((float(w.max(initial=0.0)) for w in weights), default=0.0)
    return min(max(largest, 0.0), 1.0)


def seen_points(clouds: Sequence[Cloud], view: View) -> SeenPoints:
    """Project the clouds, keep what touches the picture within the clip range, and sort it."""
    projected = [_projected(cloud, view) for cloud in clouds]
    kept = [np.flatnonzero(_inside(splats, view)) for splats in projected]
    pairs = list(zip(clouds, kept, strict=True))
    names = [field.name for field in fields(Splats)]
    joined = Splats(
        *(
            _joined([getattr(s, name)[k] for s, k in zip(projected, kept, strict=True)])
            for name in names
        )
    )
    # Depths from the near plane on are positive, also behind an orthographic viewport's eye.
    order = far_to_near(joined.z - np.float32(min(view.clip[0], 0.0)))
    return SeenPoints(
        DrawList(
            joined.take(order),
            _joined([c.color[k] for c, k in pairs], 4)[order],
            _joined([c.disparity[k] for c, k in pairs])[order],
        ),
        _joined([~c.backward[k] & c.moving for c, k in pairs]).astype(bool)[order],
        _joined([c.backward[k] & c.moving for c, k in pairs]).astype(bool)[order],
    )


def _projected(cloud: Cloud, view: View) -> Splats:
    """All points of a cloud as splats; those behind the camera get a depth <= 0."""
    matrix = view.world_to_camera @ cloud.matrix
    scale = np.float32(abs(np.linalg.det(matrix[:3, :3])) ** (1 / 3))
    x, y, z = (
        cloud.position @ matrix[:3, :3].T.astype(np.float32) + matrix[:3, 3].astype(np.float32)
    ).T
    radius = cloud.radius * scale
    focal = float(np.sqrt(view.focal[0] * view.focal[1]))
    if view.orthographic:
        distance, size = np.ones_like(z), np.maximum(radius * np.float32(focal), MIN_RADIUS_PX)
    else:
        distance = np.maximum(z, np.float32(MIN_DEPTH))
        source_depth = radius / np.float32(cloud.pixel_angle) if cloud.pixel_angle else 0 * radius
        size = screen_radius(radius, distance, focal, source_depth)
    u = x * np.float32(view.focal[0]) / distance + np.float32(view.centre[0])
    v = y * np.float32(view.focal[1]) / distance + np.float32(view.centre[1])
    return Splats(u, v, z, size)


def _inside(splats: Splats, view: View) -> NDArray[np.bool_]:
    near = view.clip[0] if view.orthographic else max(view.clip[0], MIN_DEPTH)
    inside = (splats.z >= near) & (splats.z <= view.clip[1])
    inside &= (splats.u > -splats.radius) & (splats.u < view.width + splats.radius)
    return inside & (splats.v > -splats.radius) & (splats.v < view.height + splats.radius)


def _joined(parts: list[NDArray], width: int = 0) -> NDArray:
    if not parts:
        return np.zeros((0, width) if width else 0, np.float32)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def draw_on_cpu(points: DrawList, size: tuple[int, int]) -> Layers:
    """The numpy renderer as a `Draw`."""
    rest = np.stack([points.disparity, points.splats.z], axis=1)
    features = np.concatenate([points.color[:, :3], rest], axis=1)
    # Reversed, because the reference puts the lower index in front where depths are equal.
    picture = composite(
        points.splats.take(slice(None, None, -1)),
        features[::-1],
        size,
        opacity=points.color[::-1, 3],
    )
    image = picture.image.astype(np.float32)
    return Layers(image[..., :3], picture.alpha.astype(np.float32), image[..., 3], image[..., 4])
