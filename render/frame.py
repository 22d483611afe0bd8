"""One frame: the picture of all clouds, drawn once or twice and mixed.

Nothing here knows what draws: an `OpenDrawing` is the GPU pass or its numpy twin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import numpy as np

from ..geometry.core.splat import UNDERPAINT_GAIN, Splats, composite
from .compose import Layers, mix
from .extract import Cloud
from .occlusion import without_hidden
from .scene_points import Order, Seen, draw_order, seen_points, without
from .view import View

Draw = Callable[[Order], Layers]
"""Draws splats of the `Seen` that it was opened with, in the order given."""
OpenDrawing = Callable[[Seen, tuple[int, int]], AbstractContextManager[Draw]]
"""Makes points ready to be drawn into pictures of size (h, w)."""


def render_clouds(clouds: Sequence[Cloud], view: View, open_drawing: OpenDrawing) -> Layers:
    """Picture of the clouds; moving ones as a symmetric mix of their forward and backward copies.

    Still and forward points make one picture, still and backward points the other; at the start of
    the loop, and without backward points, the first is the result.
    """
    seen = seen_points(clouds, view)
    order = draw_order(seen, view)
    share = backward_share(clouds)
    size = (view.height, view.width)
    with open_drawing(seen, size) as draw:
        forward = draw(without_hidden(without(order, seen.backward), seen, size))
        if share == 0.0:
            return forward
        backward = draw(without_hidden(without(order, seen.forward), seen, size))
        return mix(forward, backward, share)


def backward_share(clouds: Sequence[Cloud]) -> float:
    """t / N of the loop: the largest weight of a backward copy, 0 where there is none."""
    weights = [c.weight[c.backward] for c in clouds if c.moving]
    largest = max((float(w.max(initial=0.0)) for w in weights), default=0.0)
    return min(max(largest, 0.0), 1.0)


@contextmanager
def cpu_drawing(seen: Seen, size: tuple[int, int]) -> Iterator[Draw]:
    """The numpy renderer as an `OpenDrawing`."""
    rest = np.stack([seen.disparity, seen.splats.z], axis=1)
    features = np.concatenate([seen.color[:, :3], rest], axis=1)

    def draw(order: Order) -> Layers:
        # The reference sorts by depth itself, and of equal depths takes the lower index as nearer.
        front_first = order[::-1]
        under = front_first < 0
        splat = np.where(under, -1 - front_first, front_first)
        discs = Splats(
            seen.splats.u[splat],
            seen.splats.v[splat],
            np.arange(len(splat), dtype=np.float64),
            np.where(under, seen.under[splat], seen.splats.radius[splat]),
        )
        gain = np.where(under, UNDERPAINT_GAIN, 1.0)
        picture = composite(discs, features[splat], size, opacity=seen.color[splat, 3], gain=gain)
        image, alpha = picture.image.astype(np.float32), picture.alpha.astype(np.float32)
        return Layers(image[..., :3], alpha, image[..., 3], image[..., 4])

    yield draw
