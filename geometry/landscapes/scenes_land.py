"""Landscapes on dry land: a valley in winter, desert dunes, hills in fog."""

from __future__ import annotations

import numpy as np

from . import buildings, materials, plants, terrain
from .materials import Air
from .meshes import Rng, place, place_many
from .noise import fractal, plane, smooth_step
from .planting import grass, sow, wood
from .scenery import CameraPath, Setting
from .sky import Sky
from .terrain import Array, bumps, on_ground, peaks, rocks


def winter(rng: Rng) -> Setting:
    """Build a snowy valley: spruces, a cabin, a fence in the snow, mountains in the haze."""
    air = Air("c9d5e3", 1100.0)

    def height(x: Array, y: Array) -> Array:
        sides = smooth_step(np.abs(x + 6), 14, 160) * 26 + smooth_step(y, 60, 260) * 4
        high = peaks(x + 900, y, 700, 520, 5) * smooth_step(y, 260, 1500)
        return sides + high + bumps(x, y, 18, 0.55, 3) + bumps(x, y, 3, 0.06, 9)

    bare = ("6a6a70", "8a8a90", "4a4a50")
    snow = materials.land(air, ("e2e8f1", "eef2f7", "d3dcea"), bare, roughness=0.03)
    terrain.ground(height, snow, 3000)
    _snowy_trees(rng, air, height)
    planks = materials.plain(air, ("5a4030", "77573f"), 1.5)
    roof = materials.plain(air, ("e6ecf3", "f0f4f8"), 0.6)
    panes, stone = materials.glass(air, "e0a850"), materials.plain(air, ("77726c",))
    plan = buildings.Plan(6.5, 5.5, 2.9, 2.6, True)
    cabin = buildings.house(plan, [planks, roof, planks, panes, stone])
    place(cabin, on_ground([(4.5, 33.0)], height)[0], -0.3)
    y = np.arange(4.4, 24, 2.0)
    line = on_ground(np.column_stack([-1.9 - 0.12 * y, y]), height)
    place(buildings.fence(line, rng, materials.plain(air, ("5c4f44", "7a6a5b"))))
    capped = materials.rock(air, ("77757a", "57565c"), moss="eef2f7")
    rocks(rng, capped, height, [(2.3, 5.0, 0.5), (-0.4, 7.0, 0.35)])
    sky = Sky("6f93c4", "cfdae6", "ffe6c8", (22, 115, 4.2), cover=0.5, flat=1.6, seed=5.0)
    return Setting(sky, air, CameraPath(1.8, -1.0, 2.2, -0.3, 0.25, 1.5))


def _snowy_trees(rng: Rng, air: Air, height: terrain.Height) -> None:
    """Add spruces beside the camera's path and woods on the slopes, simpler ones farther away."""
    bark = materials.plain(air, ("3f342c", "5c4d42"))
    needles = materials.foliage(air, ("22392c", "2e4a38"), snow=0.12, sheer=0.2)
    near = [plants.conifer(rng, 30).mesh("conifer", [bark, needles]) for _ in range(3)]
    positions = [(-4.3, 9.0), (4.9, 9.6), (-7.5, 14), (8.4, 16.5), (-3.4, 24), (13, 25)]
    sizes = np.array([5.2, 3.4, 8.0, 8.5, 6.0, 10.0])
    place_many(near, on_ground(positions, height), sizes, rng, 0.02)
    for whorls, count, first, last in ((20, 110, 28, 85), (12, 2300, 85, 600)):
        far = [plants.conifer(rng, whorls) for _ in range(3)]
        sides = {"keep": lambda x, y: np.abs(x + 6) > 9 + 0.08 * y}
        wood(rng, far, [bark, needles], height, count, (first, last), (6, 13), **sides)


RED_ROCK = ("a8643c", "8a4e30", "c07c4e", "5e3826")


