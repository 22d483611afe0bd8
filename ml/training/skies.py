"""Skies made from noise and gradients, to replace those of samples."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Draw = np.random.Generator
Made = tuple[Floats, Floats]
"""A sky: colors (H, W, 3), 0..255, and density of the clouds (H, W), 0..1."""


def fractal_noise(
    size: tuple[int, int], rng: Draw, cells: float = 3.0, wide: float = 1.0, octaves: int = 5
) -> Floats:
    """Return smooth noise (H, W) of about zero mean and unit variance.

    Args:
        size: Height and width.
        rng: Where it is drawn from.
        cells: Largest features in the height.
        wide: How much wider than high features are.
        octaves: Each has half the size and about half the strength of the one before.
    """
    height, width = size
    noise = np.zeros(size, np.float32)
    strength = 1.0
    for _ in range(octaves):
        rows = int(cells) + 3
        columns = int(cells * width / height / wide) + 3
        grid = rng.standard_normal((rows, columns), np.float32)
        noise += strength * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        strength *= 0.55
        cells *= 2
    return noise * np.float32(1 / 1.2)


def gradient(size: tuple[int, int], *colors: NDArray[np.floating]) -> Floats:
    """Return colors (H, W, 3) that go from the first, at the top, to the last, evenly spaced."""
    column = np.array(colors, np.float32)[:, None]
    positions = np.linspace(0, len(colors) - 1, size[0], dtype=np.float32)
    below = np.minimum(positions.astype(int), len(colors) - 2)
    share = (positions - below)[:, None, None]
    lines = column[below] * (1 - share) + column[below + 1] * share
    return np.repeat(lines, size[1], axis=1).astype(np.float32)


def clear(size: tuple[int, int], rng: Draw) -> Made:
    """Return a blue sky, paler toward the horizon."""
    top = np.array([rng.uniform(20, 120), rng.uniform(80, 160), rng.uniform(150, 235)])
    pale = rng.uniform(0.2, 0.9)
    return gradient(size, top, top * (1 - pale) + rng.uniform(190, 250) * pale), zeros(size)


def white(size: tuple[int, int], rng: Draw) -> Made:
    """Return a burned-out or evenly bright sky."""
    level = 255.0 if rng.random() < 0.6 else rng.uniform(200, 250)
    color = level * (1 + 0.02 * rng.standard_normal(3))
    density = 0.0 if rng.random() < 0.5 else 1.0
    return gradient(size, color, color * rng.uniform(0.95, 1.05)), zeros(size) + density


def overcast(size: tuple[int, int], rng: Draw) -> Made:
    """Return a closed, gray cover of clouds."""
    level = rng.uniform(90, 230)
    tint = 1 + np.array([-0.03, 0.0, 0.04]) * rng.uniform(-1, 2)
    noise = fractal_noise(size, rng, rng.uniform(2, 5), rng.uniform(1.5, 4))
    shade = gradient(size, level * tint * rng.uniform(0.7, 1.0), level * tint)
    return shade * (1 + rng.uniform(0.01, 0.14) * noise)[..., None], zeros(size) + 1.0


def sunset(size: tuple[int, int], rng: Draw) -> Made:
    """Return a sky at dusk: dark above, glowing at the horizon, often with clouds."""
    top = np.array([rng.uniform(20, 110), rng.uniform(30, 100), rng.uniform(70, 150)])
    middle = np.array([rng.uniform(150, 230), rng.uniform(80, 160), rng.uniform(80, 160)])
    low = np.array([rng.uniform(220, 255), rng.uniform(120, 220), rng.uniform(50, 150)])
    colors = gradient(size, top, middle, low)
    glow = middle * rng.uniform(0.5, 1.3)
    return clouded(colors, glow, rng) if rng.random() < 0.7 else (colors, zeros(size))


def cloudy(size: tuple[int, int], rng: Draw) -> Made:
    """Return a blue sky with white or gray clouds."""
    colors, _ = clear(size, rng)
    return clouded(colors, np.full(3, rng.uniform(170, 255)), rng)


def dusk(size: tuple[int, int], rng: Draw) -> Made:
    """Return a night sky, some with stars."""
    top = np.array([rng.uniform(0, 30), rng.uniform(0, 40), rng.uniform(5, 70)])
    colors = gradient(size, top, top * rng.uniform(1, 2.5) + rng.uniform(0, 30))
    if rng.random() < 0.6:
        count = int(rng.integers(10, 250))
        rows, columns = rng.integers(0, size[0], count), rng.integers(0, size[1], count)
        colors[rows, columns] += rng.uniform(40, 220, (count, 1)).astype(np.float32)
    return colors, zeros(size)


def clouded(colors: Floats, lit: NDArray[np.floating], rng: Draw) -> Made:
    """Lay clouds over a sky; they are flatter toward the horizon."""
    size = colors.shape[0], colors.shape[1]
    noise = fractal_noise(size, rng, rng.uniform(1.5, 6), rng.uniform(1, 5), 6)
    soft, cover = rng.uniform(0.3, 1.5), rng.uniform(-0.8, 1.0)
    density = np.clip((noise + cover) / soft, 0, 1)
    shade = fractal_noise(size, rng, 4.0, 2.0, 3)
    body = np.array(lit, np.float32) * (1 - np.clip(0.12 + 0.12 * shade, 0, 0.6))[..., None]
    share = density[..., None]
    return colors * (1 - share) + body * share, density


def zeros(size: tuple[int, int]) -> Floats:
    """Return a density of no clouds."""
    return np.zeros(size, np.float32)


SKIES: tuple[tuple[float, Callable[[tuple[int, int], Draw], Made]], ...] = (
    (0.18, clear),
    (0.22, white),
    (0.18, overcast),
    (0.12, sunset),
    (0.24, cloudy),
    (0.06, dusk),
)
"""How often each kind is made, relative to the others."""


def random_sky(size: tuple[int, int], rng: Draw) -> Made:
    """Return a sky of a random kind, of a size (height, width)."""
    shares = np.array([share for share, _ in SKIES])
    return SKIES[rng.choice(len(SKIES), p=shares / shares.sum())][1](size, rng)
