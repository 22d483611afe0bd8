"""Whether this GPU draws the exact method right: seen by drawing, not asked."""

from __future__ import annotations

from functools import cache

import gpu
import numpy as np

from . import gpu_tools
from .extract import Cloud
from .nearest_pass import Method, NearestPass
from .point_store import PointStore
from .view import View

_SIZE = (4, 4)
_POINTS = 500


@cache
def nearest_works() -> bool:
    """Whether image atomics do what they should.

    Five hundred points lie in the middle of one pixel, the nearest one alone in white: a list that
    loses a point under contention, or isn't one, gives another picture. Asked once.
    """
    try:
        with gpu_tools.gpu_errors():
            picture = _probe()
    except gpu_tools.GpuUnavailableError:
        return False
    right = np.allclose(picture[1, 1], 1.0, atol=1e-3)
    return bool(right and not picture[3, 3].any())


def _probe() -> np.ndarray:
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
    pictures = NearestPass(_SIZE, _POINTS).draw(store, view, Method())[0]
    frame = gpu.types.GPUFrameBuffer(color_slots=tuple(pictures))
    with frame.bind():
        return gpu_tools.picture_of(frame, 0, _SIZE).copy()
