"""Ripples and foam on the water of samples.

Rendered water is smooth at the few samples a pixel that worlds are rendered with; real water close
to the eye is all texture. Where the camera is known, so is the water's plane.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.worlds.samples import Kind
from .samples import Sample
from .skies import fractal_noise

Floats = NDArray[np.float32]
Draw = np.random.Generator
TILE = 256
"""Side of the square of noise that is laid out on the water, mirrored at its edges."""
LEVEL = 0.01
"""Rays less than this below the horizontal, in radians, are taken for this."""
LEAST_WATER = 0.03


def rippled(sample: Sample, rng: Draw) -> Sample:
    """Return a sample whose water carries waves in perspective, dark and bright, some with foam."""
    water = sample.kind == Kind.WATER
    if water.mean() < LEAST_WATER or not np.isfinite(sample.latitude).all():
        return sample
    waves = plane_noise(sample, rng, np.exp(rng.uniform(np.log(8), np.log(150))))
    share = cv2.blur(water.astype(np.float32), (2, 2))[..., None]
    strength = rng.uniform(0.1, 0.7)
    mean = sample.image[water].mean(axis=0)
    image = sample.image + share * strength * np.tanh(1.5 * waves)[..., None] * (mean + 15) * 0.6
    if rng.random() < 0.3:
        foam = np.clip((waves - rng.uniform(0.4, 1.6)) / rng.uniform(0.1, 0.8), 0, 1)[..., None]
        light = rng.uniform(150, 255) * (1 + 0.06 * rng.standard_normal(3))
        image = image + share * rng.uniform(0.4, 1.0) * foam * (light - image)
    return replace(sample, image=np.clip(image, 0, 255).astype(np.uint8))


def plane_noise(sample: Sample, rng: Draw, frequency: float) -> Floats:
    """Return noise (H, W) of unit variance on the plane below the camera, coarser with distance.

    Args:
        sample: Tells how far below the horizontal each pixel's ray is.
        rng: Draws the noise.
        frequency: Pixels of the noise for each height of the camera.
    """
    width = sample.size[1]
    away = 1 / np.tan(np.maximum(-sample.latitude, LEVEL))
    column = (np.arange(width, dtype=np.float32) - width / 2) / width
    aside = away * column * rng.uniform(0.5, 1.0)
    between = np.abs(np.gradient(away, axis=0)) + 1e-6  # heights of the camera from row to row
    tile = fractal_noise((TILE, TILE), rng, rng.uniform(20, 60), rng.uniform(0.8, 2.0), 3)
    total, power = np.zeros(sample.size, np.float32), np.full(sample.size, 1e-3, np.float32)
    for scale in (1.0, 1 / 6, 1 / 36):
        x, y = (mirrored(scale * frequency * at + 100 * rng.random()) for at in (aside, away))
        fine = np.clip(1.5 / (scale * frequency * between), 0, 1)
        noise = cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        total += fine * noise
        power += fine**2
    return np.asarray(total / np.sqrt(np.maximum(power, 0.3)), np.float32)


def mirrored(at: NDArray[np.floating]) -> Floats:
    """Return positions on a tile that is mirrored again and again."""
    turned = np.mod(at, 2 * TILE)
    return np.minimum(turned, 2 * TILE - turned).astype(np.float32)
