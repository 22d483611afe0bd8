"""Buildings: houses with gabled roofs and windows, a tower with a spire, fences, street lamps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np

from .meshes import Shape

WALL, ROOF, WOOD, GLASS, STONE = range(5)
"""Material slots of a building."""


@dataclass(frozen=True)
class Plan:
    """The size of a house in meters.

    Attributes:
        width: Of the walls, along x.
        length: Of the walls, along y.
        height: Of the walls.
        rise: Height of the ridge above the walls.
        across: Whether the ridge runs along x instead of y.
    """

    width: float = 7.0
    length: float = 9.0
    height: float = 5.5
    rise: float = 3.2
    across: bool = False


def house(plan: Plan, materials: Sequence[Any]) -> Any:
    """Return a mesh of a house that stands on z = 0, centered at the origin."""
    shape = Shape()
    half_x, half_y = plan.width / 2, plan.length / 2
    shape.box((-half_x, -half_y, -2), (half_x, half_y, plan.height), WALL)
    shape.box((-half_x - 0.06, -half_y - 0.06, -2), (half_x + 0.06, half_y + 0.06, 0.5), STONE)
    _roof(shape, plan)
    _front(shape, plan)
    x, y, top = 0.25 * plan.width, 0.2 * plan.length, plan.height + plan.rise + 0.5
    shape.box((x - 0.35, y - 0.35, plan.height), (x + 0.35, y + 0.35, top), STONE)
    return shape.mesh("house", materials)


def _roof(shape: Shape, plan: Plan) -> None:
    """Add two overhanging slabs and the gables under them."""
    along, across = (0, 1) if plan.across else (1, 0)
    sizes = np.array([plan.width, plan.length]) / 2
    over, thick = 0.45, 0.18
    edge, end = sizes[across] + over, sizes[along] + over
    low, high = plan.height - over * plan.rise / sizes[across], plan.height + plan.rise
    for sign in (-1, 1):
        points = np.zeros((8, 3))
        points[:, along] = [-end, end, end, -end] * 2
        points[:, across] = [sign * edge, sign * edge, 0, 0] * 2
        points[:, 2] = [low, low, high, high, *np.add([low, low, high, high], thick)]
        faces = [(0, 1, 2, 3), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (0, 3, 7, 4)]
        shape.add(points, faces, ROOF)
        gable = np.zeros((3, 3))
        gable[:, along] = sign * sizes[along]
        gable[:, across] = [-sizes[across], sizes[across], 0]
        gable[:, 2] = [plan.height, plan.height, high]
        shape.add(gable, [(0, 1, 2)], WALL)


def _front(shape: Shape, plan: Plan) -> None:
    """Add windows to all four walls, floor by floor, and doors to the two walls across x."""
    floors = max(1, int(plan.height // 2.6))
    for axis, (reach, length) in enumerate([(plan.width, plan.length), (plan.length, plan.width)]):
        count = max(1, int(length // 2.3))
        offsets = (np.arange(count) - (count - 1) / 2) * length / count
        for sign in (-1, 1):
            for floor in range(floors):
                for number, offset in enumerate(offsets):
                    is_door = floor == 0 and number == count // 2 and axis == 0
                    sill = 2.6 * floor + (0.0 if is_door else 1.0)
                    _opening(shape, axis, sign * reach / 2, offset, sill, is_door)


def _block(shape: Shape, axis: int, first: Any, second: Any, slot: int) -> None:
    """Add a box between two corners, each given as (out of the wall, along it, up).

    axis: 0 for a wall across x, 1 for one across y.
    """
    low, high = np.sort(np.array([first, second], float), axis=0)[
        :, [1, 0, 2] if axis else [0, 1, 2]
    ]
    shape.box(low, high, slot)


def _opening(
    shape: Shape, axis: int, wall: float, offset: float, sill: float, is_door: bool
) -> None:
    """Add a window or door to the wall at x (axis 0) or y (axis 1) = `wall`."""
    half, tall = (0.5, 2.1) if is_door else (0.42, 1.25)
    out = float(np.sign(wall))

    def slab(depth: float, side: float, bottom: float, top: float, slot: int) -> None:
        inner, outer = wall - 0.1 * out, wall + depth * out
        corners = (inner, offset - side, bottom), (outer, offset + side, top)
        _block(shape, axis, *corners, slot)

    slab(0.05, half + 0.12, sill - 0.1, sill + tall + 0.12, STONE)
    slab(0.06, half, sill, sill + tall, WOOD if is_door else GLASS)
    if not is_door:
        slab(0.08, 0.03, sill, sill + tall, STONE)
        slab(0.08, half, sill + 0.75, sill + 0.8, STONE)
        for beside in (-1, 1):
            middle = offset + beside * (half + 0.33)
            low = (wall, middle - 0.2, sill - 0.05)
            _block(shape, axis, low, (wall + out * 0.07, middle + 0.2, sill + tall + 0.05), WOOD)


def tower(side: float, height: float, spire: float, materials: Sequence[Any]) -> Any:
    """Return a mesh of a square church tower with bell openings, cornices and a spire."""
    shape, half = Shape(), side / 2
    shape.box((-half, -half, -2), (half, half, height), WALL)
    for level in (0.33, 0.66, 1.0):
        top = height * level
        shape.box((-half - 0.2,) * 2 + (top - 0.35,), (half + 0.2,) * 2 + (top,), STONE)
    for axis, sign in product((0, 1), (-1, 1)):
        for bottom, tall, wide in ((0.72, 0.2, 0.2), (0.4, 0.14, 0.1), (0.1, 0.12, 0.1)):
            first = (sign * (half - 0.02), -wide * side, bottom * height)
            second = (sign * (half + 0.05), wide * side, (bottom + tall) * height)
            _block(shape, axis, first, second, GLASS)
    eaves = np.array([[x, y, height] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))], float)
    eaves[:, :2] *= half + 0.3
    points = [*eaves, (0, 0, height + spire)]
    shape.add(points, [(0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)], ROOF)
    shape.tube(
        np.array([[0, 0, height + spire - 0.5], [0, 0, height + spire + 1.6]]), 0.06, 6, WOOD
    )
    return shape.mesh("tower", materials)


def fence(line: np.ndarray, rng: np.random.Generator, material: Any, rails: int = 2) -> Any:
    """Return a mesh of a fence with a post at each point of a line (N, 3) and rails between."""
    shape = Shape()
    lean, upright = rng.normal(0, 0.05, (len(line), 2)), rng.uniform(1.05, 1.25, len(line))
    lean = np.column_stack([lean, upright])
    for foot, rise in zip(line, lean, strict=True):
        shape.tube(foot + np.outer([-0.35, 1.0, 1.01], rise), [0.075, 0.06, 0.0], 8)
    for height in np.linspace(0.9, 0.45, rails):
        for first, second in pairwise(line + height * lean):
            sag = np.subtract(0.5 * (first + second), (0, 0, 0.04))
            shape.tube(np.stack([first, sag, second]), 0.04, 6)
    return shape.mesh("fence", [material])


def lamp(iron: Any, pane: Any) -> Any:
    """Return a mesh of a street lamp four meters high."""
    shape = Shape()
    shape.tube(
        np.array([[0, 0, -0.2], [0, 0, 0.8], [0, 0, 0.85], [0, 0, 3.4]]),
        [0.13, 0.11, 0.06, 0.05],
        10,
    )
    shape.tube(np.array([[0, 0, 3.4], [0, 0, 3.85]]), [0.12, 0.22], 6, 1)
    shape.tube(np.array([[0, 0, 3.85], [0, 0, 4.1], [0, 0, 4.3]]), [0.26, 0.08, 0.01], 6)
    return shape.mesh("lamp", [iron, pane])
