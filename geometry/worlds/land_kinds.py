"""Kinds of worlds on dry land, such as plains, forests, mountains, canyons, dunes and fields."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..landscapes import materials, terrain
from ..landscapes.materials import Air
from ..landscapes.meshes import Shape, grid_faces, place
from ..landscapes.noise import fractal, plane, ridged, smooth_step
from ..landscapes.terrain import Array, Height
from .draw import Draw
from .labels import FLAT_INDEX, UPRIGHT_INDEX
from .place import Place, WorldKind
from .scatter import Cover, dress

MEADOWS = (
    ("5a6a32", "7a7a46", "68703c"),
    ("7d8440", "a08f4c", "5f7034"),
    ("4f7a2c", "6a9038", "3e6a28"),
    ("a8985a", "c0ad6a", "8f8048"),
    ("8a7a58", "a08e68", "6f6044"),
    ("6a5a44", "7d6c54", "54473a"),
    ("9a6a48", "b07c56", "7e5438"),
    ("8f8f88", "a3a39c", "7a7a74"),
)
MEADOW_WEIGHTS = (3, 3, 3, 2, 1, 1, 1, 1)
SNOW = ("e2e8f1", "eef2f7", "d3dcea")
SANDS = (("cf9f66", "dcb07a", "c08e57"), ("d8c8a8", "e6d8bc", "c8b490"), ("b87a4c", "c88c5c"))
ROCKS = (
    ("6d655c", "8d867c", "4f4a45"),
    ("8a7462", "b09a80", "5c4d42"),
    ("a8643c", "8a4e30", "c07c4e", "5e3826"),
    ("5a5c60", "74767a", "404246"),
    ("b8ac98", "d0c6b4", "968a78"),
)


def ground_material(
    draw: Draw, air: Air, snowy: bool = False, snow_line: float | None = None
) -> Any:
    """Return a random material of land."""
    colors = SNOW if snowy else draw.choice(MEADOWS, MEADOW_WEIGHTS)
    steep = draw.uniform(0.4, 0.75)
    return materials.land(
        air,
        draw.near_colors(colors, 0.3 if snowy else 1.0),
        draw.near_colors(draw.choice(ROCKS)),
        (steep, steep + 0.2),
        snow_line,
        draw.log_uniform(0.2, 1.5),
        draw.log_uniform(0.02, 0.15),
    )


def far_fan(height: Height, material: object, far: float = 30000.0) -> None:
    """Add ground up to the horizon."""
    terrain.ground(height, material, far, 230, 260, 1.9)


def rolling(draw: Draw, rough: float = 1.0) -> Height:
    """Return the height of random land: level near the camera, with hills and mountains beyond."""
    seeds = [draw.seed() % 1000 for _ in range(4)]
    small = rough * draw.log_uniform(0.03, 0.5)
    hill_scale = draw.log_uniform(40, 500)
    hill = rough * hill_scale * draw.choice((0.0, 0.02, 0.06, 0.14), (1, 2, 2, 1))
    begin = draw.log_uniform(8, 200)
    mountain = draw.choice((0.0, 150.0, 500.0, 1400.0), (2, 2, 2, 1))
    mountain *= draw.uniform(0.6, 1.4)
    mountain_begin = draw.log_uniform(250, 4000)
    ridge = mountain * draw.uniform(1.2, 3.0) + 200
    tilt_x, tilt_y = draw.rng.normal(0, 0.02, 2)
    valley = draw.chance(0.35) * draw.uniform(0.05, 0.25) * rough

    def height(x: Array, y: Array) -> Array:
        away = np.hypot(x, y)
        total = small * fractal(plane(x, y, 9.0), seeds[0], 4)
        if hill:
            bump = fractal(plane(x, y, hill_scale), seeds[1], 4)
            total = total + hill * bump * smooth_step(away, 0.2 * begin, 2 * begin)
        if mountain:
            high = ridged(plane(x, y, ridge), seeds[2], 6)
            total = total + mountain * high * smooth_step(
                away, mountain_begin, 2.5 * mountain_begin
            )
        if valley:
            total = total + valley * np.maximum(np.abs(x) - 12, 0) * smooth_step(y, 5, 60)
        near = np.minimum(away, 300.0) / np.maximum(away, 1e-6)
        return total + (tilt_x * x + tilt_y * y) * near

    return height


def plain(draw: Draw, air: Air) -> Place:
    """Build land of any shape with woods, trees and rocks, in any season."""
    height = rolling(draw)
    snowy = draw.chance(0.15)
    line = draw.uniform(150, 900) if draw.chance(0.4) else None
    far_fan(height, ground_material(draw, air, snowy, line))
    dress(draw, air, height, Cover(snow=0.12 * snowy))
    return Place(height, (1.0, 4.0))


def vista(draw: Draw, air: Air) -> Place:
    """Build land that is seen from high up, with the camera looking down more."""
    height = rolling(draw, 2.0)
    snowy = draw.chance(0.12)
    line = draw.uniform(150, 900) if draw.chance(0.4) else None
    far_fan(height, ground_material(draw, air, snowy, line))
    dress(draw, air, height, Cover(woods=1.3, trees=0.5, grass=0.2))
    return Place(height, (8.0, 150.0), (-35.0, 4.0), foreground=False)


def mountains(draw: Draw, air: Air) -> Place:
    """Build steep mountains that fill much of the picture."""
    seeds = [draw.seed() % 1000 for _ in range(3)]
    tall = draw.log_uniform(120, 2200)
    begin = tall * draw.uniform(0.1, 1.2)
    scale = tall * draw.uniform(0.9, 2.5)
    side, gap = draw.uniform(-1, 1), draw.uniform(0.0, 0.5)

    def height(x: Array, y: Array) -> Array:
        away = np.hypot(x, y)
        rise = smooth_step(away, begin, begin + scale)
        pass_ = smooth_step(np.abs(x / np.maximum(away, 1) - 0.4 * side), 0.0, gap + 0.01)
        high = ridged(plane(x, y, scale), seeds[0], 7) * (0.35 + 0.65 * pass_)
        rough = 0.3 * fractal(plane(x, y, 12), seeds[1], 4)
        return tall * high * rise + rough

    line = tall * draw.uniform(0.2, 0.8) if draw.chance(0.6) else None
    far_fan(height, ground_material(draw, air, draw.chance(0.15), line))
    low = tall * draw.uniform(0.1, 0.5)
    dress(draw, air, height, Cover(), lambda x, y: height(x, y) < low)
    return Place(height, (1.0, 12.0), (-8.0, 18.0))


def canyon(draw: Draw, air: Air) -> Place:
    """Build a canyon or gorge of layered rock, seen from its floor or from its rim."""
    seeds = [draw.seed() % 1000 for _ in range(3)]
    deep = draw.log_uniform(8, 250)
    wide = deep * draw.uniform(0.3, 2.0) + 3
    swing, length = wide * draw.uniform(0, 1.5), deep * draw.uniform(2, 8)
    steps = draw.integer(1, 5)
    at_rim = draw.chance(0.5)
    start = wide * draw.uniform(1.2, 2.0) if at_rim else 0.0

    def height(x: Array, y: Array) -> Array:
        wander = start + swing * np.sin(y / length + 1.0) - swing * np.sin(1.0)
        wander = wander * (1 - smooth_step(y, 5 * length, 9 * length) if at_rim else 1.0)
        rough = fractal(plane(x, y, 0.5 * deep), seeds[0], 5)
        aside = (np.abs(x - wander) + 0.5 * wide * rough) / wide
        level = np.clip((aside - 0.7) * 1.6, 0, 1)
        stairs = (np.floor(level * steps) + smooth_step(level * steps % 1.0, 0.3, 0.75)) / steps
        top = deep * np.clip(stairs, 0, 1) + 0.06 * deep * fractal(plane(x, y, deep), seeds[1], 4)
        return top + 0.15 * fractal(plane(x, y, 4), seeds[2], 4)

    stone = draw.near_colors(draw.choice(ROCKS))
    sandy = draw.near_colors(draw.choice((*SANDS, *MEADOWS)))
    terrain.ground(
        height, materials.land(air, sandy, stone, (0.55, 0.9), None, 0.3), 8000, 380, 330, 1.9
    )
    dress(draw, air, height, Cover(woods=0.4, trees=0.5, grass=0.6, rocks=1.5))
    if at_rim:
        return Place(height, (1.5, 30.0), (-30.0, 0.0))
    return Place(height, (1.0, 3.0), (-8.0, 20.0), yaw=15)


def cliffs(draw: Draw, air: Air) -> Place:
    """Build a rock face that stands before the camera or to one side, with or without a top."""
    seeds = [draw.seed() % 1000 for _ in range(3)]
    tall, away = draw.log_uniform(3, 150), draw.log_uniform(5, 80)
    slant, lean = draw.uniform(-1.5, 1.5), draw.uniform(0.5, 3.0)

    def height(x: Array, y: Array) -> Array:
        rough = fractal(plane(x, y, 0.3 * tall + 3), seeds[0], 5)
        edge = (y - slant * x - away) / lean + 0.35 * tall * rough
        face = smooth_step(edge, 0.0, 0.35 * tall)
        top = tall * face * (1 + 0.3 * fractal(plane(x, y, 2 * tall), seeds[1], 3))
        return top + 0.2 * fractal(plane(x, y, 5), seeds[2], 4)

    stone = draw.near_colors(draw.choice(ROCKS))
    grassy = draw.near_colors(draw.choice((*MEADOWS, *SANDS)))
    terrain.ground(
        height, materials.land(air, grassy, stone, (0.5, 0.85), None, 0.6), 6000, 380, 330, 1.9
    )
    dress(draw, air, height, Cover(rocks=1.6))
    return Place(height, (1.0, 3.0), (-8.0, 20.0))


def dunes(draw: Draw, air: Air) -> Place:
    """Build dunes of sand or snowdrifts."""
    seeds = [draw.seed() % 1000 for _ in range(2)]
    length, tall = draw.log_uniform(15, 150), draw.log_uniform(1, 25)
    turn = draw.uniform(0, 6.28)
    across = np.cos(turn), np.sin(turn)
    sharp = draw.uniform(0.6, 0.85)
    near = draw.log_uniform(2, 60)

    def height(x: Array, y: Array) -> Array:
        bend = 0.5 * length * fractal(plane(x, y, 1.8 * length), seeds[0], 3)
        wave = ((across[0] * x + across[1] * y + bend) / length) % 1.0
        crest = np.where(wave < sharp, (wave / sharp) ** 1.5, (1 - wave) / (1 - sharp))
        size = tall * (0.6 + 0.7 * fractal(plane(x, y, 3 * length), seeds[1], 2))
        return size * crest * smooth_step(np.hypot(x, y), 0.3 * near, 3 * near)

    colors = SNOW if draw.chance(0.2) else draw.choice(SANDS)
    sand = materials.sand(air, draw.near_colors(colors, 0.6), draw.log_uniform(0.1, 0.8))
    terrain.ground(height, sand, 20000, 330, 330, 1.9)
    dress(draw, air, height, Cover(woods=0, trees=0.2, bushes=0.6, grass=0.5, rocks=0.7))
    return Place(height, (1.0, 15.0), (-20.0, 5.0))


def forest(draw: Draw, air: Air) -> Place:
    """Build the inside of a forest: trunks all round, a path or none, light gaps of sky."""
    height = rolling(draw, 0.6)
    far_fan(height, ground_material(draw, air, draw.chance(0.12)), 4000.0)
    wide = draw.uniform(0.8, 3.5)
    swing, length = draw.uniform(0, 6), draw.uniform(15, 60)

    def aside(x: Array, y: Array) -> Array:
        return np.abs(x - swing * np.sin(y / length))

    for _ in range(draw.integer(2, 3)):
        dress(
            draw,
            air,
            height,
            Cover(woods=1.5, trees=1.7, bushes=1.2, grass=1.2),
            lambda x, y: aside(x, y) > wide,
        )
    trunks(draw, air, height, lambda x, y: aside(x, y) > wide)
    if draw.chance(0.5):
        path(draw, air, height, swing, length, wide)
    return Place(height, (1.0, 2.5), (-12.0, 20.0))


def trunks(draw: Draw, air: Air, height: Height, keep: terrain.Keep) -> None:
    """Add the bare trunks of a high forest."""
    bark = materials.plain(
        air, draw.near_colors(draw.choice((("4a3a2e", "6a5646"), ("8a8078", "b0a8a0"))))
    )
    spots = terrain.random_positions(
        draw.rng, height, draw.integer(20, 220), 3.5, 90, side=1.0, keep=keep
    )
    thick, shape = draw.log_uniform(0.05, 0.4), Shape()
    for spot in spots:
        bend = draw.rng.normal(0, 0.3, 2)
        spine = spot + np.array([[0, 0, -0.3], [0.3 * bend[0], 0.3 * bend[1], 6], [*bend, 22.0]])
        radius = thick * draw.uniform(0.6, 1.5)
        shape.tube(spine, [radius * 1.2, radius, 0.4 * radius], 7)
    if len(spots):
        place(shape.mesh("trunks", [bark]), index=UPRIGHT_INDEX)


def path(
    draw: Draw, air: Air, height: Height, swing: float, length: float, wide: float, far: float = 150
) -> None:
    """Add a path or a road that winds about x = 0 over the ground.

    Args:
        draw: The random choices.
        air: The haze.
        height: The ground's height.
        swing: How far it winds to either side, in meters.
        length: Distance in meters over which its direction turns by one radian.
        wide: Half its width in meters.
        far: Where it ends, in meters.
    """
    away = np.geomspace(0.7, far, 160)[:, None]
    across = np.linspace(-wide, wide, 9)
    y = away + 0 * across
    x = swing * np.sin(y / length) + across
    points = np.stack([x, y, height(x, y) + 0.02 + 0.004 * np.sqrt(away)], axis=-1)
    shape = Shape()
    shape.add(points.reshape(-1, 3), grid_faces(*x.shape))
    if draw.chance(0.5):
        colors = draw.choice((("8a7a62", "a39274"), ("b8a890", "cabca4"), ("6a5e50", "7a6e60")))
        surface = materials.plain(air, draw.near_colors(colors), draw.log_uniform(0.3, 3))
    else:
        colors = draw.choice((("55565a", "66676b"), ("3e4044", "4c4e52"), ("8f8f8c", "a5a5a2")))
        surface = materials.plain(air, draw.near_colors(colors), draw.log_uniform(0.5, 6), 0.003)
    place(shape.mesh("path", [surface], smooth=True), index=FLAT_INDEX)


def road(draw: Draw, air: Air) -> Place:
    """Build a road or path through land."""
    height = rolling(draw, 0.7)
    far_fan(height, ground_material(draw, air, draw.chance(0.12)))
    wide, swing = draw.log_uniform(0.6, 5), draw.uniform(0, 12)
    length = draw.uniform(20, 120)
    path(draw, air, height, swing, length, wide, draw.log_uniform(60, 800))

    def is_free(x: Array, y: Array) -> NDArray[np.bool_]:
        return np.abs(x - swing * np.sin(y / length)) > wide + 0.8

    dress(draw, air, height, Cover(), is_free)
    return Place(height, (1.2, 3.0), (-14.0, 5.0))


def fields(draw: Draw, air: Air) -> Place:
    """Build crops or vines in rows, or a flowering meadow."""
    height = rolling(draw, 0.4)
    far_fan(height, ground_material(draw, air))
    turn, apart = draw.uniform(-0.9, 0.9), draw.log_uniform(0.5, 3.0)
    colors = draw.choice(
        (
            ("6d7a30", "a39a3a"),
            ("c8a848", "e0c468"),
            ("4f7a2c", "6a9038"),
            ("8a5aa0", "a878c0"),
            ("c04840", "d8685c"),
            ("d8c83c", "e8dc60"),
        )
    )
    leaves = materials.foliage(air, draw.near_colors(colors))
    count = 6000
    spots = terrain.random_positions(draw.rng, height, count, 1.5, 120, side=1.2, even=0.35)
    across = spots[:, 0] * np.cos(turn) - spots[:, 1] * np.sin(turn)
    shift = np.round(across / apart) * apart - across + draw.rng.normal(0, 0.05, len(spots))
    spots[:, 0] += shift * np.cos(turn)
    spots[:, 1] -= shift * np.sin(turn)
    spots = spots[spots[:, 1] > 1.2]
    spots[:, 2] = height(spots[:, 0], spots[:, 1])
    tall = draw.log_uniform(0.15, 1.6)
    shape = Shape()
    small = _crop(draw)
    sizes = tall * draw.rng.uniform(0.7, 1.3, len(spots))
    shape.merge(small, spots, sizes, draw.rng.uniform(0, 6.28, len(spots)))
    index = UPRIGHT_INDEX if tall > 0.7 else FLAT_INDEX
    place(shape.mesh("crop", [leaves]), index=index)
    dress(draw, air, height, Cover(grass=0.3, bushes=0.3), lambda x, y: y > 40)
    return Place(height, (1.2 * max(tall, 0.8), 6.0), (-20.0, 4.0))


def _crop(draw: Draw) -> Shape:
    """Return a plant one meter high of a few leaves."""
    shape = Shape()
    count = 7
    centers = np.column_stack(
        [draw.rng.normal(0, 0.15, (count, 2)), draw.rng.uniform(0.2, 1.0, count)]
    )
    right = draw.rng.normal(0, 0.16, (count, 3))
    up = draw.rng.normal((0, 0, 0.2), 0.1, (count, 3))
    shape.quads(centers, right, up)
    return shape


KINDS = (
    WorldKind("plain", plain, 3),
    WorldKind("vista", vista, 2),
    WorldKind("mountains", mountains, 2.5),
    WorldKind("canyon", canyon, 1),
    WorldKind("cliffs", cliffs, 1.2),
    WorldKind("dunes", dunes, 1),
    WorldKind("forest", forest, 2),
    WorldKind("road", road, 2),
    WorldKind("fields", fields, 1),
)
