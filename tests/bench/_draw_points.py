"""Points with any channels through a pinhole camera, drawn by the engine's GPU passes.

What the paper's renderer does, three channels at a time as colors; no scene is needed.
"""

from __future__ import annotations

from collections.abc import Iterator

import gpu
import numpy as np
from make_4d.geometry.core.camera import FloatArray
from make_4d.geometry.core.splat import Splats
from make_4d.render import gpu_tools, splat_pass
from make_4d.render.channels import column_count
from make_4d.render.extract import Cloud
from make_4d.render.frame_request import DiscRule, FrameRequest
from make_4d.render.gpu_tools import GpuCache
from make_4d.render.nearest_pass import NearestPass
from make_4d.render.point_store import PointStore
from make_4d.render.scene_points import VisiblePoints, draw_order
from make_4d.render.view import View
from numpy.typing import NDArray

PAPER_RULE = DiscRule(min_radius=0.0, least_falloff=0.0)
_SHADERS = GpuCache()
"""Kept as long as the process: outside of a render, Blender may mistake a new shader for the bound
one that was freed at the same address."""
_FARTHEST = 1e36
_NEAREST = 1e-36


def draw(
    position: FloatArray,
    radius_px: NDArray[np.floating],
    channels: FloatArray,
    lens: tuple[float, float, float, float],
    size: tuple[int, int],
    nearest: int,
    method: str,
) -> tuple[FloatArray, FloatArray]:
    """Draw points, composited front to back.

    Args:
        position: (P, 3) in the camera frame.
        radius_px: (P,) radius in pixels, however small.
        channels: (P, C).
        lens: (fx, fy, cx, cy) in pixels.
        size: (h, w) of the image.
        nearest: number of points that NEAREST composites in a pixel.
        method: NEAREST, or SORTED for all points.

    Returns:
        Premultiplied channels (h, w, C) and alpha (h, w).

    Raises:
        GpuUnavailableError: no GPU, or no room.
    """
    view = View(np.eye(4), lens[:2], lens[2:], size[1], size[0], (_NEAREST, _FARTHEST))
    request = FrameRequest(view, frozenset({"Combined"}), None, nearest, PAPER_RULE)
    drawn = _nearest if method == "NEAREST" else _sorted
    image = np.empty((*size, channels.shape[1]), np.float32)
    alpha = np.zeros(size, np.float32)
    with gpu_tools.gpu_errors():
        parts = drawn(position, np.abs(radius_px), _triples(channels), request)
        for first, part in zip(range(0, channels.shape[1], 3), parts, strict=True):
            image[..., first : first + 3] = part[0][..., : channels.shape[1] - first]
            alpha = part[1]
    return image, alpha


def _triples(channels: FloatArray) -> Iterator[FloatArray]:
    """The channels as opaque colors (P, 4), three at a time."""
    for first in range(0, channels.shape[1], 3):
        color = np.zeros((len(channels), 4), np.float32)
        part = channels[:, first : first + 3]
        color[:, : part.shape[1]], color[:, 3] = part, 1.0
        yield color


def _nearest(
    position: FloatArray,
    radius: NDArray[np.floating],
    colors: Iterator[FloatArray],
    request: FrameRequest,
) -> Iterator[tuple[FloatArray, FloatArray]]:
    # The pass turns a radius in the scene into pixels: r_px = r f / z.
    focal = np.sqrt(request.view.focal[0] * request.view.focal[1])
    scene_radius = (radius * position[:, 2] / focal).astype(np.float32)
    store, nearest = PointStore(), NearestPass(request.size, len(position), _SHADERS)
    zeros, no = np.zeros(len(position), np.float32), np.zeros(len(position), bool)
    for color in colors:
        cloud = Cloud(
            np.ascontiguousarray(position, np.float32), np.eye(4), scene_radius, color,
            zeros, zeros, zeros, zeros, no, False, False,
        )  # fmt: skip
        store.update([cloud])
        targets = nearest.draw(store, request)[0]
        frame = gpu.types.GPUFrameBuffer(color_slots=tuple(targets))
        with frame.bind():
            image = gpu_tools.read_target(frame, 0, request.size).copy()
        yield image[..., :3], image[..., 3]


def _sorted(
    position: FloatArray,
    radius: NDArray[np.floating],
    colors: Iterator[FloatArray],
    request: FrameRequest,
) -> Iterator[tuple[FloatArray, FloatArray]]:
    front = position[:, 2] >= _NEAREST
    x, y, z = position[front].T.astype(np.float64)
    focal, center = request.view.focal, request.view.center
    u, v = focal[0] * x / z + center[0], focal[1] * y / z + center[1]
    splats = Splats(*(a.astype(np.float32) for a in (u, v, z, radius[front])))
    zeros, no = np.zeros_like(splats.u), np.zeros(len(z), bool)
    channels = np.zeros((len(z), column_count(request.channels)), np.float32)
    for color in colors:
        points = VisiblePoints(splats, zeros, color[front], channels, no, no)
        with splat_pass.gpu_drawing(points, request, _SHADERS) as drawing:
            buffers = drawing(draw_order(points, request.view))
        yield buffers.color, buffers.alpha
