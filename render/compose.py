"""From accumulated buffers to finished passes, in numpy: symmetric mix, background, data passes.

The reference of `finish_frag.glsl`; it also finishes the images of the method Sorted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..geometry.core.camera import FloatArray
from ..geometry.core.flow import symmetric_weights
from ..geometry.core.render_passes import Blend, RenderPass
from .channels import DISPARITY, Channel, channel_of
from .frame_request import FULL_COVERAGE, FrameRequest

_LEAST_ALPHA = 1e-6


@dataclass(frozen=True)
class SplatBuffers:
    """What splatting accumulates, top row first.

    Attributes:
        color: (h, w, 3) scene-linear, premultiplied.
        alpha: (h, w) accumulated alpha.
        channels: each (h, w) or (h, w, C), multiplied by alpha like the color.
    """

    color: FloatArray
    alpha: FloatArray
    channels: Mapping[Channel, FloatArray]


def mix(forward: SplatBuffers, backward: SplatBuffers, phase: float) -> SplatBuffers:
    """Mix the images of the forward and backward copies at `phase` = t / N of the loop.

    The symmetric animation of the paper (eq. 8; 3D Moments): the weights are those of
    `flow.symmetric_weights`, and unpremultiplied values are mixed. Where the heaviest point counts,
    the value of the image with the larger weight is taken.
    """
    near_f = _unpremultiplied(forward.channels[DISPARITY], forward.alpha)
    near_b = _unpremultiplied(backward.channels[DISPARITY], backward.alpha)
    w_f, w_b = symmetric_weights(phase, 1.0, near_f, near_b, forward.alpha, backward.alpha)
    alpha = (w_f * forward.alpha + w_b * backward.alpha).astype(np.float32)

    def mixed(values_f: FloatArray, values_b: FloatArray, blend: Blend = Blend.MEAN) -> FloatArray:
        values_f = _unpremultiplied(values_f, forward.alpha)
        values_b = _unpremultiplied(values_b, backward.alpha)
        if blend is Blend.HEAVIEST:
            return np.where(w_b > w_f, values_b, values_f) * alpha
        return _times(values_f, w_f * alpha) + _times(values_b, w_b * alpha)

    channels = {
        channel: mixed(values, backward.channels[channel], channel.blend)
        for channel, values in forward.channels.items()
    }
    return SplatBuffers(mixed(forward.color, backward.color), alpha, channels)


def finished_passes(buffers: SplatBuffers, request: FrameRequest) -> dict[str, FloatArray]:
    """The requested passes by name, (h, w) or (h, w, C), bottom row first as in Blender."""
    return {each.name: _finished(each, buffers, request)[::-1] for each in request.passes}


def combined(buffers: SplatBuffers, background: tuple[float, float, float] | None) -> FloatArray:
    """Premultiplied RGBA (h, w, 4): over `background`, or as accumulated if that is None.

    Over a background, colors are divided by the accumulated alpha, so that gaps between discs don't
    darken. The background shows only where the alpha is below FULL_COVERAGE.
    """
    result = np.empty((*buffers.alpha.shape, 4), np.float32)
    if background is None:
        result[..., :3], result[..., 3] = buffers.color, buffers.alpha
        return result
    covered = np.minimum(buffers.alpha / FULL_COVERAGE, 1.0)
    color = _times(_unpremultiplied(buffers.color, buffers.alpha), covered)
    result[..., :3] = color + (1.0 - covered)[..., None] * np.asarray(background, np.float32)
    result[..., 3] = 1.0
    return result


def _finished(render_pass: RenderPass, buffers: SplatBuffers, request: FrameRequest) -> FloatArray:
    """A pass, top row first."""
    if render_pass.blend is Blend.COLOR:
        return combined(buffers, request.background)
    values = _unpremultiplied(buffers.channels[channel_of(render_pass)], buffers.alpha)
    if render_pass.blend is Blend.HEAVIEST:
        values = np.round(values)
    if render_pass.inverted:
        values = 1.0 - values
    covered = buffers.alpha > FULL_COVERAGE
    covered = covered if values.ndim == 2 else covered[..., None]
    return np.where(covered, values, np.float32(render_pass.empty)).astype(np.float32)


def _unpremultiplied(values: FloatArray, alpha: FloatArray) -> FloatArray:
    """Values (h, w) or (h, w, C) divided by alpha (h, w), 0 where nothing is drawn."""
    drawn = alpha > _LEAST_ALPHA
    scale = np.where(drawn, 1.0 / np.maximum(alpha, _LEAST_ALPHA), 0.0).astype(np.float32)
    return _times(values, scale)


def _times(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Values (h, w) or (h, w, C) times a weight (h, w)."""
    return values * (weight if values.ndim == weight.ndim else weight[..., None])