def dunes(rng: Rng) -> Setting:
    """Build desert dunes with long shadows, boulders, dry shrubs, a rock arch and distant mesas."""
    air = Air("e2c7a4", 3000.0)

    def height(x: Array, y: Array) -> Array:
        bend = 30 * fractal(plane(x, y, 110), 4, 3)
        wave = ((-0.75 * x - 0.66 * y + bend) / 64) % 1.0
        crest = np.where(wave < 0.74, (wave / 0.74) ** 1.4, (1 - wave) / 0.26)
        size = 0.7 + 13 * smooth_step(y, 26, 120) * (0.65 + 0.7 * fractal(plane(x, y, 200), 9, 2))
        mesas = smooth_step(fractal(plane(x, y, 900), 21, 4), 0.06, 0.14)
        far = 150 * mesas * smooth_step(y, 900, 1300)
        return size * crest + bumps(x, y, 12, 0.2, 2) + far - 0.6

    terrain.ground(height, materials.sand(air, ("cf9f66", "dcb07a", "c08e57")), 3200, 420)
    foot = on_ground([(4.2, 27.0)], height)[0] - [0, 0, 0.8]
    place(terrain.arch(materials.rock(air, RED_ROCK, 0.5), 5.5, 7.0, 1.35, 3), foot, 0.35)
    stones = [(-2.5, 5.4, 0.85), (2.5, 5.8, 0.65), (-1.2, 8.6, 0.4)]
    stones += [(-4.3, 9.0, 2.3), (5.0, 9.8, 1.5), (13, 30, 2.4)]
    rocks(rng, materials.rock(air, RED_ROCK), height, stones)
    dry = materials.foliage(air, ("8a7a48", "a39058", "6f6a3c"))
    twigs = materials.plain(air, ("6b5640", "8a7052"))
    shrubs = [plants.bush(rng, 500).mesh("bush", [twigs, dry]) for _ in range(2)]
    sow(rng, shrubs, height, 60, (4.5, 45), (0.4, 0.9))
    grass(rng, dry, height, 90, (3.5, 25), (0.3, 0.6))
    light = ("4a7cb8", "e6d3b8", "ffd9a6", (17.0, 72.0, 6.0))
    sky = Sky(*light, cover=0.42, flat=3.0, scale=0.9, seed=2.0)
    return Setting(sky, air, CameraPath(1.8, -1.0, 2.5, 0.5, 0.3, -1.5))


def fog(rng: Rng) -> Setting:
    """Build hills at dawn: a fence and a tree up close, trees that fade into the fog."""
    air = Air("ecd3b6", 75.0, 26.0)

    def height(x: Array, y: Array) -> Array:
        rolling = 6 * np.sin((y + 0.5 * x) * 0.055 + 2.6) * smooth_step(y, 12, 40)
        hills = smooth_step(y, 70, 420) * (34 + bumps(x, y, 210, 46, 12))
        far = smooth_step(y, 500, 1500) * (70 + bumps(x, y, 600, 130, 15))
        return rolling + hills + far + bumps(x, y, 16, 0.35, 6)

    meadow = materials.land(air, ("6a7340", "8a8450", "556036"), steep=(0.1, 0.3))
    terrain.ground(height, meadow, 3000)
    bark = materials.plain(air, ("3f362e", "5a4e44"))
    leaves = materials.foliage(air, ("4c5a2c", "6a6e38", "8a6a34"))
    oaks = [plants.broadleaf(rng, 9000, 0.42, 0.22).mesh("oak", [bark, leaves]) for _ in range(2)]
    positions = [(-5.0, 11.5), (7.5, 19), (-11, 27), (3.0, 38), (16, 36), (-22, 52)]
    sizes = np.array([6.0, 7.0, 8.0, 7.5, 9.0, 9.0])
    place_many(oaks, on_ground(positions, height), sizes, rng, 0.03)
    far = [plants.broadleaf(rng, 220, 0.4, size=0.04) for _ in range(3)]
    groves = {"keep": lambda x, y: fractal(plane(x, y, 60), 31, 3) > 0.05}
    wood(rng, far, [bark, leaves], height, 700, (60, 800), (7, 13), **groves)
    y = np.arange(3.4, 30, 1.9)
    line = on_ground(np.column_stack([1.3 + 0.2 * y, y]), height)
    place(buildings.fence(line, rng, materials.plain(air, ("5c5146", "7d7062"))))
    blades = materials.foliage(air, ("8a8a50", "a89a62", "6f7a44"))
    grass(rng, blades, height, 800, (2.6, 20), (0.18, 0.45))
    light = ("8fa6c4", "f0d4b4", "ffe4b8", (12.0, 24.0, 6.0), "ffe9d2", "b9a3a6")
    sky = Sky(*light, cover=0.5, flat=3.5, glow=0.9)
    return Setting(sky, air, CameraPath(1.8, -1.0, 2.1, 0.3, 0.15, 1.5))
