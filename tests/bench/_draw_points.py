"""Points with any features through a pinhole camera: what the paper's renderer does, on the GPU.

The engine's own passes draw it, three channels at a time; nothing of a scene is needed.
"""

from __future__ import annotations

from collections.abc import Iterator

import gpu
import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray
from ..geometry.core.splat import Splats
from . import gpu_tools, splat_pass
from .extract import Cloud
from .frame_request import PAPER_RULE, FrameRequest
from .nearest_pass import Method, NearestPass
from .point_store import PointStore
from .scene_points import Seen, draw_order
from .view import View

_FARTHEST = 1e36
_NEAREST = 1e-36


def draw(
    position: FloatArray,
    radius_px: NDArray[np.floating],
    features: FloatArray,
    lens: tuple[float, float, float, float],
    size: tuple[int, int],
    nearest: int,
    method: str,
) -> tuple[FloatArray, FloatArray]:
    """Premultiplied features (h, w, C) and alpha (h, w) of points composited front to back.

    position (P, 3) in the camera frame; radius_px (P,) pixels, however small; features (P, C);
    lens (fx, fy, cx, cy); method: NEAREST counts the `nearest` nearest points of a pixel, SORTED
    counts all. Raises GpuUnavailableError.
    """
    view = View(np.eye(4), lens[:2], lens[2:], size[1], size[0], (_NEAREST, _FARTHEST))
    film = FrameRequest(view, frozenset({"Combined"}), None, nearest, PAPER_RULE)
    drawn = _nearest if method == "NEAREST" else _sorted
    image = np.empty((*size, features.shape[1]), np.float32)
    alpha = np.zeros(size, np.float32)
    with gpu_tools.gpu_errors():
        pictures = drawn(position, np.abs(radius_px), _triples(features), film)
        for first, picture in zip(range(0, features.shape[1], 3), pictures, strict=True):
            image[..., first : first + 3] = picture[0][..., : features.shape[1] - first]
            alpha = picture[1]
    return image, alpha


def _triples(features: FloatArray) -> Iterator[FloatArray]:
    """The features as opaque colors (P, 4), three channels at a time."""
    for first in range(0, features.shape[1], 3):
        color = np.zeros((len(features), 4), np.float32)
        part = features[:, first : first + 3]
        color[:, : part.shape[1]], color[:, 3] = part, 1.0
        yield color


def _nearest(
    position: FloatArray,
    radius: NDArray[np.floating],
    colors: Iterator[FloatArray],
    film: FrameRequest,
) -> Iterator[tuple[FloatArray, FloatArray]]:
    # The pass turns a radius in the scene into pixels: r_px = r f / z.
    focal = np.sqrt(film.view.focal[0] * film.view.focal[1])
    scene_radius = (radius * position[:, 2] / focal).astype(np.float32)
    store, nearest_pass = PointStore(), NearestPass(film.size, len(position))
    zeros, no = np.zeros(len(position), np.float32), np.zeros(len(position), bool)
    for color in colors:
        cloud = Cloud(
            np.ascontiguousarray(position, np.float32), np.eye(4), scene_radius, color,
            zeros, zeros, zeros, zeros, no, False, False,
        )  # fmt: skip
        store.update([cloud])
        method = Method(film.nearest, film.rule)
        pictures = nearest_pass.draw(store, film.view, method)[0]
        frame = gpu.types.GPUFrameBuffer(color_slots=tuple(pictures))
        with frame.bind():
            picture = gpu_tools.picture_of(frame, 0, film.size).copy()
        yield picture[..., :3], picture[..., 3]


def _sorted(
    position: FloatArray,
    radius: NDArray[np.floating],
    colors: Iterator[FloatArray],
    film: FrameRequest,
) -> Iterator[tuple[FloatArray, FloatArray]]:
    front = position[:, 2] >= _NEAREST
    x, y, z = position[front].T.astype(np.float64)
    focal, center = film.view.focal, film.view.center
    u, v = focal[0] * x / z + center[0], focal[1] * y / z + center[1]
    splats = Splats(*(a.astype(np.float32) for a in (u, v, z, radius[front])))
    zeros, no = np.zeros_like(splats.u), np.zeros(len(z), bool)
    for color in colors:
        features = np.zeros((len(z), 4), np.float32)
        seen = Seen(splats, zeros, color[front], features, no, no)
        with splat_pass.gpu_drawing(seen, film) as drawing:
            layers = drawing(draw_order(seen, film.view))
        yield layers.color, layers.alpha
