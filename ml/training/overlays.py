"""Fine things in front of everything: twigs, leaves, lattices, fences and wires, with opacity.

They teach what renders have too little of: sky that is seen through fine structures. Each function
returns the opacity (H, W), 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Draw = np.random.Generator
FINE = 4
"""Coordinates are given to OpenCV in 1 / 2**FINE of a pixel."""


class Pen:
    """Draws lines and leaves into an opacity map of a size (height, width)."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.canvas = np.zeros(size, np.uint8)

    def line(self, points: NDArray[np.floating], width: float) -> None:
        """Draw a line through points (P, 2), x and y; widths below a pixel are less opaque."""
        opacity = int(255 * min(1.0, max(0.25, width)))
        fixed = np.round(np.asarray(points) * 2**FINE).astype(np.int32)[:, None]
        thick = max(1, round(width))
        color = (opacity,)
        cv2.polylines(self.canvas, [fixed], False, color, thick, cv2.LINE_AA, FINE)

    def leaf(self, x: float, y: float, length: float, width: float, angle: float) -> None:
        """Draw a leaf: an ellipse."""
        center = (round(x * 2**FINE), round(y * 2**FINE))
        axes = (round(length * 2**FINE), round(width * 2**FINE))
        turn = math.degrees(angle)
        cv2.ellipse(self.canvas, center, axes, turn, 0, 360, (255,), -1, cv2.LINE_AA, FINE)

    def opacity(self) -> Floats:
        """Return what was drawn."""
        return self.canvas * np.float32(1 / 255)


def twigs(size: tuple[int, int], rng: Draw) -> Floats:
    """Return branches that come in from a border, with or without leaves."""
    pen = Pen(size)
    leafy = rng.random() < 0.5
    for _ in range(int(rng.integers(1, 5))):
        start, heading = border_point(size, rng)
        length = rng.uniform(0.15, 0.5) * max(size)
        grow(pen, start, heading, length, rng.uniform(1.0, 6.0), leafy, rng)
    return pen.opacity()


def bare_tree(size: tuple[int, int], rng: Draw) -> Floats:
    """Return a tree that stands in the picture, bare or with leaves."""
    pen = Pen(size)
    foot = np.array([rng.uniform(0, size[1]), size[0] * rng.uniform(0.6, 1.05)])
    length = size[0] * rng.uniform(0.12, 0.35)
    leafy = rng.random() < 0.4
    grow(pen, foot, -math.pi / 2, length, length * rng.uniform(0.04, 0.12), leafy, rng)
    return pen.opacity()


def grow(
    pen: Pen,
    start: NDArray[np.floating],
    heading: float,
    length: float,
    width: float,
    leafy: bool,
    rng: Draw,
) -> None:
    """Draw a branch and those that grow from it."""
    pending = [(start, heading, length, width)]
    spread = rng.uniform(0.3, 0.8)
    leaf = rng.uniform(1.0, 4.5)
    drawn = 0
    while pending and drawn < 100:
        start, heading, length, width = pending.pop(0)
        bend = heading + np.cumsum(0.15 * rng.standard_normal(4))
        moves = np.stack([np.cos(bend), np.sin(bend)], 1) * length / 4
        points = np.vstack([start, start + np.cumsum(moves, 0)])
        pen.line(points, width)
        drawn += 1
        if leafy and length < 30:
            for x, y in points[1:]:
                for dx, dy in rng.normal(0, 2 * leaf, (3, 2)):
                    pen.leaf(x + dx, y + dy, leaf, 0.5 * leaf, rng.uniform(0, math.pi))
        if length < 6:
            continue
        for _ in range(int(rng.integers(2, 4))):
            place = points[int(rng.integers(2, 5))]
            turned = bend[-1] + spread * rng.standard_normal()
            pending.append((place, turned, length * rng.uniform(0.5, 0.85), width * 0.62))


def lattice(size: tuple[int, int], rng: Draw) -> Floats:
    """Return a grid of bars in two or three directions, over all or a part of the picture."""
    pen = Pen(size)
    height, width = size
    base, reach = rng.uniform(0, math.pi), float(height + width)
    spacing, thick = rng.uniform(6, 40), rng.uniform(0.6, 4.0)
    angles = base + np.array([0, rng.uniform(0.8, math.pi / 2), math.pi / 4])
    for angle in angles[: int(rng.integers(1, 4))]:
        along = np.array([math.cos(angle), math.sin(angle)])
        across = np.array([-along[1], along[0]])
        for offset in np.arange(-reach / 2, reach / 2, spacing):
            middle = np.array([width, height]) / 2 + across * offset
            pen.line(np.array([middle - reach * along, middle + reach * along]), thick)
    return pen.opacity() * window(size, rng)


