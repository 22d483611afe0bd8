"""Augmentation: the same picture as another camera, light, time, or painter would have made it.

Only the image changes, never where things are, so the labels stay. All of it works on uint8 images
of the crop's size with few operations, since it must cost less than a step of training.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Draw = np.random.Generator
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def augment(image: Image, rng: Draw) -> Image:
    """Return an augmented image (H, W, 3), uint8."""
    for chance, change in CHANGES:
        if rng.random() < chance:
            image = change(image, rng)
    return image


def toned(image: Image, rng: Draw) -> Image:
    """Change exposure, contrast, gamma and white balance, one table for each color."""
    x = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    gains = np.exp(0.25 * rng.standard_normal() + 0.1 * rng.standard_normal(3))
    gamma = np.exp(0.25 * rng.standard_normal())
    black = 0.12 * rng.random() if rng.random() < 0.2 else 0.0
    contrast = np.exp(0.15 * rng.standard_normal())
    y = np.clip(x * gains, 0, None) ** gamma
    y = black + (1 - black) * (0.5 + contrast * (y - 0.5))
    return by_table(image, y)


def overexposed(image: Image, rng: Draw) -> Image:
    """Burn out the highlights: all above a level becomes white."""
    level = rng.uniform(0.45, 0.9)
    x = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    return by_table(image, np.repeat(x / level, 3, axis=1))


def night(image: Image, rng: Draw) -> Image:
    """Make it dark and blue, as moonlight or a short exposure would."""
    x = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    level = rng.uniform(0.08, 0.4)
    tint = np.array([0.75, 0.9, 1.25]) if rng.random() < 0.7 else rng.uniform(0.6, 1.3, 3)
    return by_table(image, level * tint * x ** rng.uniform(1.0, 1.8))


def posterized(image: Image, rng: Draw) -> Image:
    """Leave few levels of each color."""
    levels = int(rng.integers(4, 12))
    x = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    return by_table(image, np.repeat(np.round(x * levels) / levels, 3, axis=1))


def by_table(image: Image, table: NDArray[np.floating]) -> Image:
    """Apply a table (256, 3) of values 0..1, one column for each color."""
    bytes_of = np.round(255 * np.clip(table, 0, 1)).astype(np.uint8)
    return cv2.LUT(image, bytes_of[None])


def saturated(image: Image, rng: Draw) -> Image:
    """Change saturation and turn hues a little; sometimes black and white, or sepia."""
    if rng.random() < 0.2:
        weights = rng.dirichlet([3.0, 5.0, 2.0])
        tint = np.ones(3) if rng.random() < 0.6 else np.array([1.1, 1.0, rng.uniform(0.7, 0.9)])
        matrix = np.outer(tint, weights)
    else:
        amount = np.exp(0.4 * rng.standard_normal())
        matrix = amount * np.eye(3) + (1 - amount) * np.tile(LUMA, (3, 1))
        turn = 0.06 * rng.standard_normal((3, 3))
        matrix = matrix + turn - turn.mean(axis=1, keepdims=True)
    return cv2.transform(image, matrix.astype(np.float32))


def blurred(image: Image, rng: Draw) -> Image:
    """Blur: out of focus, moved, or enlarged from fewer pixels."""
    way = rng.integers(3)
    if way == 0:
        return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.6))
    if way == 1:
        size = int(rng.integers(3, 8))
        kernel = np.zeros((size, size), np.float32)
        end = (size - 1, int(rng.integers(size)))
        cv2.line(kernel, (0, size - 1 - end[1]), end, 1.0)
        return cv2.filter2D(image, -1, kernel / kernel.sum())
    height, width = image.shape[:2]
    factor = rng.uniform(0.4, 0.8)
    small = (max(8, int(width * factor)), max(8, int(height * factor)))
    return cv2.resize(cv2.resize(image, small, interpolation=cv2.INTER_AREA), (width, height))


def sharpened(image: Image, rng: Draw) -> Image:
    """Sharpen so much that edges get halos."""
    soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 2.5))
    amount = rng.uniform(0.5, 2.0)
    return cv2.addWeighted(image, 1 + amount, soft, -amount, 0)


def noisy(image: Image, rng: Draw) -> Image:
    """Add noise: fine or coarse, gray or colored."""
    height, width = image.shape[:2]
    scale = int(rng.integers(1, 3))
    channels = 3 if rng.random() < 0.6 else 1
    sigma = 255 * 0.015 * np.exp(0.7 * rng.standard_normal())
    noise = np.empty((height // scale, width // scale, channels), np.int16)
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    cv2.randn(noise, 0, min(sigma, 30.0) * scale)
    if scale > 1:
        noise = cv2.resize(noise, (width, height)).reshape(height, width, channels)
    if channels == 1:
        noise = np.repeat(noise.reshape(height, width, 1), 3, axis=2)
    return cv2.add(image, noise, dtype=cv2.CV_8U)


def compressed(image: Image, rng: Draw) -> Image:
    """Compress as JPEG and read it back."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(12, 80))]
    stored = cv2.imencode(".jpg", image, quality)[1]
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)


def painted(image: Image, rng: Draw) -> Image:
    """Make flat strokes of what is there, as a painter would, on a canvas."""
    size = int(rng.choice([3, 5, 7]))
    strokes = cv2.medianBlur(image, size)
    if rng.random() < 0.5:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
        change = cv2.dilate if rng.random() < 0.5 else cv2.erode
        strokes = change(strokes, kernel)
    if rng.random() < 0.4:
        strokes = posterized(strokes, rng)
    return noisy(strokes, rng) if rng.random() < 0.5 else strokes


def shaded(image: Image, rng: Draw) -> Image:
    """Darken corners (vignetting), or one side as a graduated filter would."""
    height, width = image.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    if rng.random() < 0.5:
        gain = 1 - rng.uniform(0.1, 0.5) * (x * x + y * y) / 2
    else:
        slopes = rng.uniform([-0.35, -0.14], [0.35, 0.14])
        gain = 1 + slopes[0] * y + slopes[1] * x
    gains = np.repeat(gain.astype(np.float32)[..., None], 3, axis=2)
    return cv2.multiply(image, gains, dtype=cv2.CV_8U)


def misted(image: Image, rng: Draw) -> Image:
    """Lay a bright, even veil over it, as scattered light in a lens does."""
    color = rng.uniform(140, 255) * (1 + 0.05 * rng.standard_normal(3))
    amount = rng.uniform(0.05, 0.35)
    x = np.arange(256, dtype=np.float32)[:, None]
    return by_table(image, ((1 - amount) * x + amount * color) / 255)


CHANGES: tuple[tuple[float, Callable[[Image, Draw], Image]], ...] = (
    (0.05, painted),
    (0.8, toned),
    (0.5, saturated),
    (0.12, overexposed),
    (0.05, night),
    (0.08, misted),
    (0.2, shaded),
    (0.22, blurred),
    (0.12, sharpened),
    (0.3, noisy),
    (0.04, posterized),
    (0.25, compressed),
)
"""The chance of each change, in the order in which they happen."""
