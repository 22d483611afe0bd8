"""Canals in towns, with quay walls and rows of houses, and bridges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..landscapes import buildings, materials
from ..landscapes.materials import Air
from ..landscapes.meshes import Shape, grid_faces, place
from . import boats, shore_parts
from .courses import Course, draw_course
from .draw import Draw
from .houses import house_slots
from .labels import FLAT_INDEX, UPRIGHT_INDEX, WATER_INDEX
from .place import Place
from .scatter import scatter
from .water_land import Shore, sea_level, within
from .water_surface import FOAM, SHALLOW, draw_look, fan, surface, water

Array = NDArray[np.float64]


def bridge(draw: Draw, air: Air, shore: Shore) -> None:
    """Add a bridge over the water ahead, flat or arched, of stone, wood or steel."""
    y = draw.log_uniform(15, 150)
    x = np.linspace(-1.5 * y, 1.5 * y, 600)
    wet = x[shore(x, np.full_like(x, y)) < 0]
    if not len(wet) or wet[-1] - wet[0] > 250:
        return
    left, right = wet[0] - 4, wet[-1] + 4
    half, rise, top = draw.uniform(1, 5), draw.uniform(0, 0.08), draw.uniform(1.8, 7)
    t = np.linspace(0, 1, 25)
    deck = top + rise * (right - left) * 4 * t * (1 - t)
    arches = draw.integer(0, 4)
    under = deck - draw.uniform(0.3, 0.8)
    if arches:
        under = np.minimum(under, -0.5 + (under + 0.5) * np.abs(np.sin(np.pi * arches * t)) ** 0.5)
    line = left + (right - left) * t
    shape = Shape()
    corners = [(-half, under), (-half, deck + 0.9), (-half + 0.2, deck + 0.9), (-half + 0.2, deck)]
    corners += [(half - 0.2, deck), (half - 0.2, deck + 0.9), (half, deck + 0.9), (half, under)]
    rows = [np.stack([line, y + side + 0 * t, level], -1) for side, level in corners]
    points = np.stack([*rows, rows[0]], axis=1)
    shape.add(points.reshape(-1, 3), grid_faces(25, len(corners) + 1))
    colors = draw.choice((("8a857c", "a39d92"), ("6a5038", "84684a"), ("5a6068", "70767c")))
    slots = [materials.plain(air, draw.near_colors(colors), 1.5)]
    place(shape.mesh("bridge", slots), index=UPRIGHT_INDEX)


def canal(draw: Draw, air: Air) -> Place:
    """Build a canal in a town: quay walls, houses on both sides or one, boats, a bridge."""
    width, turn = draw.log_uniform(5, 35), draw.uniform(-0.25, 0.25)
    wall, walk = draw.uniform(0.4, 2.5), draw.uniform(2, 8)
    over = draw.chance(0.6)
    start = (
        width * draw.uniform(-0.4, 0.4)
        if over
        else draw.choice((-1, 1)) * (0.5 * width + draw.uniform(0.4, min(walk, 2.2)))
    )
    course = draw_course(draw, width, start, turn, draw.choice((0.0, 0.15)))
    shore = course.shore(sea_level)

    def height(x: Array, y: Array) -> Array:
        return np.where(shore(x, y) > 0, wall, -2.0)

    grid = fan(0.7, 4000, 160, 200)
    look = draw_look(
        draw, air, ("green", "olive", "black", "brown", "gray", "navy"), draw.uniform(0, 0.5)
    )
    zero = np.zeros_like(grid.x)
    surface(grid, 0.0, water(air, look), WATER_INDEX, None, **{SHALLOW: zero, FOAM: zero})
    _quays(draw, air, course, wall)
    for side in (-1, 1):
        if draw.chance(0.85):
            _row(draw, air, course, side, (wall, walk))
        else:
            beyond = within(_beside(course, side), 0.5 * width + walk)
            shore_parts.wood(draw, air, height, (8, 200), beyond, 200)
    if draw.chance(0.4):
        walked = within(shore, 0.6, walk)
        spots = shore_parts.sector(draw, height, draw.integer(2, 24), (6, 90), walked)
        slots, shapes = shore_parts.tree_slots(draw, air), shore_parts.near_tree_shapes(draw)
        scatter(draw, shapes, slots, spots, draw.rng.uniform(4, 9, len(spots)))
    boats.boats(draw, air, 6, (5, 90), within(shore, -1e9, -1.2))
    if draw.chance(0.4):
        bridge(draw, air, shore)
    eye = (wall + 0.6, wall + 5.0) if over else (1.3, 2.2)
    return Place(height, eye, (-12, 10), 12, 0.2, 0.0)


def _beside(course: Course, side: int) -> Shore:
    """Return the distance from a canal's middle line to one side."""
    return lambda x, y: side * course.across(x, y)


