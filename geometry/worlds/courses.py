"""Courses of rivers: distances from a winding middle line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..landscapes.terrain import Height
from .draw import Draw
from .water_land import Shore

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Course:
    """The course of a river.

    Attributes:
        across: Distance (...) from its middle line at x, y, in meters; positive to the right.
        along: Position (...) along it at x, y, in meters.
        width: Its width in meters.
    """

    across: Callable[[Array, Array], Array]
    along: Callable[[Array, Array], Array]
    width: float

    def shore(self, edge: Height) -> Shore:
        """Return the distance from its banks, which `edge` makes irregular."""
        return lambda x, y: np.abs(self.across(x, y)) - 0.5 * self.width + edge(x, y)


def draw_course(draw: Draw, width: float, start: float, turn: float, winding: float) -> Course:
    """Return a winding course.

    Args:
        draw: The random choices.
        width: Its width in meters.
        start: Its `across` at the origin.
        turn: Its direction to the right of +y, in radians.
        winding: 0 for a straight one to 1 for loops.
    """
    long = width * draw.uniform(7, 16)
    waves = [(long, winding * 0.17 * long), (long * draw.uniform(1.7, 3), winding * 0.3 * long)]
    phases = draw.rng.choice([-1.57, 1.57], 2) + draw.rng.normal(0, 0.5, 2)  # straight at the start
    c, s = np.cos(turn), np.sin(turn)

    def line(v: Array) -> tuple[Array, Array]:
        middle, slope = np.zeros_like(v), np.zeros_like(v)
        for (length, swing), phase in zip(waves, phases, strict=True):
            angle = 6.283 * v / length + phase
            middle = middle + swing * (np.sin(angle) - np.sin(phase))
            slope = slope + swing * 6.283 / length * np.cos(angle)
        return middle, slope

    def across(x: Array, y: Array) -> Array:
        u, v = c * x - s * y, s * x + c * y
        middle, slope = line(v)
        return (u + start - middle) / np.sqrt(1 + slope**2)

    return Course(across, lambda x, y: s * x + c * y, width)
