"""Collages: samples put together anew, without a renderer.

The sky of a sample is replaced by that of another or by a made one; fine things are laid in front;
surfaces get the texture of other pictures. The labels follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.worlds.samples import Kind
from .lens import defocused
from .overlays import random_overlay
from .ripples import rippled
from .samples import Sample
from .skies import Made, fractal_noise, gradient, random_sky

Floats = NDArray[np.float32]
Draw = np.random.Generator
NEW_SKY, OVERLAID, TEXTURED, PATTERNED = 0.35, 0.3, 0.2, 0.12
RIPPLED, DEFOCUSED = 0.5, 0.06
"""Chances of each change."""
OTHER_SKY, SEA_SKY = 0.35, 0.5
"""Chances that a new sky is another sample's, and that it has the color of the sea below it."""
LEAST_SKY = 0.04
TALL_SKY = 0.25
"""Share of another sample's height that must be all sky for its sky to be taken."""


class Collages:
    """Makes collages of samples.

    Args:
        another: Gives another sample of the same size.
    """

    def __init__(self, another: Callable[[], Sample]) -> None:
        self.another = another

    def apply(self, sample: Sample, rng: Draw) -> Sample:
        """Return the sample, changed or not."""
        if rng.random() < TEXTURED:
            sample = textured(sample, self.another(), rng)
        if rng.random() < PATTERNED:
            sample = patterned(sample, rng)
        if rng.random() < RIPPLED:
            sample = rippled(sample, rng)
        if rng.random() < NEW_SKY and sample.sky.mean() > LEAST_SKY:
            sample = with_sky(sample, self.sky_for(sample, rng), rng)
        if rng.random() < OVERLAID:
            sample = overlaid(sample, random_overlay(sample.size, rng), rng)
        return defocused(sample, rng) if rng.random() < DEFOCUSED else sample

    def sky_for(self, sample: Sample, rng: Draw) -> Made:
        """Return a new sky for a sample."""
        water = sample.kind == Kind.WATER
        if water.mean() > 0.05 and rng.random() < SEA_SKY:
            return sea_colored(sample, water, rng)
        if rng.random() < OTHER_SKY:
            other = taken_sky(self.another())
            if other is not None:
                return other
        return random_sky(sample.size, rng)


def sea_colored(sample: Sample, water: NDArray[np.bool_], rng: Draw) -> Made:
    """Return a sky with the color of the water, so that only the horizon's line parts them."""
    color = sample.image[water].mean(axis=0) * rng.uniform(0.92, 1.1)
    noise = fractal_noise(sample.size, rng, 2.0, 3.0, 3) * rng.uniform(0, 5)
    sky = gradient(sample.size, color * rng.uniform(0.8, 1.15), color) + noise[..., None]
    return sky, np.full(sample.size, float(rng.random() < 0.5), np.float32)


def taken_sky(sample: Sample) -> Made | None:
    """Return the sky of a sample, stretched to its whole height; None if it has too little."""
    rows = (sample.sky > 0.98).mean(axis=1) > 0.97
    height = int(np.argmin(rows)) if not rows.all() else len(rows)
    if height < TALL_SKY * len(rows):
        return None
    size = sample.size[::-1]
    colors = cv2.resize(sample.image[:height], size, interpolation=cv2.INTER_CUBIC)
    return colors.astype(np.float32), cv2.resize(sample.clouds[:height], size)


def with_sky(sample: Sample, made: Made, rng: Draw) -> Sample:
    """Return a sample under another sky, its surfaces tinted by it.

    What is in front of the sky keeps its color: only the old sky's share of a pixel is exchanged.
    """
    colors, density = made
    image, coverage = sample.image.astype(np.float32), sample.sky[..., None]
    whole = (sample.sky > 0.97).astype(np.float32)
    if whole.sum() < 50:
        return sample
    near = cv2.blur(image * whole[..., None], (15, 15))
    share = cv2.blur(whole, (15, 15))[..., None]
    mean_sky = image[whole > 0].mean(axis=0)
    old = np.where(share > 0.01, near / np.maximum(share, 0.01), mean_sky)
    old = np.where(whole[..., None] > 0, image, old)
    new_mean = colors[whole > 0].mean(axis=0)
    tint = ((new_mean + 20) / (mean_sky + 20)) ** rng.uniform(0, 0.6)
    ground = np.clip(image - coverage * old, 0, None) * np.clip(tint, 0.3, 1.6).astype(np.float32)
    glow = new_mean * rng.uniform(0, 0.12) if rng.random() < 0.3 else 0.0
    result = ground + coverage * colors + (1 - coverage) * glow
    clouds = np.where(sample.sky > 0, density, 0).astype(np.float32)
    return replace(sample, image=to_bytes(result), clouds=clouds)