def _quays(draw: Draw, air: Air, course: Course, wall: float) -> None:
    """Add the quays' walls and paving along a nearly straight canal."""
    stones = materials.cobbles(
        air, draw.near_colors(("7a746a", "8e887c", "a09a8e", "4c4843")), draw.uniform(0.12, 0.6)
    )
    paving = Shape()
    v = np.concatenate([np.linspace(-20, 200, 160), np.geomspace(210, 4000, 30)])
    shape = Shape()
    for side in (-1, 1):
        edge = _edge(course, v, side)
        rows = []
        for out, level in (
            (0.0, -1.5),
            (0.0, wall + 0.02),
            (0.35, wall + 0.02),
            (0.35, wall - 0.3),
        ):
            rows.append(
                np.column_stack([edge + np.array([side * out, 0.0]), np.full(len(v), level)])
            )
        shape.add(np.stack(rows, axis=1).reshape(-1, 3), grid_faces(len(v), 4))
        strips = [edge + np.array([side * out, 0.0]) for out in (0.34, 3.0, 12.0, 60.0, 1500.0)]
        strips = [np.column_stack([strip, np.full(len(v), wall)]) for strip in strips]
        paving.add(np.stack(strips, axis=1).reshape(-1, 3), grid_faces(len(v), len(strips)))
    place(paving.mesh("paving", [stones]), index=FLAT_INDEX)
    colors = draw.near_colors(
        draw.choice((("6a655c", "86806e", "4a4640"), ("7a5a48", "8e6c56", "5a4438")))
    )
    slots = [materials.rock(air, colors, 1.0)]
    place(shape.mesh("quay", slots), index=UPRIGHT_INDEX)


def _edge(course: Course, v: Array, side: int, out: float = 0.0) -> Array:
    """Return the points x, y (N, 2) of one bank at distances v, `out` meters beyond it."""
    x = np.zeros_like(v)
    for _ in range(12):
        x = x - (course.across(x, v) - side * (0.5 * course.width + out))
    return np.column_stack([x, v])


def _row(draw: Draw, air: Air, course: Course, side: int, sizes: tuple[float, float]) -> None:
    """Add a row of houses beside a canal; sizes: height of the quay and width of its walk."""
    wall, walk = sizes
    floors = draw.integer(1, 5)
    slots = [house_slots(draw, air) for _ in range(3)]
    gap = draw.choice((0.0, 0.0, draw.uniform(1, 8)))
    y, meshes = draw.uniform(-6, 4), []
    for number in range(5):
        plan = buildings.Plan(
            draw.uniform(6, 10),
            draw.uniform(5, 12),
            2.6 * max(1, floors + draw.integer(-1, 1)) + 0.4,
            draw.uniform(1.5, 4.5),
            draw.chance(0.5),
        )
        meshes.append((buildings.house(plan, slots[number % 3]), plan))
    while y < 160:
        mesh, plan = meshes[draw.integer(0, 4)]
        middle = y + plan.length / 2
        at = _edge(course, np.array([middle]), side, walk + plan.width / 2)[0]
        place(mesh, (*at, wall), 0.0, 1.0, UPRIGHT_INDEX)
        y += plan.length + gap
