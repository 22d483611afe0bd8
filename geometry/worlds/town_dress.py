"""What stands along streets, roads and paths of every kind of town: people, cars, poles, trees."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from . import people, surfaces, trees
from .furniture import Fittings
from .parts import Site, is_free, spaced, turned
from .people import Crowd
from .roads import Course
from .vehicles import Garage


def people_along(
    site: Site, way: Course, behind: float, most: int, out: tuple[float, float], lift: float = 0.0
) -> None:
    """Add people along a course.

    Args:
        site: Where.
        way: The course.
        behind: Its length behind the camera.
        most: Largest number of people.
        out: Smallest and largest distance to the right or left of the course.
        lift: Of what they stand on above the ground.
    """
    draw, crowd = site.draw, Crowd(site)
    for _ in range(int(draw.log_uniform(1, most))):
        right = draw.choice((-1, 1)) * draw.uniform(*out)
        (x, y), _ = way.at(behind + draw.log_uniform(3, 60), right)
        if is_free((x, y), 0, (0.3, 0.3), 1.5):
            crowd.add(x, y, lift=lift)


def cars_along(site: Site, way: Course, behind: float, most: int, right: float) -> None:
    """Add cars that drive on either side of a course, at a distance `right` from its middle."""
    draw, garage = site.draw, Garage(site)
    for _ in range(draw.integer(1, most)):
        side = draw.choice((-1, 1))
        at, angle = way.at(behind + draw.log_uniform(7, 120), side * right)
        if is_free(at, angle - np.pi / 2, (1.2, 5.6), 2.0):
            garage.park(at, angle - np.pi / 2 + (0 if side > 0 else np.pi))


def poles_along(site: Site, fit: Fittings, way: Course, right: float) -> None:
    """Add poles with three wires beside a course."""
    draw, tall = site.draw, site.draw.uniform(6, 9.5)
    pole, tops = fit.pole(tall, draw.integer(1, 2)), []
    for along in spaced(draw.uniform(2, 20), min(way.length, 300), draw.uniform(22, 40)):
        (x, y), angle = way.at(along, right)
        if is_free((x, y), 0, (0.2, 0.2), 1.0):
            site.stand(pole, (x, y), angle - np.pi / 2)
        tops.append((x, y, site.level(x, y) + tall - 0.2, angle - np.pi / 2))
    for first, second in pairwise(tops):
        for out in (-0.9, 0.0, 0.9):
            start, end = ((*turned((out, 0), p[3], p[:2]), p[2]) for p in (first, second))
            fit.wire(start, end, draw.uniform(0.4, 1.0))


def furniture_along(
    site: Site, pieces: Iterable[Any], way: Course, behind: float, right: float
) -> None:
    """Add pieces of furniture at random places at a distance from a course, facing it."""
    draw = site.draw
    for make in pieces:
        side = draw.choice((-1, 1))
        at, angle = way.at(behind + draw.log_uniform(3, 55), side * right)
        if is_free(at, 0, (0.8, 0.8), 1.2):
            site.stand(make(), at, angle + (np.pi if side > 0 else 0.0), lift=0.1)


def trees_at(site: Site, spots: Iterable[Any], near: bool = True, most: int = 20) -> None:
    """Add trees of one random species at those of the positions that the camera can spare."""
    draw = site.draw
    free = [(*at, site.level(*at)) for at in spots if is_free(at, 0, (0.3, 0.3), 1.6)]
    points = np.array(free[:most]).reshape(-1, 3)
    tall = draw.uniform(3.5, 12)
    kind = trees.tree_shapes(draw, site.air, near)
    trees.plant(draw, kind, points, tall * draw.rng.uniform(0.75, 1.25, len(points)))


def herd(site: Site, most: int, far: float) -> None:
    """Add animals of one kind."""
    draw = site.draw
    coat, dark = (
        site.slot(surfaces.paint(site.air, draw.near_color(draw.choice(people.COATS))))
        for _ in range(2)
    )
    beast = people.animal(draw, coat, dark)
    for _ in range(draw.integer(1, most)):
        away = draw.log_uniform(5, far)
        site.stand(beast, (away * draw.uniform(-0.6, 0.6), away), draw.uniform(0, 6.28))
