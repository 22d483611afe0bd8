"""Landscapes with water: a mountain lake, a sea coast, a river through a meadow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import buildings, materials, plants, terrain, water
from .materials import Air
from .meshes import Rng, place, place_many
from .noise import fractal, plane, smooth_step
from .planting import grass, wood
from .scenery import CameraPath, Setting
from .sky import Sky
from .terrain import Array, bumps, meander, on_ground, peaks, rocks

STONE = ("8a857c", "6a655e", "a39d92", "3f3b37")


def lake(rng: Rng) -> Setting:
    """Build a mountain lake at noon: rocks and spruces ashore, a forest and snowy peaks beyond."""
    air = Air("b4c8dd", 3600.0)

    def height(x: Array, y: Array) -> Array:
        far = smooth_step(y, 150, 320) * 10 + smooth_step(y, 320, 1500) * 90
        valley = 0.3 + 0.7 * smooth_step(np.abs(x / np.maximum(y, 1) + 0.08), 0.02, 0.4)
        high = peaks(x + 300, y, 800, 620, 11) * smooth_step(y, 500, 1900) * valley
        shore = smooth_step(y + 0.35 * x, 12.5, 7.0) + smooth_step(np.abs(x), 45, 110) * 6
        rough = (0.3 + 0.006 * np.minimum(y, 900)) * bumps(x, y, 25, 1.0, 5)
        return -1.2 + shore + far + high + rough * np.where(y < 150, 0.6, 1.0)

    terrain.ground(height, materials.land(air, ("5a6a32", "7a7a46", "68703c"), snow_line=230.0))
    waves = water.Waves("113842", "1d525c", 1.6, 0.05, 2.2, (0.05, -0.03), 0.03, glow=0.35)
    water.sheet(water.surface(air, waves), 1.0, 1200, -0.9)
    stones = [(-1.7, 5.2, 0.75), (2.6, 6.2, 0.9), (0.6, 8.4, 0.5), (-4.4, 9.5, 1.2)]
    rocks(rng, materials.rock(air, STONE), height, stones)
    bark = materials.plain(air, ("4a3a2e", "6a5646"))
    needles = materials.foliage(air, ("2a4526", "3a5a30", "4a6a34"))
    near = [plants.conifer(rng, 30).mesh("conifer", [bark, needles]) for _ in range(3)]
    trees = on_ground([(-4.6, 10.2), (-6.4, 13.5), (5.4, 11.0), (8.0, 15.0)], height)
    place_many(near, trees, np.array([5.5, 9.0, 3.5, 8.5]), rng, 0.02)
    far = [plants.conifer(rng, 9) for _ in range(4)]
    low = {"side": 0.75, "keep": lambda x, y: height(x, y) < 150}
    wood(rng, far, [bark, needles], height, 4200, (165, 900), (9, 17), **low)
    blades = materials.foliage(air, ("7a8a3a", "9a9a50"))
    ashore = {"keep": lambda x, y: height(x, y) > -0.75}
    grass(rng, blades, height, 260, (3.2, 10), (0.2, 0.42), **ashore)
    sky = Sky("2f69b4", "b4c8dd", "fff4e2", (52, 130, 5.2), cover=0.45, scale=1.3, seed=3.0)
    return Setting(sky, air, CameraPath(1.75, 0.5, 2.2, 0.5, 0.1, 1.5))


def coast(rng: Rng) -> Setting:
    """Build a sea coast at dusk: a grassy edge, cliffs to the right, sea stacks, red clouds."""
    air = Air("e3b894", 2600.0)
    top = 21.0

    def height(x: Array, y: Array) -> Array:
        wild = fractal(plane(x, y, 9), 3, 4)
        near = smooth_step(y - 0.25 * x + 2.2 * wild, 10.5, 8.0)
        shore = 26 + 0.2 * y + 42 * fractal(plane(0 * y, y, 95), 8, 4) + 7 * wild
        shore = np.where(y > 620, 1e4, shore)
        far = smooth_step(x - shore, -7, 5) * smooth_step(y, 30, 60)
        slope = 12 * smooth_step(x - shore, 0, 160) + bumps(x, y, 60, 5, 2)
        level = np.maximum(near * top, far * (26 + slope))
        return level - 4 + bumps(x, y, 4, 0.15, 7)

    chalk = ("8a7462", "b09a80", "5c4d42")
    terrain.ground(height, materials.land(air, ("6f7a3c", "8e8348", "59642f"), chalk), 2500, 420)
    waves = water.Waves("12333f", "356a70", 7.0, 0.9, 3.0, (0.12, -0.22), 0.03, 0.14, 0.3)
    water.sheet(water.surface(air, waves), 6.0, 30000, 0.0)
    cliff = materials.rock(air, ("9a8068", "7a6554", "b59a7e", "4f4238"), 0.25)
    stacks = ((7, 120, 8, 2.6, 1), (-18, 170, 6, 2.2, 2), (34, 230, 11, 2.4, 4))
    for x, y, size, tall, number in stacks:
        place(terrain.boulder(cliff, number), (x, y, 0.0), number, (size, size, size * tall))
    stones = [(-2.3, 5.6, 0.7), (2.9, 6.4, 0.95), (0.9, 7.9, 0.45), (-4.9, 8.2, 0.6)]
    rocks(rng, materials.rock(air, STONE), height, stones)
    blades = materials.foliage(air, ("8a8a42", "b0a05a", "6f7a3c"))
    above = {"keep": lambda x, y: height(x, y) > top - 5.2}
    grass(rng, blades, height, 900, (2.8, 11), (0.18, 0.42), **above)
    sky = Sky("4f6fa8", "f0c39a", "ffb877", (9, -70, 6.0), "ffd9b8", "8f7488", 0.62, flat=2.2)
    return Setting(sky, air, CameraPath(top - 2.3, -4.0, 1.55, -0.45, 0.05, 2.0, -0.5))


AUTUMN = (
    ("b5561c", "d98a2b", "8a3d1a"),
    ("d9a52e", "e6c04a", "a8862c"),
    ("6d7a30", "a39a3a", "c08a34"),
)


def river(rng: Rng) -> Setting:
    """Build a river through a meadow in fall: a fence, a house, colorful trees, blue hills."""
    air = Air("c5cbd0", 1500.0)

    def aside(x: Array, y: Array) -> Array:
        return np.abs(x - meander(y, 8.0, 62.0, -1.0) - 0.04 * y)

    def dry(x: Array, y: Array) -> NDArray[np.bool_]:
        return aside(x, y) > 3.6 + 0.01 * y

    def height(x: Array, y: Array) -> Array:
        bank = -1.0 * smooth_step(aside(x, y) - (2.3 + 0.01 * y), 0.9, -0.7)
        hills = smooth_step(y, 160, 700) * (60 + bumps(x, y, 320, 75, 4))
        return bank + bumps(x, y, 14, 0.22, 6) + smooth_step(np.abs(x), 20, 90) * 3 + hills

    meadow = materials.land(air, ("7d8440", "a08f4c", "5f7034"), steep=(0.2, 0.4))
    terrain.ground(height, meadow, 1800)
    waves = water.Waves("1c2f30", "41564c", 0.7, 0.03, 0.6, (0.01, -0.045), 0.03, glow=0.25)
    water.sheet(water.surface(air, waves), 0.8, 140, -0.42)
    _autumn_trees(rng, air, height, dry)
    _farm(rng, air, height)
    blades = materials.foliage(air, ("8f8a45", "b5a05a", "6f7a38"))
    grass(rng, blades, height, 1100, (2.6, 22), (0.2, 0.5), keep=dry)
    sky = Sky("4d7fbb", "c9d3da", "ffe8c6", (30, -110, 4.8), cover=0.55, scale=1.1, seed=8.0)
    return Setting(sky, air, CameraPath(1.9, -3.0, 2.4, 0.5, 0.15, -2.0, 0.5))


def _autumn_trees(rng: Rng, air: Air, height: terrain.Height, dry: terrain.Keep) -> None:
    """Add single trees of three colors along the river, and woods behind the meadow."""
    bark = materials.plain(air, ("4f4238", "75655a"))
    kinds = [materials.foliage(air, colors) for colors in AUTUMN]
    near = [plants.broadleaf(rng, 9000).mesh("tree", [bark, kind]) for kind in kinds]
    positions = [(-6.6, 13.5), (8.2, 15.0), (-12, 24), (17, 26), (4.5, 48), (-17, 44)]
    sizes = np.array([7.0, 6.0, 9.0, 8.5, 9.0, 10.0])
    place_many(near, on_ground(positions, height), sizes, rng, 0.03)
    where = {"keep": lambda x, y: dry(x, y) & (np.abs(x) > 9), "even": 0.35}
    for kind, count in zip(kinds, (520, 260, 420), strict=True):
        far = [plants.broadleaf(rng, 150, size=0.045) for _ in range(3)]
        wood(rng, far, [bark, kind], height, count, (75, 620), (8, 13), **where)


def _farm(rng: Rng, air: Air, height: terrain.Height) -> None:
    """Add the house in the meadow and the fence that leads to it."""
    walls = materials.plain(air, ("d8cdb8", "e6dcc8"), 1.0)
    stone = materials.plain(air, ("9a938a", "7d766d"))
    tiles = materials.tiles(air, ("7a3a28", "94503a", "653022"))
    planks, glass = materials.plain(air, ("5a4636", "7a614b")), materials.glass(air)
    plan = buildings.Plan(8.5, 7.0, 5.0, 3.4, True)
    home = buildings.house(plan, [walls, tiles, planks, glass, stone])
    place(home, on_ground([(12.5, 36.0)], height)[0], 0.35)
    y = np.arange(3.6, 26, 2.1)
    line = on_ground(np.column_stack([2.75 + 0.1 * y, y]), height)
    place(buildings.fence(line, rng, materials.plain(air, ("6b5d4e", "8d7d6a"))))
