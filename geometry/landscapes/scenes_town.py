"""A built-up landscape: a village street."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import buildings, materials, plants, terrain
from .materials import Air
from .meshes import Rng, Shape, place, place_many
from .noise import smooth_step
from .planting import wood
from .scenery import CameraPath, Setting
from .sky import Sky
from .terrain import Array, bumps, on_ground

PLASTER = ("e6d9bf", "d9b58a", "e9e3d6", "cfa98c", "dcc9a0", "c9cdc6")
TILES = (("8a4530", "a35a40", "6f3626"), ("6b4a3e", "80594a", "54392f"))
SHUTTERS = (("4a6a58", "557a66"), ("6a3f2c", "7d4e38"), ("3f566f", "4d6680"))
STREET_END = 82.0


def village(rng: Rng) -> Setting:
    """Build a village street on a bright day: houses, lindens, lamps, a church tower at its end."""
    air = Air("c0cfdf", 1800.0)

    def height(x: Array, y: Array) -> Array:
        hills = smooth_step(y, 110, 600) * (55 + bumps(x, y, 260, 60, 4))
        return hills + smooth_step(np.abs(x), 8, 60) * bumps(x, y, 30, 1.0, 5) - 0.05

    terrain.ground(height, materials.land(air, ("5d7a36", "7d8a44", "4c6a30")), 1500, 200)
    _street(air)
    glass, stone = materials.glass(air), materials.plain(air, ("a59d90", "8a8378"), 2.0)
    _houses(rng, air, glass, stone)
    walls = materials.plain(air, ("c9bfae", "b5ab9a"), 0.7)
    slate = materials.tiles(air, ("4d5a58", "5d6b66", "3f4a48"))
    church = buildings.tower(6.5, 25, 15, [walls, slate, stone, glass, stone])
    place(church, (-2.0, 98.0, 0.0), 0.1)
    iron, pane = materials.plain(air, ("23272a", "2f3438")), materials.plain(air, ("e8e2cc",))
    post = buildings.lamp(iron, pane)
    for x, y in ((2.9, 6.4), (-2.9, 17.0), (2.9, 28.0), (-2.9, 39.0)):
        place(post, (x, y, 0.15))
    _lindens(rng, air, height)
    sky = Sky("3a74bd", "c3d3e2", "fff0d8", (42, -125, 5.5), cover=0.52, scale=1.5, seed=1.0)
    return Setting(sky, air, CameraPath(1.7, 3.0, 2.3, 0.25, 0.1, -1.5, 0.5))


def _street(air: Air) -> None:
    """Add the paved street and a sidewalk on each side."""
    shape = Shape()
    shape.box((-3.2, 0.3, -0.3), (3.2, 95, 0.02))
    for side in (-1, 1):
        low, high = sorted((side * 3.2, side * 6.6))
        shape.box((low, 0.3, -0.3), (high, 95, 0.14), 1)
    paving = materials.cobbles(air, ("8f877b", "a39a8c", "7a7268", "4a4640"), 0.22)
    slabs = materials.cobbles(air, ("b0a898", "bfb7a8", "a0988a", "77716a"), 0.6)
    place(shape.mesh("street", [paving, slabs]))


def _houses(rng: Rng, air: Air, glass: Any, stone: Any) -> None:
    """Add houses of different sizes and colors along both sides."""
    walls = [materials.plain(air, (paint,), 0.8) for paint in PLASTER]
    roofs = [materials.tiles(air, colors) for colors in TILES]
    wood = [materials.plain(air, colors) for colors in SHUTTERS]
    for side, y in ((-1, 9.5), (1, 6.0)):
        while y < STREET_END:
            width, length = rng.uniform(7, 9), rng.uniform(7, 11)
            tall, rise = float(rng.choice([5.4, 5.9, 8.1])), rng.uniform(2.8, 4)
            plan = buildings.Plan(width, length, tall, rise, bool(rng.integers(2)))
            wall, roof, shutter = (
                kinds[int(rng.integers(len(kinds)))] for kinds in (walls, roofs, wood)
            )
            x = side * (6.2 + width / 2 + rng.uniform(0, 0.9))
            home = buildings.house(plan, [wall, roof, shutter, glass, stone])
            place(home, (x, y + length / 2, 0.0))
            y += length + rng.uniform(0.0, 2.2)


def _lindens(rng: Rng, air: Air, height: terrain.Height) -> None:
    """Add a row of lindens on each side of the street, and woods behind the village."""
    bark = materials.plain(air, ("4f463c", "70665a"))
    leaves = materials.foliage(air, ("4a6a26", "6a8a35", "3c5a24"))
    # A mesh's name seeds the random shade of its objects.
    lindens = [
        plants.broadleaf(rng, 9000, 0.3, 0.34).mesh("lime", [bark, leaves]) for _ in range(3)
    ]
    for side in (-1, 1):
        row = [(side * 3.9, y + 2 * side) for y in np.arange(9.5, 80, 10.5)]
        place_many(lindens, on_ground(row, height), rng.uniform(4.6, 5.8, len(row)), rng, 0.02)
    far = [plants.broadleaf(rng, 150, size=0.045) for _ in range(3)]
    wood(rng, far, [bark, leaves], height, 900, (120, 500), (7, 12))
