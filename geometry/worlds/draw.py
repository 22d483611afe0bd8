"""Random choices for a world, all from one seeded generator."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ..landscapes.meshes import Rng

T = TypeVar("T")


class Draw:
    """Random numbers, choices and colors of one world."""

    def __init__(self, rng: Rng) -> None:
        """Take the generator that everything is drawn from."""
        self.rng = rng

    def uniform(self, low: float, high: float) -> float:
        """Return a number between two numbers."""
        return float(self.rng.uniform(low, high))

    def log_uniform(self, low: float, high: float) -> float:
        """Return a positive number, each doubling between two numbers being equally likely."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def integer(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def seed(self) -> int:
        """Return a seed for noise."""
        return self.integer(0, 1_000_000)

    def chance(self, probability: float) -> bool:
        """Return True with a probability."""
        return bool(self.rng.uniform() < probability)

    def choice(self, values: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """Return one of several values.

        weights: Their relative probabilities; equal by default.
        """
        if weights is None:
            return values[int(self.rng.integers(len(values)))]
        share = np.asarray(weights, float) / np.sum(weights)
        return values[int(self.rng.choice(len(values), p=share))]

    def near_color(self, code: str, spread: float = 1.0) -> str:
        """Return an sRGB hex color near another: its hue, saturation and value vary.

        spread: 1 for variations that keep the color's name.
        """
        hue, saturation, value = _to_hsv(code)
        hue += self.rng.normal(0, 0.02 * spread)
        saturation *= np.exp(self.rng.normal(0, 0.22 * spread))
        value *= np.exp(self.rng.normal(0, 0.14 * spread))
        return _to_hex(hue, saturation, value)

    def near_colors(self, codes: Sequence[str], spread: float = 1.0) -> tuple[str, ...]:
        """Return sRGB hex colors that vary together and a little on their own."""
        common = np.exp(self.rng.normal(0, 0.15 * spread))
        turn, strong = self.rng.normal(0, 0.025 * spread), np.exp(self.rng.normal(0, 0.25 * spread))
        result = []
        for code in codes:
            hue, saturation, value = _to_hsv(code)
            same = _to_hex(hue + turn, saturation * strong, value * common)
            result.append(self.near_color(same, 0.4 * spread))
        return tuple(result)


def _to_hsv(code: str) -> tuple[float, float, float]:
    """Return hue, saturation and value, 0..1, of an sRGB hex color."""
    red, green, blue = (int(code[n : n + 2], 16) / 255 for n in (0, 2, 4))
    return colorsys.rgb_to_hsv(red, green, blue)


def _to_hex(hue: float, saturation: float, value: float) -> str:
    """Return the sRGB hex color; hues go round, saturation and value end at 1."""
    parts = colorsys.hsv_to_rgb(hue % 1.0, min(saturation, 1.0), min(value, 1.0))
    return "".join(f"{round(255 * part):02x}" for part in parts)
