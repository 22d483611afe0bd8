"""One frame of the sorted method: the passes of all clouds, drawn once or twice and mixed.

Nothing here knows what draws: an `OpenDrawing` is the GPU pass or its numpy twin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import numpy as np

from ..geometry.core.camera import FloatArray
from ..geometry.core.splat import UNDERPAINT_GAIN, Splats, composite
from . import timing
from .compose import Layers, mix, passes
from .extract import Cloud
from .frame_request import FrameRequest
from .occlusion import without_hidden
from .scene_points import Order, Seen, draw_order, feature_columns, seen_points, without

Draw = Callable[[Order], Layers]
"""Draws splats of the `Seen` that it was opened with, in the order given."""
OpenDrawing = Callable[[Seen, FrameRequest], AbstractContextManager[Draw]]
"""Makes points ready to be drawn into pictures for a film."""


def render_clouds(
    clouds: Sequence[Cloud],
    film: FrameRequest,
    open_drawing: OpenDrawing,
    motion: FloatArray | None = None,
) -> dict[str, FloatArray]:
    """Finished passes of the clouds; moving ones as a symmetric mix of their two copies.

    Still and forward points make one picture, still and backward points the other; at the start of
    the loop, and without backward points, the first is the result.
    """
    with timing.part("sort"):
        seen = seen_points(clouds, film, motion)
        order = draw_order(seen, film.view)
    phase = loop_phase(clouds)
    with open_drawing(seen, film) as draw:
        layers = draw(without_hidden(without(order, seen.backward), seen, film.size))
        if phase > 0.0:
            backward = draw(without_hidden(without(order, seen.forward), seen, film.size))
            layers = mix(layers, backward, phase)
    return passes(layers, film)


def loop_phase(clouds: Sequence[Cloud]) -> float:
    """t / N of the loop: the largest weight of a backward copy, 0 where there is none."""
    weights = [c.weight[c.backward] for c in clouds if c.moving]
    largest = max((float(w.max(initial=0.0)) for w in weights), default=0.0)
    return min(max(largest, 0.0), 1.0)


@contextmanager
def cpu_drawing(seen: Seen, film: FrameRequest) -> Iterator[Draw]:
    """The numpy renderer as an `OpenDrawing`."""
    features = np.concatenate([seen.color[:, :3], seen.features], axis=1)
    yield lambda order: _composited(order, seen, features, film)


def _composited(order: Order, seen: Seen, features: FloatArray, film: FrameRequest) -> Layers:
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
    opacity = seen.color[splat, 3]
    picture = composite(
        discs, features[splat], film.size, film.nearest, opacity, gain, film.rule.least_falloff
    )
    image, alpha = picture.image.astype(np.float32), picture.alpha.astype(np.float32)
    return layers_of(image[..., :3], alpha, image[..., 3:], film)


def layers_of(
    color: FloatArray, alpha: FloatArray, features: FloatArray, film: FrameRequest
) -> Layers:
    """Layers of drawn pictures: (h, w, 3), (h, w) and all features (h, w, F)."""
    columns = feature_columns(film)
    named = {name: features[..., columns[name]] for name in columns}
    return Layers(color, alpha, {n: f[..., 0] if f.shape[2] == 1 else f for n, f in named.items()})
