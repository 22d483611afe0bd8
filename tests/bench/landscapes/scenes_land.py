"""Landscapes on dry land: a valley in winter, dunes, a village street, hills in the fog."""

from __future__ import annotations

import numpy as np

from . import house, materials, plants, terrain
from .build import Rng, Shape, place, place_many, place_merged
from .materials import Air
from .noise import fractal, plane, smooth_step
from .setting import Flight, Setting
from .sky import Sky
from .terrain import Array, bumps, on_ground, peaks, rocks, spots


def winter(rng: Rng) -> Setting:
    """A snowy valley: spruces, a cabin, a fence in the snow, mountains in the haze."""
    air = Air("c9d5e3", 1100.0)

    def height(x: Array, y: Array) -> Array:
        sides = smooth_step(np.abs(x + 6), 14, 160) * 26 + smooth_step(y, 60, 260) * 4
        high = peaks(x + 900, y, 700, 520, 5) * smooth_step(y, 260, 1500)
        return sides + high + bumps(x, y, 18, 0.55, 3) + bumps(x, y, 3, 0.06, 9)

    snow = materials.land(
        air, ("e2e8f1", "eef2f7", "d3dcea"), ("6a6a70", "8a8a90", "4a4a50"), roughness=0.03
    )
    terrain.ground(height, snow, 3000)
    bark = materials.plain(air, ("3f342c", "5c4d42"))
    needles = materials.foliage(air, ("22392c", "2e4a38"), snow=0.12, sheer=0.2)
    near = [plants.conifer(rng, 30).mesh("conifer", [bark, needles]) for _ in range(3)]
    trees = on_ground(
        [(-4.3, 9.0), (4.9, 9.6), (-7.5, 14), (8.4, 16.5), (-3.4, 24), (13, 25)], height
    )
    place_many(near, trees, np.array([5.2, 3.4, 8.0, 8.5, 6.0, 10.0]), rng, 0.02)
    for whorls, count, first, last in ((20, 110, 28, 85), (12, 2300, 85, 600)):
        kinds = [plants.conifer(rng, whorls) for _ in range(3)]
        wood = spots(
            rng, height, count, first, last, keep=lambda x, y: np.abs(x + 6) > 9 + 0.08 * y
        )
        place_merged(kinds, [bark, needles], wood, rng.uniform(6, 13, len(wood)), rng)
    planks, stone = (
        materials.plain(air, ("5a4030", "77573f"), 1.5),
        materials.plain(air, ("77726c",)),
    )
    roof = materials.plain(air, ("e6ecf3", "f0f4f8"), 0.6)
    cabin = house.house(
        house.Plan(6.5, 5.5, 2.9, 2.6, True),
        [planks, roof, planks, materials.glass(air, "e0a850"), stone],
    )
    place(cabin, on_ground([(4.5, 33.0)], height)[0], -0.3)
    y = np.arange(4.4, 24, 2.0)
    line = on_ground(np.column_stack([-1.9 - 0.12 * y, y]), height)
    place(house.fence(line, rng, materials.plain(air, ("5c4f44", "7a6a5b"))))
    rocks(
        rng,
        materials.rock(air, ("77757a", "57565c"), moss="eef2f7"),
        height,
        ((2.3, 5.0, 0.5), (-0.4, 7.0, 0.35)),
    )
    sky = Sky("6f93c4", "cfdae6", "ffe6c8", (22, 115, 4.2), cover=0.5, flat=1.6, seed=5.0)
    return Setting(sky, air, Flight(1.8, -1.0, 2.2, -0.3, 0.25, 1.5))