def fence(size: tuple[int, int], rng: Draw) -> Floats:
    """Return a fence, a railing or a mast of beams: uprights between two rails."""
    pen = Pen(size)
    height, width = size
    top, low = np.sort(rng.uniform(0.1, 1.1, 2)) * height
    tilt, thick = rng.normal(0, 0.08) * height, rng.uniform(0.7, 4.0)
    for level in (top, low):
        pen.line(np.array([[0, level], [width, level + tilt]]), 1.3 * thick)
    for x in np.arange(rng.uniform(0, 10), width, rng.uniform(5, 30)):
        slope = tilt * x / width
        pen.line(np.array([[x, top + slope], [x, low + slope]]), thick)
    if rng.random() < 0.4:
        for x in np.arange(0, width, rng.uniform(15, 50)):
            pen.line(np.array([[x, top], [x + rng.uniform(-30, 30), low]]), thick)
    return pen.opacity() * window(size, rng)


def wires(size: tuple[int, int], rng: Draw) -> Floats:
    """Return sagging wires, some with a pole."""
    pen = Pen(size)
    height, width = size
    x = np.linspace(-0.1, 1.1, 16)
    left, right = rng.uniform(-0.1, 0.8, 2)
    for _ in range(int(rng.integers(1, 7))):
        left, right = left + rng.uniform(0.01, 0.12), right + rng.uniform(0.01, 0.12)
        sag = rng.uniform(0, 0.2) * 4 * x * (1 - x)
        points = np.stack([x * width, (left + (right - left) * x + sag) * height], 1)
        pen.line(points, rng.uniform(0.4, 2.0))
    if rng.random() < 0.4:
        foot = rng.uniform(0, width)
        ends = [[foot, rng.uniform(-0.2, 0.4) * height], [foot + rng.normal(0, 4), 1.1 * height]]
        pen.line(np.array(ends), rng.uniform(2, 10))
    return pen.opacity()


def foliage(size: tuple[int, int], rng: Draw) -> Floats:
    """Return many leaves along borders and in clumps."""
    pen = Pen(size)
    leaf = rng.uniform(1.5, 7.0)
    for _ in range(int(rng.integers(2, 6))):
        (x, y), heading = border_point(size, rng)
        inward = rng.uniform(0, 0.25) * min(size)
        x, y = x + inward * math.cos(heading), y + inward * math.sin(heading)
        spread = rng.uniform(0.06, 0.22) * max(size)
        for dx, dy in rng.normal(0, spread, (45, 2)):
            angle = rng.uniform(0, math.pi)
            pen.leaf(x + dx, y + dy, leaf * rng.uniform(0.5, 1.2), 0.45 * leaf, angle)
    return pen.opacity()


def border_point(size: tuple[int, int], rng: Draw) -> tuple[NDArray[np.floating], float]:
    """Return a point on a border, more often the upper ones, and a heading into the picture."""
    height, width = size
    side = rng.choice(4, p=[0.4, 0.25, 0.25, 0.1])
    along = rng.random()
    points = ((along * width, 0), (0, along * height), (width, along * height))
    point = (*points, (along * width, height))[side]
    headings = (math.pi / 2, 0.0, math.pi, -math.pi / 2)
    return np.array(point, float), headings[side] + 0.5 * rng.standard_normal()


def window(size: tuple[int, int], rng: Draw) -> Floats:
    """Return a soft-edged part of the picture, 0..1, or all of it."""
    mask = np.ones(size, np.float32)
    if rng.random() < 0.4:
        return mask
    height, width = size
    corners = rng.uniform(-0.2, 1.2, (4, 2)) * [width, height]
    mask[:] = 0
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(corners).astype(np.int32)), 1.0)
    return mask


OVERLAYS: tuple[tuple[float, Callable[[tuple[int, int], Draw], Floats]], ...] = (
    (0.3, twigs),
    (0.15, bare_tree),
    (0.15, lattice),
    (0.1, fence),
    (0.15, wires),
    (0.15, foliage),
)
"""How often each kind is drawn, relative to the others."""


def random_overlay(size: tuple[int, int], rng: Draw) -> Floats:
    """Return the opacity of an overlay of a random kind, of a size (height, width)."""
    shares = np.array([share for share, _ in OVERLAYS])
    return OVERLAYS[rng.choice(len(OVERLAYS), p=shares / shares.sum())][1](size, rng)
