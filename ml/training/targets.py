"""What the network should give for a batch of samples: targets and weights at its output's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...geometry.worlds.samples import Kind
from ..scene.maps import STRIDE
from .samples import Sample

STEP = 1.15
"""A silhouette is where neighboring depths differ by more than this factor."""
GOES_ON = 2.0
"""And by more than this times the next difference behind the nearer one."""
EDGE_SIGMA = 1.5
"""Standard deviation in pixels of the blur of the borders, where errors count more."""
EDGE_WEIGHT = 3.0
"""How much more an error counts on a border."""


@dataclass(frozen=True)
class Targets:
    """Targets of a batch; all but `image` are (N, H / 2, W / 2) float32.

    A target is NaN where it isn't taught.

    Attributes:
        image: (N, 3, H, W) float32, rgb * 2 - 1.
        log_disparity: NaN in the sky too.
        sky: 0..1.
        clouds: 0..1; NaN off the sky.
        water, falls, flat: 0 or 1.
        silhouettes: 0 or 1.
        latitude: radians.
        weight: How much an error counts, 1 or more: more on borders.
    """

    image: Tensor
    log_disparity: Tensor
    sky: Tensor
    clouds: Tensor
    water: Tensor
    falls: Tensor
    flat: Tensor
    silhouettes: Tensor
    latitude: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> Targets:
        """Return the targets on a device."""
        return Targets(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def targets_of(samples: Sequence[Sample]) -> Targets:
    """Return the targets of samples of one size."""
    image = np.stack([sample.image for sample in samples])
    image_tensor = torch.from_numpy(image).permute(0, 3, 1, 2).float() / 127.5 - 1
    maps = [maps_of(sample) for sample in samples]
    stacked = {name: torch.from_numpy(np.stack([m[name] for m in maps])) for name in maps[0]}
    return Targets(image=image_tensor.contiguous(memory_format=torch.channels_last), **stacked)


def maps_of(sample: Sample) -> dict[str, NDArray[np.float32]]:
    """Return the targets (H / 2, W / 2) of one sample by name."""
    height, width = (n // STRIDE for n in sample.size)

    def mean(array: NDArray[np.float32]) -> NDArray[np.float32]:
        return cv2.resize(array, (width, height), interpolation=cv2.INTER_AREA)

    nearest = np.asarray(sample.disparity).reshape(height, STRIDE, width, STRIDE).max(axis=(1, 3))
    kind = sample.kind[::STRIDE, ::STRIDE]
    shown = sample.veiled[::STRIDE, ::STRIDE] == 0
    sky, clouds = mean(sample.sky), mean(sample.clouds)
    known = ~np.isnan(nearest)  # rendered: what isn't labeled is neither flat nor upright
    in_sky = np.where(known, nearest <= 0, kind == Kind.SKY)
    labeled = (known | (kind != Kind.IGNORED)) & shown
    has_depth = known & (nearest > 0) & shown
    log_disparity = np.log(np.where(has_depth, nearest, 1.0), dtype=np.float32)
    water = (kind == Kind.WATER) | (kind == Kind.FALLS)
    flat = water | (kind == Kind.FLAT)
    surface = flat | (kind == Kind.UPRIGHT)
    around = cv2.erode((known & shown).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    steps, borders = borders_of(np.where(has_depth, nearest, 0.0), in_sky, known & shown, kind)
    return {
        "log_disparity": taught(log_disparity, has_depth),
        "sky": taught(sky, labeled),
        "clouds": taught(clouds, labeled & (sky > 0.9)),
        "water": taught(water, labeled),
        "falls": taught(kind == Kind.FALLS, labeled),
        "flat": taught(flat, surface & labeled & (kind != Kind.FALLS)),
        "silhouettes": taught(steps, around | steps),
        "latitude": cv2.resize(sample.latitude, (width, height), interpolation=cv2.INTER_LINEAR),
        "weight": 1 + EDGE_WEIGHT * borders,
    }


def taught(values: NDArray[np.generic], where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return values as float32, NaN where they aren't taught."""
    return np.where(where, values, np.nan).astype(np.float32)


def borders_of(
    disparity: NDArray[np.float32],
    in_sky: NDArray[np.bool_],
    known: NDArray[np.bool_],
    kind: NDArray[np.uint8],
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return silhouettes, and soft borders 0..1 of things, sky and water, (h, w) each.

    Args:
        disparity: (h, w), 0 in the sky and where it isn't known.
        in_sky: (h, w).
        known: (h, w), where the disparity is known.
        kind: (h, w), values of `Kind`.
    """
    steps = np.zeros(disparity.shape, bool)
    borders = np.zeros(disparity.shape, np.float32)
    wet = (kind == Kind.WATER) | (kind == Kind.FALLS)
    for axis in (0, 1):
        first = (slice(None),) * axis + (slice(None, -1),)
        second = (slice(None),) * axis + (slice(1, None),)
        step = steps_along(disparity, axis) & known[first] & known[second]
        border = step | (in_sky[first] != in_sky[second]) | (wet[first] != wet[second])
        for side in (first, second):
            steps[side] |= step
            borders[side][border] = 1.0
    soft = cv2.GaussianBlur(borders, (0, 0), EDGE_SIGMA)
    return steps, np.minimum(1.5 * soft, 1.0)


def steps_along(disparity: NDArray[np.float32], axis: int) -> NDArray[np.bool_]:
    """Return where depth steps between neighbors along an axis, one fewer than pixels.

    Ground that recedes to the horizon doesn't step, however quickly: what is near must rise far
    above what is far, and not just go on rising behind that.
    """
    values = np.moveaxis(disparity, axis, 0)
    inner = np.concatenate([values[:1], values, values[-1:]])
    before, first, second, after = inner[:-3], inner[1:-2], inner[2:-1], inner[3:]
    rise = second - first
    goes_on = np.where(rise > 0, after - second, before - first)
    ratio = np.maximum(first, second) > STEP * np.minimum(first, second)
    return np.moveaxis(ratio & (np.abs(rise) > GOES_ON * goes_on), 0, axis)