def overlaid(sample: Sample, opacity: Floats, rng: Draw) -> Sample:
    """Return a sample with something upright in front, of one random distance.

    Args:
        sample: What is behind.
        opacity: (H, W), 0..1.
        rng: Draws color and distance.
    """
    color = rng.uniform(0, 90) * (1 + 0.25 * rng.standard_normal(3))
    if rng.random() < 0.35:
        color = rng.uniform([30, 40, 10], [190, 160, 110])
    grain = fractal_noise(sample.size, rng, 12.0, 1.0, 3)[..., None]
    surface = np.clip(color * (1 + rng.uniform(0.05, 0.4) * grain), 0, 255)
    share = opacity[..., None]
    image = sample.image * (1 - share) + surface * share
    there = opacity >= 0.5
    known = sample.disparity[np.isfinite(sample.disparity) & (sample.disparity > 0)]
    disparity = sample.disparity
    if len(known):
        farthest, nearest = np.quantile(known[:: max(1, len(known) // 500)], [0.5, 1.0])
        nearness = farthest * (2.0 * nearest / farthest) ** rng.random()
        there = there & ~(disparity > nearness)  # what is nearer still stays in front
        hidden = (opacity > 0) & (disparity > nearness)
        image = np.where(hidden[..., None], sample.image, image)
        opacity = np.where(hidden, 0, opacity)
        disparity = np.where(there, np.float32(nearness), disparity)
    return replace(
        sample,
        image=to_bytes(image),
        disparity=disparity,
        sky=sample.sky * (1 - opacity),
        kind=np.where(there, np.uint8(Kind.UPRIGHT), sample.kind),
        veiled=np.where(there, np.uint8(0), sample.veiled),
    )


def textured(sample: Sample, other: Sample, rng: Draw) -> Sample:
    """Return a sample whose surfaces of one kind have the fine texture of another picture."""
    wanted = Kind.UPRIGHT if rng.random() < 0.6 else Kind.FLAT
    where = cv2.blur((sample.kind == wanted).astype(np.float32), (3, 3))[..., None]
    detail = other.image.astype(np.float32) + 16
    sigma = rng.uniform(4, 16)
    ratio = detail / (cv2.GaussianBlur(detail, (0, 0), sigma))
    image = sample.image * (1 + where * rng.uniform(0.4, 1.0) * (ratio - 1))
    return replace(sample, image=to_bytes(image))


def patterned(sample: Sample, rng: Draw) -> Sample:
    """Return a sample whose upright surfaces carry windows, stripes or painted shapes.

    They are flat: the pattern must not print through into depth.
    """
    height, width = sample.size
    pitch = rng.uniform(6, 40, 2)
    share = rng.uniform(0.25, 0.7, 2)
    x = np.arange(width, dtype=np.float32)[None] + rng.uniform(0, 40)
    y = np.arange(height, dtype=np.float32)[:, None] + rng.uniform(0, 40)
    slant = rng.normal(0, 0.15)
    inside = ((y + slant * x) % pitch[0] < share[0] * pitch[0]) & (
        x % pitch[1] < share[1] * pitch[1]
    )
    where = cv2.blur(((sample.kind == Kind.UPRIGHT) & inside).astype(np.float32), (2, 2))[..., None]
    color = rng.uniform(0, 255) * (1 + 0.15 * rng.standard_normal(3))
    amount = rng.uniform(0.3, 0.95)
    image = sample.image * (1 - amount * where) + amount * where * color
    return replace(sample, image=to_bytes(image))


def to_bytes(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return colors 0..255 as uint8."""
    return np.clip(image, 0, 255).astype(np.uint8)
