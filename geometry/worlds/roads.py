"""Streets and roads: their course, surface, markings, curbs and rails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..landscapes.meshes import Array, grid_faces
from ..landscapes.terrain import Height
from . import surfaces
from .draw import Draw
from .parts import Site, Solid, spaced


@dataclass(frozen=True)
class Course:
    """The middle line of a road.

    Attributes:
        points: (N, 2), about evenly spaced.
        along: (N,) length from the first point, in meters.
        right: (N, 2) unit vectors to the right of the direction of travel.
    """

    points: Array
    along: Array
    right: Array

    def at(self, along: float, right: float = 0.0) -> tuple[Array, float]:
        """Return a position (2,) beside the line, and the direction of travel in radians."""
        x, y = (np.interp(along, self.along, self.points[:, n]) for n in (0, 1))
        side = np.array([np.interp(along, self.along, self.right[:, n]) for n in (0, 1)])
        side /= np.linalg.norm(side)
        return np.array([x, y]) + right * side, float(np.arctan2(side[0], -side[1])) % (2 * np.pi)

    @property
    def length(self) -> float:
        """Its length in meters."""
        return float(self.along[-1])


def course(points: Array) -> Course:
    """Return the course through points (N, 2)."""
    steps = np.gradient(points, axis=0)
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return Course(points, along, np.column_stack([steps[:, 1], -steps[:, 0]]))


def draw_course(
    draw: Draw, length: float, bend: float, turn: float, offset: float, behind: float = 12.0
) -> Course:
    """Return a random course past the camera.

    Args:
        draw: The random choices.
        length: Its length before the camera, in meters.
        bend: Its largest change of direction over its length, in radians.
        turn: Its direction at the camera, in radians to the right of straight ahead.
        offset: How far the camera stands to the right of its middle, in meters.
        behind: Its length behind the camera, in meters.
    """
    along = np.arange(-behind, length, 1.5)
    share = np.clip(along / length, 0, 1)
    total, sway = draw.uniform(-bend, bend), draw.uniform(-0.3, 0.3) * bend
    heading = turn + total * share**1.3 + sway * np.sin(2 * np.pi * share * draw.uniform(0.5, 2))
    steps = 1.5 * np.column_stack([np.sin(heading), np.cos(heading)])
    points = np.cumsum(steps, axis=0)
    start = points[int(np.argmin(np.abs(along)))]
    right = np.array([np.cos(turn), -np.sin(turn)])
    return course(points - start - offset * right)


def strip(
    site: Site, solid: Solid, way: Course, left: float, right: float, slot: int, lift: float = 0.03
) -> None:
    """Add a ribbon on the ground between two distances to the right of a course.

    lift: Its height above the ground in meters.
    """
    columns = 2 + int(abs(right - left) / 4)
    out = np.linspace(left, right, columns)[None, :, None]
    flat = way.points[:, None] + out * way.right[:, None]
    z = site.height(flat[..., 0], flat[..., 1]) + lift
    points = np.concatenate([flat, z[..., None]], axis=-1)
    solid.round(points.reshape(-1, 3), grid_faces(*z.shape), slot)


def wall_along(
    site: Site, solid: Solid, way: Course, right: float, low: float, high: float, slot: int
) -> None:
    """Add an upright ribbon along a course, between two heights above the ground."""
    flat = way.points + right * way.right
    z = site.height(*flat.T)
    points = np.stack([np.column_stack([flat, z + low]), np.column_stack([flat, z + high])], 1)
    solid.add(points.reshape(-1, 3), grid_faces(len(flat), 2), slot)
    solid.local[-1] = np.column_stack(
        [
            np.repeat(way.along, 2),
            np.zeros(2 * len(flat)),
            np.tile([0.0, high - low], len(flat)),
            np.zeros(2 * len(flat)),
        ]
    )


def piece(way: Course, start: float, end: float) -> Course:
    """Return the part of a course between two lengths."""
    inside = (way.along >= start) & (way.along <= end)
    if inside.sum() < 3:
        inside[: min(3, len(inside))] = True
    return course(way.points[inside])


def curb(site: Site, way: Course, inner: float, outer: float, slot: int, stone: int) -> None:
    """Add a raised pavement between two distances to the right of a course, with a curb."""
    strip(site, site.flat, way, inner, outer, slot, 0.16)
    edge = inner + (0.15 if outer > inner else -0.15)
    strip(site, site.flat, way, inner, edge, stone, 0.165)
    wall_along(site, site.flat, way, inner, -0.1, 0.165, stone)


def markings(site: Site, way: Course, half: float) -> None:
    """Add painted lines to a road: at its edges, dashes in its middle, zebra crossings."""
    draw = site.draw
    white = site.slot(surfaces.paint(site.air, draw.near_color(draw.choice(("e8e6e0", "e0b83a")))))
    wide = draw.uniform(0.1, 0.18)
    if draw.chance(0.6):
        for side in (-1, 1):
            edge = side * (half - 0.3)
            strip(site, site.flat, way, edge - wide / 2, edge + wide / 2, white, 0.045)
    style = draw.choice(("none", "dashes", "solid", "double"), (1, 4, 1, 1))
    if style == "solid":
        strip(site, site.flat, way, -wide / 2, wide / 2, white, 0.045)
    elif style == "double":
        for side in (-1, 1):
            strip(site, site.flat, way, side * 0.14 - 0.06, side * 0.14 + 0.06, white, 0.045)
    elif style == "dashes":
        long, gap = draw.uniform(2, 6), draw.uniform(2, 9)
        for start in spaced(draw.uniform(0, 4), min(way.length - 8, 160), long + gap):
            strip(
                site, site.flat, piece(way, start, start + long), -wide / 2, wide / 2, white, 0.045
            )
    if draw.chance(0.25):
        start = draw.uniform(14, 40)
        for right in spaced(-half + 0.5, half - 0.5, 1.0):
            strip(site, site.flat, piece(way, start, start + 4), right, right + 0.5, white, 0.047)


def guard_rail(site: Site, way: Course, right: float) -> None:
    """Add a guard rail, a low wall, posts or a fence along a course."""
    draw, solid = site.draw, site.upright
    kind = draw.choice(("rail", "wall", "posts", "fence"))
    metal = site.slot(surfaces.paint(site.air, draw.near_color("a8acb0"), 0.5, 0.4))
    stone = site.slot(surfaces.paint(site.air, draw.near_color("a39a88")))
    if kind == "rail":
        wall_along(site, solid, way, right, 0.45, 0.78, metal)
        wall_along(site, solid, way, right + 0.06, 0.52, 0.7, metal)
    elif kind == "wall":
        tall = draw.uniform(0.5, 1.1)
        wall_along(site, solid, way, right - 0.15, -0.3, tall, stone)
        wall_along(site, solid, way, right + 0.15, -0.3, tall, stone)
        strip(site, solid, way, right - 0.18, right + 0.18, stone, tall)
    elif kind == "fence":
        for high in (0.5, 0.95):
            wall_along(site, solid, way, right, high, high + 0.1, stone)
    for along in spaced(2, way.length, 3.0 if kind != "posts" else 8.0):
        if kind != "wall":
            (x, y), _ = way.at(along, right)
            solid.post(
                (x, y, site.level(x, y) - 0.3),
                1.1 if kind != "rail" else 0.95,
                0.06,
                6,
                stone if kind != "rail" else metal,
            )


def ramp_height(draw: Draw, steep: float) -> Height:
    """Return a smooth height of ground that rises or falls by up to `steep`, 0 at the origin."""
    along, across = draw.uniform(-steep, steep), draw.uniform(-0.2, 0.2) * steep
    bend, length = draw.uniform(-steep, steep), draw.uniform(40, 120)

    def height(x: Array, y: Array) -> Array:
        far = np.maximum(np.asarray(y, float), 0.0)
        curve = bend * (np.sqrt(far**2 + length**2) - length)
        limit = 30.0 * np.tanh((along * np.clip(y, -30, 1e9) + curve + across * x) / 30.0)
        return np.asarray(limit)

    return height
