"""A test image that shows whether this GPU draws the nearest points correctly."""

from __future__ import annotations

import gpu
import numpy as np

from ..geometry.core.camera import FloatArray
from ..geometry.core.render_passes import COMBINED
from ..geometry.core.splat import PAPER_NEAREST
from . import gpu_tools
from .extract import Cloud
from .frame_request import FrameRequest
from .gpu_tools import GpuCache
from .nearest_pass import NearestPass
from .point_store import PointStore
from .view import View

_SIZE = (4, 4)
_POINTS = 500


def supports_nearest(cache: GpuCache) -> bool:
    """Whether image atomics work on this GPU.

    Five hundred points fall into the middle of one pixel, and only the nearest is white: a list
    that loses a point under contention gives another image.
    """
    try:
        with gpu_tools.gpu_errors():
            image = probe_image(cache)
    except gpu_tools.GpuUnavailableError:
        return False
    is_white = np.allclose(image[1, 1], 1.0, atol=1e-3)
    return bool(is_white and not image[3, 3].any())


def probe_image(cache: GpuCache) -> FloatArray:
    """The test image (4, 4, 4): white in pixel (1, 1), empty in pixel (3, 3)."""
    depth = np.linspace(3.0, 2.0, _POINTS, dtype=np.float32)
    position = np.stack([-0.5 * depth, -0.5 * depth, depth], axis=1)
    color = np.zeros((_POINTS, 4), np.float32)
    color[:, 3] = 1.0
    color[-1] = 1.0
    zeros = np.zeros(_POINTS, np.float32)
    still = np.zeros(_POINTS, bool)
    cloud = Cloud(
        position, np.eye(4), depth, color, zeros, zeros, zeros, zeros, still, False, False
    )
    store = PointStore()
    store.update([cloud])
    view = View(np.eye(4), (1.0, 1.0), (2.0, 2.0), _SIZE[1], _SIZE[0], (0.1, 10.0))
    request = FrameRequest(view, frozenset({COMBINED.name}), None, PAPER_NEAREST)
    targets = NearestPass(_SIZE, _POINTS, cache).draw(store, request)[0]
    frame = gpu.types.GPUFrameBuffer(color_slots=tuple(targets))
    with frame.bind():
        return gpu_tools.read_target(frame, 0, _SIZE).copy()
