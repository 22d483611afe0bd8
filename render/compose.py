"""From drawn layers to the finished picture: the symmetric mix, the background, the depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry.core.camera import FloatArray
from ..geometry.core.flow import symmetric_weights

FULL_COVERAGE = 0.05
"""Accumulated alpha from which a pixel of an opaque film shows no background."""
NO_DEPTH = 1e10
"""Depth where nothing is, as in Blender's own engines."""


@dataclass(frozen=True)
class Layers:
    """What a pass accumulates, each (h, w), top row first.

    color (h, w, 3) premultiplied scene-linear; alpha; disparity and depth, each multiplied by its
    alpha and composited like a colour.
    """

    color: FloatArray
    alpha: FloatArray
    disparity: FloatArray
    depth: FloatArray


def mix(forward: Layers, backward: Layers, share: float) -> Layers:
    """Symmetric mix of two pictures at `share` = t / N of the loop (paper, eq. 8; 3D Moments).

    The weights are those of `flow.symmetric_weights`; the pictures mix unpremultiplied.
    """
    near_f = _divided(forward.disparity, forward.alpha)
    near_b = _divided(backward.disparity, backward.alpha)
    first, second = symmetric_weights(share, 1.0, near_f, near_b, forward.alpha, backward.alpha)
    alpha = (first * forward.alpha + second * backward.alpha).astype(np.float32)

    def mixed(one: FloatArray, other: FloatArray) -> FloatArray:
        a, b = _divided(one, forward.alpha), _divided(other, backward.alpha)
        return _times(a, first * alpha) + _times(b, second * alpha)

    return Layers(
        mixed(forward.color, backward.color),
        alpha,
        mixed(forward.disparity, backward.disparity),
        mixed(forward.depth, backward.depth),
    )


def film(layers: Layers, background: Sequence[float] | None) -> FloatArray:
    """Premultiplied RGBA (h, w, 4): over `background`, or as accumulated where that is None.

    Over a background the colours are divided by the accumulated alpha, so that gaps between discs
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


def depth_pass(layers: Layers) -> FloatArray:
    """Depth (h, w) in scene units along the view direction, NO_DEPTH where nothing is."""
    depth = _divided(layers.depth, layers.alpha)
    return np.where(layers.alpha > FULL_COVERAGE, depth, np.float32(NO_DEPTH))


def _divided(values: FloatArray, alpha: FloatArray) -> FloatArray:
    scale = np.where(alpha > 1e-6, 1.0 / np.maximum(alpha, 1e-6), 0.0).astype(np.float32)
    return _times(values, scale)


def _times(values: FloatArray, weight: FloatArray) -> FloatArray:
    return values * (weight if values.ndim == weight.ndim else weight[..., None])
