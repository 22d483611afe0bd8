"""One frame of the method Sorted: all clouds drawn once, or twice and mixed.

Nothing here knows what draws: an `OpenDrawing` is the GPU's sorted pass or its numpy reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import numpy as np

from ..geometry.core.camera import FloatArray
from ..geometry.core.splat import UNDERPAINT_GAIN, Splats, composite
from .channels import column_slices
from .compose import SplatBuffers, finished_passes, mix
from .extract import Cloud
from .frame_request import FrameRequest
from .occlusion import without_hidden
from .scene_points import Order, VisiblePoints, draw_order, visible_points, without

Draw = Callable[[Order], SplatBuffers]
"""Draws splats of the `VisiblePoints` it was opened with, in the given order."""
OpenDrawing = Callable[[VisiblePoints, FrameRequest], AbstractContextManager[Draw]]
"""Prepares points for drawing a frame."""


def render_clouds(
    clouds: Sequence[Cloud],
    request: FrameRequest,
    open_drawing: OpenDrawing,
    motion: FloatArray | None = None,
) -> dict[str, FloatArray]:
    """The requested passes by name, (h, w) or (h, w, C), bottom row first.

    Still and forward points make one image, still and backward points the other, and the two are
    mixed. At the start of the loop, and without backward points, the first image is the result.

    Args:
        clouds: all clouds to draw.
        request: the frame.
        open_drawing: what draws.
        motion: (P, 4) motion vectors of all points, if a requested pass needs them.
    """
    points = visible_points(clouds, request, motion)
    order = draw_order(points, request.view)
    phase = loop_phase(clouds)
    with open_drawing(points, request) as draw:
        buffers = draw(without_hidden(without(order, points.backward), points, request.size))
        if phase > 0.0:
            backward = draw(without_hidden(without(order, points.forward), points, request.size))
            buffers = mix(buffers, backward, phase)
    return finished_passes(buffers, request)


def loop_phase(clouds: Sequence[Cloud]) -> float:
    """Phase t / N of the loop: the largest weight of a backward copy, 0 without such copies."""
    weights = [c.weight[c.backward] for c in clouds if c.moving]
    largest = max((float(w.max(initial=0.0)) for w in weights), default=0.0)
    return min(max(largest, 0.0), 1.0)


@contextmanager
def cpu_drawing(points: VisiblePoints, request: FrameRequest) -> Iterator[Draw]:
    """The numpy renderer as an `OpenDrawing`."""
    columns = np.concatenate([points.color[:, :3], points.channels], axis=1)
    yield lambda order: _composited(order, points, columns, request)


def _composited(
    order: Order, points: VisiblePoints, columns: FloatArray, request: FrameRequest
) -> SplatBuffers:
    # `composite` sorts by depth itself and, of equal depths, draws the lower index in front.
    front_first = order[::-1]
    under = front_first < 0
    splat = np.where(under, -1 - front_first, front_first)
    discs = Splats(
        points.splats.u[splat],
        points.splats.v[splat],
        np.arange(len(splat), dtype=np.float64),
        np.where(under, points.under[splat], points.splats.radius[splat]),
    )
    gain = np.where(under, UNDERPAINT_GAIN, 1.0)
    opacity = points.color[splat, 3]
    least = request.rule.least_falloff
    result = composite(discs, columns[splat], request.size, request.nearest, opacity, gain, least)
    image, alpha = result.image.astype(np.float32), result.alpha.astype(np.float32)
    return buffers_of(image[..., :3], alpha, image[..., 3:], request)


def buffers_of(
    color: FloatArray, alpha: FloatArray, columns: FloatArray, request: FrameRequest
) -> SplatBuffers:
    """Buffers of a drawn color (h, w, 3), alpha (h, w) and columns of all channels (h, w, C)."""
    channels = {}
    for channel, where in column_slices(request.channels).items():
        values = columns[..., where]
        channels[channel] = values[..., 0] if channel.width == 1 else values
    return SplatBuffers(color, alpha, channels)