def dunes(rng: Rng) -> Setting:
    """Desert dunes with long shadows: boulders and dry shrubs near, a rock arch, mesas far off."""
    air = Air("e2c7a4", 3000.0)

    def height(x: Array, y: Array) -> Array:
        bend = 30 * fractal(plane(x, y, 110), 4, 3)
        wave = ((-0.75 * x - 0.66 * y + bend) / 64) % 1.0
        crest = np.where(wave < 0.74, (wave / 0.74) ** 1.4, (1 - wave) / 0.26)
        size = 0.7 + 13 * smooth_step(y, 26, 120) * (0.65 + 0.7 * fractal(plane(x, y, 200), 9, 2))
        mesas = smooth_step(fractal(plane(x, y, 900), 21, 4), 0.06, 0.14)
        far = 150 * mesas * smooth_step(y, 900, 1300)
        return size * crest + bumps(x, y, 12, 0.2, 2) + far - 0.6

    sand = materials.sand(air, ("cf9f66", "dcb07a", "c08e57"))
    terrain.ground(height, sand, 3200, 420)
    red = ("a8643c", "8a4e30", "c07c4e", "5e3826")
    stone = materials.rock(air, red, 0.5)
    place(
        terrain.arch(stone, 5.5, 7.0, 1.35, 3),
        (4.2, 27.0, height(np.array(4.2), np.array(27.0)) - 0.8),
        0.35,
    )
    near = materials.rock(air, red)
    rows = (
        (-2.5, 5.4, 0.85),
        (2.5, 5.8, 0.65),
        (-1.2, 8.6, 0.4),
        (-4.3, 9.0, 2.3),
        (5.0, 9.8, 1.5),
        (13, 30, 2.4),
    )
    rocks(rng, near, height, rows)
    dry = materials.foliage(air, ("8a7a48", "a39058", "6f6a3c"))
    twigs = materials.plain(air, ("6b5640", "8a7052"))
    shrubs = [plants.bush(rng, 500).mesh("bush", [twigs, dry]) for _ in range(2)]
    grass = [plants.tuft(rng).mesh("tuft", [dry])]
    places = spots(rng, height, 60, 4.5, 45)
    place_many(shrubs, places, rng.uniform(0.4, 0.9, len(places)), rng)
    places = spots(rng, height, 90, 3.5, 25)
    place_many(grass, places, rng.uniform(0.3, 0.6, len(places)), rng)
    sky = Sky(
        "4a7cb8", "e6d3b8", "ffd9a6", (17, 72, 6.0), cover=0.42, flat=3.0, scale=0.9, seed=2.0
    )
    return Setting(sky, air, Flight(1.8, -1.0, 2.5, 0.5, 0.3, -1.5))


def village(rng: Rng) -> Setting:
    """A village street on a bright day: houses, lime trees, lamps, the church tower at its end."""
    air = Air("c0cfdf", 1800.0)

    def height(x: Array, y: Array) -> Array:
        hills = smooth_step(y, 110, 600) * (55 + bumps(x, y, 260, 60, 4))
        return hills + smooth_step(np.abs(x), 8, 60) * bumps(x, y, 30, 1.0, 5) - 0.05

    terrain.ground(height, materials.land(air, ("5d7a36", "7d8a44", "4c6a30")), 1500, 200)
    _street(air)
    stone = materials.plain(air, ("a59d90", "8a8378"), 2.0)
    wood = [
        materials.plain(air, (c, d))
        for c, d in (("4a6a58", "557a66"), ("6a3f2c", "7d4e38"), ("3f566f", "4d6680"))
    ]
    glass, plaster = (
        materials.glass(air),
        ("e6d9bf", "d9b58a", "e9e3d6", "cfa98c", "dcc9a0", "c9cdc6"),
    )
    roofs = [
        materials.tiles(air, c)
        for c in (("8a4530", "a35a40", "6f3626"), ("6b4a3e", "80594a", "54392f"))
    ]
    for side in (-1, 1):
        y = 9.5 if side < 0 else 6.0
        while y < 82:
            length, width = rng.uniform(7, 11), rng.uniform(7, 9)
            plan = house.Plan(
                width,
                length,
                rng.choice([5.4, 5.9, 8.1]),
                rng.uniform(2.8, 4),
                bool(rng.integers(2)),
            )
            paint = plaster[rng.integers(len(plaster))]
            looks = [
                materials.plain(air, (paint, paint), 0.8),
                roofs[rng.integers(2)],
                wood[rng.integers(3)],
                glass,
                stone,
            ]
            x = side * (6.2 + width / 2 + rng.uniform(0, 0.9))
            place(house.house(plan, looks), (x, y + length / 2, 0.0))
            y += length + rng.uniform(0.0, 2.2)
    church = [
        materials.plain(air, ("c9bfae", "b5ab9a"), 0.7),
        materials.tiles(air, ("4d5a58", "5d6b66", "3f4a48")),
    ]
    place(house.tower(6.5, 25, 15, [*church, wood[1], glass, stone]), (-2.0, 98.0, 0.0), 0.1)
    bark = materials.plain(air, ("4f463c", "70665a"))
    leaves = materials.foliage(air, ("4a6a26", "6a8a35", "3c5a24"))
    limes = [plants.broadleaf(rng, 9000, 0.3, 0.34).mesh("lime", [bark, leaves]) for _ in range(3)]
    for side in (-1, 1):
        rows = np.array([(side * 3.9, y + 2 * side) for y in np.arange(9.5, 80, 10.5)])
        place_many(limes, on_ground(rows, height), rng.uniform(4.6, 5.8, len(rows)), rng, 0.02)
    iron, pane = materials.plain(air, ("23272a", "2f3438")), materials.plain(air, ("e8e2cc",))
    post = house.lamp(iron, pane)
    for x, y in ((2.9, 6.4), (-2.9, 17.0), (2.9, 28.0), (-2.9, 39.0)):
        place(post, (x, y, 0.15))
    far = [plants.broadleaf(rng, 150, size=0.045) for _ in range(3)]
    wood_spots = spots(rng, height, 900, 120, 500)
    place_merged(far, [bark, leaves], wood_spots, rng.uniform(7, 12, len(wood_spots)), rng)
    sky = Sky("3a74bd", "c3d3e2", "fff0d8", (42, -125, 5.5), cover=0.52, scale=1.5, seed=1.0)
    return Setting(sky, air, Flight(1.7, 3.0, 2.3, 0.25, 0.1, -1.5, 0.5))


