"""From drawn layers to finished passes, in numpy: the symmetric mix, the film, the data passes.

The plain twin of `finish_frag.glsl`, and what finishes the pictures of the sorted method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry.core.camera import FloatArray
from ..geometry.core.flow import symmetric_weights
from .frame_request import FULL_COVERAGE, NO_DEPTH, NO_LAYER, FrameRequest


@dataclass(frozen=True)
class Layers:
    """What a pass accumulates, top row first.

    color (h, w, 3) premultiplied scene-linear; alpha (h, w); features: by name (h, w) or (h, w, C),
    multiplied by their alpha and composited like colors: disparity, depth, known, layer and,
    where asked for, position in the world and vector.
    """

    color: FloatArray
    alpha: FloatArray
    features: dict[str, FloatArray]


def mix(forward: Layers, backward: Layers, phase: float) -> Layers:
    """Symmetric mix of two pictures at `phase` = t / N of the loop (paper, eq. 8; 3D Moments).

    The weights are those of `flow.symmetric_weights`; the pictures mix unpremultiplied. An index
    can't be mixed: that of the picture that counts more is taken.
    """
    near_f = _divided(forward.features["disparity"], forward.alpha)
    near_b = _divided(backward.features["disparity"], backward.alpha)
    first, second = symmetric_weights(phase, 1.0, near_f, near_b, forward.alpha, backward.alpha)
    alpha = (first * forward.alpha + second * backward.alpha).astype(np.float32)

    def mixed(one: FloatArray, other: FloatArray) -> FloatArray:
        a, b = _divided(one, forward.alpha), _divided(other, backward.alpha)
        return _times(a, first * alpha) + _times(b, second * alpha)

    both = forward.features
    features = {name: mixed(both[name], backward.features[name]) for name in both}
    layer_f, layer_b = (_divided(p.features["layer"], p.alpha) for p in (forward, backward))
    features["layer"] = np.where(second > first, layer_b, layer_f) * alpha
    return Layers(mixed(forward.color, backward.color), alpha, features)


def passes(layers: Layers, film: FrameRequest) -> dict[str, FloatArray]:
    """The passes of `film` (h, w) or (h, w, C), rows from the bottom as Blender wants them."""
    data = {n: _divided(values, layers.alpha) for n, values in layers.features.items()}
    finished = {
        "Combined": combined(layers, film.background),
        "Depth": _seen(data["depth"], layers, NO_DEPTH),
        "Disocclusion": _seen(1.0 - data["observed"], layers, 0.0),
        "Layer": _seen(np.round(data["layer"]), layers, NO_LAYER),
    }
    for name in ("Position", "Vector"):
        if name in film.passes:
            finished[name] = _seen(data[name.lower()], layers, 0.0)
    return {name: finished[name][::-1] for name in film.passes}


def combined(layers: Layers, background: tuple[float, float, float] | None) -> FloatArray:
    """Premultiplied RGBA (h, w, 4): over `background`, or as accumulated where that is None.

    Over a background the colors are divided by the accumulated alpha, so that gaps between discs
    don't darken; only where hardly anything is drawn does the background come in.
    """
    result = np.empty((*layers.alpha.shape, 4), np.float32)
    if background is None:
        result[..., :3], result[..., 3] = layers.color, layers.alpha
        return result
    covered = np.minimum(layers.alpha / FULL_COVERAGE, 1.0)
    color = _times(_divided(layers.color, layers.alpha), covered)
    result[..., :3] = color + (1.0 - covered)[..., None] * np.asarray(background, np.float32)
    result[..., 3] = 1.0
    return result


def _seen(values: FloatArray, layers: Layers, nothing: float) -> FloatArray:
    """The values where something is drawn, `nothing` elsewhere."""
    covered = layers.alpha > FULL_COVERAGE
    covered = covered if values.ndim == 2 else covered[..., None]
    return np.where(covered, values, np.float32(nothing)).astype(np.float32)


def _divided(values: FloatArray, alpha: FloatArray) -> FloatArray:
    scale = np.where(alpha > 1e-6, 1.0 / np.maximum(alpha, 1e-6), 0.0).astype(np.float32)
    return _times(values, scale)


def _times(values: FloatArray, weight: FloatArray) -> FloatArray:
    return values * (weight if values.ndim == weight.ndim else weight[..., None])
