"""What grows, lies and floats at the water: simple trees, stones, reeds, lily pads, ice floes.

Shapes are about one meter high, of few faces, and placed merged: thousands cost little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..landscapes import materials, plants
from ..landscapes.materials import Air, material, matte, mottled
from ..landscapes.meshes import Shape, grid_faces
from ..landscapes.nodes import Tree
from ..landscapes.noise import fractal
from ..landscapes.terrain import Height, sphere
from .draw import Draw
from .labels import WATER_INDEX
from .scatter import scatter

Array = NDArray[np.float64]
Rng = np.random.Generator
POLES = 0.02
"""Angle in radians around the poles of balls that is left open."""
BARK, LEAF = plants.BARK, plants.LEAF
BARKS = (("4a3a2e", "6a5646"), ("8a8478", "c8c2b4"), ("2e2620", "4a4038"))
LEAVES = (
    ("16281a", "2e4a2c", "3c5a34"),
    ("24401c", "4a6a2a", "6a8a3c"),
    ("39501e", "6a7e34", "8c9a48"),
    ("5a5a20", "a8963a", "c8a040"),
    ("6a2a14", "b5561c", "d98a2b"),
    ("2a3a30", "4a5e50", "6a7a68"),
)
LEAF_WEIGHTS = (4, 4, 3, 1, 1, 1)
STONES = (
    ("8a857c", "6a655e", "a39d92", "3f3b37"),
    ("4a4844", "2e2c2a", "62605a", "1c1b1a"),
    ("b0a08a", "94846e", "c8baa4", "5e5446"),
    ("8a6450", "70503e", "a47c64", "44322a"),
)


def far_conifer(rng: Rng) -> Shape:
    """Return a spruce one meter high of ragged cones."""
    shape = Shape()
    shape.tube(np.array([[0, 0, -0.1], [0, 0, 0.5]]), [0.025, 0.015], 4, BARK)
    wide = rng.uniform(0.13, 0.24)
    levels = np.linspace(0.1, 0.88, 7)
    for level in levels:
        count = 9
        turn = np.arange(count) * 6.283 / count + rng.uniform(0, 6.28)
        reach = wide * (1.05 - level) * rng.uniform(0.55, 1.25, count)
        drop = rng.uniform(-0.04, 0.02, count)
        ring = np.stack([reach * np.cos(turn), reach * np.sin(turn), level + drop], -1)
        tip = np.array([[0, 0, min(level + 0.24, 1.0)]])
        shape.triangles(ring, np.roll(ring, -1, axis=0), np.repeat(tip, count, axis=0), LEAF)
    return shape


def far_broadleaf(rng: Rng) -> Shape:
    """Return a leafy tree one meter high: a few ragged balls, and leaves around them."""
    shape = Shape()
    bare, wide = rng.uniform(0.05, 0.35), rng.uniform(0.2, 0.45)
    shape.tube(np.array([[0, 0, -0.1], [0.01, 0, bare], [0, 0, 0.7]]), [0.03, 0.022, 0.01], 5, BARK)
    points, faces = sphere(5, 8, POLES)
    for _ in range(3):
        middle = np.array([*rng.normal(0, 0.35 * wide, 2), rng.uniform(bare + 0.25, 0.78)])
        size = np.array([wide, wide, min(middle[2] - bare, 1.02 - middle[2])])
        size *= rng.uniform(0.65, 0.9)
        rough = rng.uniform(0.75, 1.15, (len(points), 1))
        shape.add(middle + points * size * rough, faces, LEAF)
        count = 20
        away = rng.normal(size=(count, 3))
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        right = rng.normal(0, 0.042, (count, 3))
        shape.quads(middle + away * size * 1.02, right, rng.normal(0, 0.042, (count, 3)), LEAF)
    return shape


def bare_tree(rng: Rng) -> Shape:
    """Return a leafless tree one meter high."""
    shape = Shape()

    def branch(start: Array, way: Array, long: float, thick: float, level: int) -> None:
        bend = start + 0.5 * long * way + rng.normal(0, 0.06 * long, 3)
        end = start + long * way + rng.normal(0, 0.1 * long, 3)
        shape.tube(np.stack([start, bend, end]), [thick, 0.8 * thick, 0.55 * thick], 4, BARK)
        if level:
            for _ in range(3):
                turned = way + rng.normal(0, 0.55, 3) + [0, 0, 0.15]
                turned /= np.linalg.norm(turned)
                branch(end, turned, long * rng.uniform(0.55, 0.8), 0.55 * thick, level - 1)

    branch(np.array([0, 0, -0.05]), np.array([0, 0, 1.0]), 0.33, 0.025, 4)
    return shape


def palm(rng: Rng) -> Shape:
    """Return a palm one meter high."""
    shape = Shape()
    lean = rng.normal(0, 0.12, 2)
    level = np.linspace(0, 1, 6)[:, None]
    spine = np.column_stack([lean * level**2, level * 0.82 - 0.03])
    shape.tube(spine, np.linspace(0.025, 0.015, 6), 6, BARK)
    top, up = spine[-1], np.array([0.0, 0.0, 1.0])
    sunk = 0.02 * up
    for turn in np.arange(13) * 0.483 + rng.normal(0, 0.2, 13):
        out = np.array([np.cos(turn), np.sin(turn), 0.0])
        side = np.array([-out[1], out[0], 0.0])
        along = np.linspace(0, 1, 7)[:, None]
        rise, long = rng.uniform(0.02, 0.3), rng.uniform(0.28, 0.42)
        middle = top + out * along * long + up * (rise * along - 0.45 * along**2)
        half = side * (0.05 * np.sin(np.pi * (0.08 + 0.9 * along)))
        points = np.concatenate([middle + half - sunk, middle, middle - half - sunk])
        rows = points.reshape(3, 7, 3).transpose(1, 0, 2).reshape(-1, 3)
        shape.add(rows, grid_faces(7, 3), LEAF)
    return shape


def leafy(air: Air, colors: tuple[str, ...]) -> Any:
    """Return a material of crowns whose leaves are too small to see."""

    def surface(tree: Tree) -> Any:
        at = tree.position()
        fine = mottled(tree, at, colors, 1.6, 0.7)
        color = tree.mix(0.45, fine, mottled(tree, at, colors, 0.09))
        return matte(tree, color, tree.bump(tree.noise(at, 1.4, 5.0, 0.75), 0.6))

    return material("leafy", air, surface)


def tree_slots(draw: Draw, air: Air) -> list[Any]:
    """Return random materials of bark and of leaves."""
    bark = materials.plain(air, draw.near_colors(draw.choice(BARKS)))
    return [bark, leafy(air, draw.near_colors(draw.choice(LEAVES, LEAF_WEIGHTS)))]


def tree_shapes(draw: Draw) -> list[Shape]:
    """Return simple trees of one random kind, or of two."""
    makers: Sequence[Callable[[Rng], Shape]] = (far_conifer, far_broadleaf)
    if draw.chance(0.25):
        return [make(draw.rng) for make in makers for _ in range(2)]
    make = draw.choice(makers, (1, 1.2))
    return [make(draw.rng) for _ in range(4)]


def near_tree_shapes(draw: Draw) -> list[Shape]:
    """Return trees of one random kind, fine enough for close by."""
    rng = draw.rng
    kind = draw.choice(("conifer", "broadleaf", "bare"), (1, 2, 0.5))
    if kind == "conifer":
        return [plants.conifer(rng, draw.integer(17, 26))]
    if kind == "bare":
        return [bare_tree(rng)]
    count = int(draw.log_uniform(900, 3500))
    wide, low = draw.uniform(0.22, 0.45), draw.uniform(0.08, 0.4)
    return [plants.broadleaf(rng, count, wide, low, 0.55 / count**0.5)]


def sector(
    draw: Draw, height: Height, count: int, span: tuple[float, float], keep: Any, side: float = 1.2
) -> Array:
    """Return random positions (N, 3) on the ground where `keep`(x, y) holds, denser close by.

    Args:
        draw: The random choices.
        height: The ground's height.
        count: Most positions; eight times as many are tried.
        span: Smallest and largest distance along y in meters.
        keep: Which positions may be used.
        side: Largest |x| as a share of y.
    """
    low, high = np.sqrt(span)
    y = draw.rng.uniform(low, high, 8 * count) ** 2
    x = y * draw.rng.uniform(-side, side, len(y))
    kept = np.flatnonzero(keep(x, y))[:count]
    return np.stack([x[kept], y[kept], height(x[kept], y[kept])], axis=-1)


def wood(
    draw: Draw, air: Air, height: Height, span: tuple[float, float], keep: Any, most: int = 700
) -> None:
    """Add a wood of simple trees; see `sector`."""
    count = int(draw.log_uniform(0.15 * most, most))
    spots = sector(draw, height, count, span, keep)
    tall = draw.uniform(5, 22)
    sizes = tall * np.exp(draw.rng.normal(0, 0.22, len(spots)))
    sizes = np.minimum(sizes, np.hypot(spots[:, 0], spots[:, 1]))  # no crown around the camera
    scatter(draw, tree_shapes(draw), tree_slots(draw, air), spots, sizes)


def near_trees(
    draw: Draw, air: Air, height: Height, span: tuple[float, float], keep: Any, most: int = 8
) -> None:
    """Add a few trees close by; see `sector`."""
    spots = sector(draw, height, draw.integer(1, most), span, keep, 0.9)
    sizes = draw.uniform(4, 13) * np.exp(draw.rng.normal(0, 0.25, len(spots)))
    sizes = np.minimum(sizes, 1.4 * np.hypot(spots[:, 0], spots[:, 1]))
    scatter(draw, near_tree_shapes(draw), tree_slots(draw, air), spots, sizes)


def stone_shapes(draw: Draw, count: int = 4) -> list[Shape]:
    """Return rough stones of about half a meter in radius, sunk by a fifth."""
    result = []
    points, faces = sphere(11, 16, POLES)
    squash, angular = draw.uniform(0.45, 1.0), draw.uniform(0.2, 0.7)
    for _ in range(count):
        seed = draw.seed()
        facets = np.abs(fractal(points * 1.2, seed, 2)) * angular
        rough = 0.95 - facets + 0.25 * fractal(points * 2.5, seed + 9, 2)
        shape = Shape()
        size = draw.rng.uniform(0.75, 1.25, 3) * [0.5, 0.5, 0.5 * squash]
        shape.add(points * rough[:, None] * size + [0, 0, 0.3 * squash], faces)
        result.append(shape)
    return result


def stone_material(draw: Draw, air: Air, dark: bool = False) -> Any:
    """Return a random material of stones; dark: for wet ones."""
    colors = draw.near_colors(STONES[1] if dark else draw.choice(STONES))
    moss = draw.choice(("", "", "4a5a2a", "5c6034"))
    return materials.rock(air, colors, draw.log_uniform(0.5, 3.0), moss)


def stones(draw: Draw, air: Air, spots: Array, size: float, dark: bool = False) -> None:
    """Add stones at positions (N, 3), usually of a size in meters, slightly sunk."""
    sizes = size * np.exp(draw.rng.normal(0, 0.5, len(spots)))
    sizes = np.minimum(sizes, 0.35 * np.hypot(spots[:, 0], spots[:, 1]))  # the view stays open
    spots = spots - np.outer(0.15 * sizes, (0, 0, 1))
    scatter(draw, stone_shapes(draw), [stone_material(draw, air, dark)], spots, sizes)


def reeds(draw: Draw, air: Air, spots: Array) -> None:
    """Add reeds at positions (N, 3)."""
    tufts = [plants.tuft(draw.rng, 22, 0.16, 0.008) for _ in range(3)]
    colors = draw.choice((("7a8a3a", "9a9a50"), ("b09a60", "c8b478"), ("4a6a2c", "6a8a3c")))
    blades = materials.foliage(air, draw.near_colors(colors))
    tall = draw.uniform(0.5, 1.8)
    scatter(draw, tufts, [blades], spots, tall * draw.rng.uniform(0.6, 1.2, len(spots)))


def lilies(draw: Draw, air: Air, spots: Array) -> None:
    """Add lily pads, which count as water, at positions (N, 3) on its surface."""
    turn = np.linspace(0.25, 6.03, 12)
    rim = np.column_stack([np.cos(turn), np.sin(turn), 0 * turn])
    shape = Shape()
    shape.add(np.vstack([[0, 0, 0], rim]), [(0, n, n + 1) for n in range(1, len(rim))], 0)
    colors = draw.near_colors(("3f5e2c", "5f8038", "7a9448", "8a7a44"))
    pads = material(
        "pads",
        air,
        lambda tree: matte(tree, mottled(tree, tree.position(), colors, 2.0), None, 0.3, 0.5),
    )
    sizes = draw.uniform(0.1, 0.35) * draw.rng.uniform(0.6, 1.2, len(spots))
    scatter(draw, [shape], [pads], np.add(spots, (0, 0, 0.012)), sizes, WATER_INDEX)


def floes(draw: Draw, air: Air, spots: Array, sizes: Array, index: int) -> None:
    """Add flat pieces of ice at positions (N, 3) of sizes (N,) in meters."""
    shapes = []
    for _ in range(5):
        corners = draw.integer(5, 9)
        turn = np.sort(draw.rng.uniform(0, 6.28, corners))
        reach = draw.rng.uniform(0.35, 0.55, corners)
        rim = np.column_stack([reach * np.cos(turn), reach * np.sin(turn), 0 * turn])
        thick = draw.uniform(0.02, 0.12)
        shape = Shape()
        points = np.vstack([np.add(rim, (0, 0, thick)), rim * 1.03 - [0, 0, 0.05], [[0, 0, thick]]])
        following = (np.arange(corners) + 1) % corners
        sides = np.column_stack(
            [np.arange(corners), np.arange(corners) + corners, following + corners, following]
        )
        top = np.column_stack([np.full(corners, 2 * corners), np.arange(corners), following])
        shape.add(points, sides)
        shape.add(points, top)
        shapes.append(shape)
    colors = draw.near_colors(("dfe8ee", "f4f7f9", "b8d0dc"), 0.5)
    ice = material(
        "floes",
        air,
        lambda tree: matte(tree, mottled(tree, tree.position(), colors, 1.0), None, 0.3, 0.4),
    )
    scatter(draw, shapes, [ice], spots, sizes, index)