def _street(air: Air) -> None:
    """The paved street, and a pavement on either side."""
    shape = Shape()
    shape.box((-3.2, 0.3, -0.3), (3.2, 95, 0.02))
    for side in (-1, 1):
        low, high = sorted((side * 3.2, side * 6.6))
        shape.box((low, 0.3, -0.3), (high, 95, 0.14), 1)
    paving = materials.cobbles(air, ("8f877b", "a39a8c", "7a7268", "4a4640"), 0.22)
    slabs = materials.cobbles(air, ("b0a898", "bfb7a8", "a0988a", "77716a"), 0.6)
    place(shape.mesh("street", [paving, slabs]))


def fog(rng: Rng) -> Setting:
    """Hills at dawn: a fence and a tree near, rows of trees that fade into the fog."""
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
    trees = on_ground([(-5.0, 11.5), (7.5, 19), (-11, 27), (3.0, 38), (16, 36), (-22, 52)], height)
    place_many(oaks, trees, np.array([6.0, 7.0, 8.0, 7.5, 9.0, 9.0]), rng, 0.03)
    far = [plants.broadleaf(rng, 220, 0.4, size=0.04) for _ in range(3)]
    rows = spots(
        rng, height, 700, 60, 800, keep=lambda x, y: fractal(plane(x, y, 60), 31, 3) > 0.05
    )
    place_merged(far, [bark, leaves], rows, rng.uniform(7, 13, len(rows)), rng)
    y = np.arange(3.4, 30, 1.9)
    line = on_ground(np.column_stack([1.3 + 0.2 * y, y]), height)
    place(house.fence(line, rng, materials.plain(air, ("5c5146", "7d7062"))))
    blades = materials.foliage(air, ("8a8a50", "a89a62", "6f7a44"))
    grass = [plants.tuft(rng).mesh("tuft", [blades]) for _ in range(3)]
    tufts = spots(rng, height, 800, 2.6, 20)
    place_many(grass, tufts, rng.uniform(0.18, 0.45, len(tufts)), rng)
    colors = {"light": "ffe9d2", "shade": "b9a3a6"}
    sky = Sky("8fa6c4", "f0d4b4", "ffe4b8", (12, 24, 6.0), cover=0.5, flat=3.5, glow=0.9, **colors)
    return Setting(sky, air, Flight(1.8, -1.0, 2.1, 0.3, 0.15, 1.5))
