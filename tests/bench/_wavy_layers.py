"""A scene for benchmarks: layers of wavy height fields that fill the image, as of a photo."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEPTHS = (2.0, 5.0, 20.0)
"""Depths of the layers, nearest first; the nearer ones have holes."""
MARGIN = 0.05
"""How far the layers extend beyond the image, in fractions of its width and height."""
_FILLED = 2.0  # points of all layers per pixel of the photo


def wavy_clouds(cloud: type, count: int, size: tuple[int, int], moving: bool = False) -> list[Any]:
    """About `count` points of three layers, for a camera at the origin.

    Args:
        cloud: the class `render.extract.Cloud`.
        count: number of points.
        size: (h, w) of the image; its focal length in pixels is its width.
        moving: whether the farthest layer is a cloud of its own: the forward and the backward copy
            of moving points, at a third of the loop.
    """
    height, width = size
    columns = np.sqrt(count / _FILLED * width / height)
    across = np.linspace(-MARGIN, 1 + MARGIN, max(2, round(columns)))
    down = np.linspace(-MARGIN, 1 + MARGIN, max(2, round(columns * height / width)))
    pixels = float(columns / (1 + 2 * MARGIN))
    x, y = (part.ravel().astype(np.float32) for part in np.meshgrid(across, down))
    layers = [_layer(cloud, index, x, y, height / width, pixels) for index in range(len(DEPTHS))]
    if not moving:
        return [_joined(layers)]
    far = layers[-1]
    copies = [_copy(far, *each) for each in ((0.05, False, 2 / 3), (-0.1, True, 1 / 3))]
    return [_joined(layers[:-1]), replace(_joined(copies), moving=True)]


def _layer(cloud: type, index: int, x: NDArray, y: NDArray, aspect: float, pixels: float) -> Any:
    """The points of one layer.

    Args:
        cloud: the class `render.extract.Cloud`.
        index: of the layer.
        x, y: (P,) positions in the image, 0 to 1.
        aspect: height of the image divided by its width.
        pixels: width of the image in pixels of the photo.
    """
    phase = 2.4 * index
    wave = np.sin(9 * x + phase) * np.cos(7 * y - phase)
    if index < len(DEPTHS) - 1:
        inside = wave > -0.02
        x, y, wave = x[inside], y[inside], wave[inside]
    depth = (DEPTHS[index] * (1 + 0.12 * wave + 0.02 * np.sin(90 * x + 70 * y))).astype(np.float32)
    rays = np.stack([x - 0.5, (y - 0.5) * aspect, np.ones_like(x)], axis=1)
    shades = [0.5 + 0.5 * np.sin(f * x + g * y + index) for f, g in ((60, 9), (13, 80), (170, 110))]
    one = np.ones_like(x)
    return cloud(
        position=rays * depth[:, None],
        matrix=np.eye(4),
        radius=depth / np.float32(pixels),
        color=np.stack([*shades, one], axis=1).astype(np.float32),
        disparity=1 / depth,
        observed=(wave > 0).astype(np.float32),
        layer=one * np.float32(index),
        weight=one,
        backward=np.zeros(len(x), bool),
        moving=False,
        from_photo=True,
        key=("wavy", index),
    )


def _copy(cloud: Any, shift: float, backward: bool, weight: float) -> Any:
    """The points shifted to the right, as one of the two copies of a moving cloud."""
    return replace(
        cloud,
        position=cloud.position + np.float32([[shift, 0.0, 0.0]]),
        backward=np.full_like(cloud.backward, backward),
        weight=np.full_like(cloud.weight, weight),
    )


def _joined(clouds: list[Any]) -> Any:
    """One cloud of several that differ only in their arrays."""
    names = ("position", "radius", "color", "disparity", "observed", "layer", "weight", "backward")
    return replace(
        clouds[0], **{n: np.concatenate([getattr(cloud, n) for cloud in clouds]) for n in names}
    )
