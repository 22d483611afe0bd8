"""Houses of random styles for the banks of worlds with water."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..landscapes import buildings, materials
from ..landscapes.materials import Air
from ..landscapes.meshes import place
from .draw import Draw
from .labels import UPRIGHT_INDEX

WALLS = (
    ("e6dcc8", "d8cdb8"),
    ("f0f0ec", "e4e4de"),
    ("b0604a", "9a5040"),
    ("8a8a86", "a09e98"),
    ("d8b070", "c89a5c"),
    ("6a4a38", "7c5a44"),
)
ROOFS = (("7a3a28", "94503a"), ("4a4c50", "5c5e62"), ("5a4a3a", "6e5c4a"))


def house_slots(draw: Draw, air: Air) -> list[Any]:
    """Return random materials for the slots of `buildings.house`."""
    walls = materials.plain(air, draw.near_colors(draw.choice(WALLS)), 1.0)
    tiles = materials.tiles(air, draw.near_colors(draw.choice(ROOFS)))
    wood = materials.plain(air, draw.near_colors(("5a4636", "7a614b")))
    stone = materials.plain(air, draw.near_colors(("9a938a", "7d766d")))
    return [walls, tiles, wood, materials.glass(air), stone]


def houses(draw: Draw, air: Air, spots: NDArray[np.float64]) -> None:
    """Add houses of one random style at positions (N, 3)."""
    slots = house_slots(draw, air)
    plan = buildings.Plan(
        draw.uniform(6, 11), draw.uniform(7, 14), draw.uniform(3, 9), draw.uniform(1.5, 5)
    )
    plans = (plan, replace(plan, across=True))
    meshes = [buildings.house(plan, slots) for plan in plans]
    for x, y, z in spots:
        mesh, turn = meshes[draw.integer(0, 1)], draw.rng.normal(0, 0.4)
        place(mesh, (x, y, z - 0.3), turn, draw.uniform(0.8, 1.2), UPRIGHT_INDEX)
