"""Trees of many species, one meter high, detailed ones to stand close and simple ones for woods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..landscapes import materials, plants
from ..landscapes.materials import Air, material, matte
from ..landscapes.meshes import Array, Rng, Shape, place_merged
from ..landscapes.nodes import Tree, rgb
from ..landscapes.plants import BARK, LEAF
from .draw import Draw
from .labels import UPRIGHT_INDEX

GREENS = (
    ("3a5a24", "5a7a32", "2c4a20"),
    ("4a6a26", "6a8a35", "3c5a24"),
    ("2a4530", "3c5c3e", "22382a"),
    ("6a7a4a", "808f60", "56663e"),
    ("7a8a2a", "98a23c", "5c6e24"),
)
AUTUMNS = (("c08a34", "d8a83c", "a3682a"), ("b5561c", "d98a2b", "8a3d1a"), ("a33a24", "7a2a20"))
BLOSSOMS = (("f0c8d0", "e8a8b8", "f8e4e8"), ("f4f0ec", "e4dcd8"), ("b88ac0", "a070b0"))
BARKS = (("4f463c", "70665a"), ("3a2e26", "54463a"), ("7a7268", "958c80"), ("6a4a34", "8a6648"))


def tree_shapes(draw: Draw, air: Air, near: bool) -> tuple[list[Shape], list[Any]]:
    """Return trees of a random species, each one meter high, and the materials of their slots.

    near: Whether they stand close enough for single leaves to be seen; simple ones otherwise.
    """
    species, kinds, weight = zip(*SPECIES, strict=True)
    name = draw.choice(species, weight)
    return species_shapes(draw, air, name, near, kinds[species.index(name)])


def species_shapes(
    draw: Draw, air: Air, name: str, near: bool, grow: Callable[[Draw, bool], Shape] | None = None
) -> tuple[list[Shape], list[Any]]:
    """Return trees of one species of SPECIES, as `tree_shapes` does."""
    if grow is None:
        grow = next(kind for other, kind, _ in SPECIES if other == name)
    shapes = [grow(draw, near) for _ in range(draw.integer(1, 2) if near else 3)]
    return shapes, [_bark(draw, air, name == "birch"), leaves(draw, air, name)]


def leaves(draw: Draw, air: Air, name: str = "") -> Any:
    """Return a material of leaves; name: of the species, whose color depends on the season."""
    colors: tuple[str, ...]
    if name in ("palm", "pine", "cypress", "spruce"):
        colors = draw.choice(GREENS[:4])
    elif name == "blossom":
        colors = draw.choice(BLOSSOMS)
    else:
        colors = draw.choice(AUTUMNS) if draw.chance(0.15) else draw.choice(GREENS)
    return materials.foliage(air, draw.near_colors(colors), sheer=draw.uniform(0.15, 0.45))


def plant(draw: Draw, trees: tuple[list[Shape], list[Any]], positions: Array, sizes: Array) -> None:
    """Add trees, as from `tree_shapes`, to the scene as one object; sizes (N,) in meters."""
    if len(positions):
        shapes, slots = trees
        item = place_merged(shapes, slots, np.asarray(positions, float), sizes, draw.rng)
        item.pass_index = UPRIGHT_INDEX


def _bark(draw: Draw, air: Air, is_birch: bool) -> Any:
    if not is_birch:
        return materials.plain(air, draw.near_colors(draw.choice(BARKS)))

    def surface(tree: Tree) -> Any:
        at = tree.vector("MULTIPLY", tree.position(), (4.0, 4.0, 14.0))
        marks = tree.step(tree.noise(at, 1.0, 3.0), 0.55, 0.62)
        return matte(tree, tree.mix(marks, rgb("d8d4cc"), rgb("2c2a28")))

    return material("birch", air, surface)


def _stem(shape: Shape, spine: Any, radii: Any, sides: int = 6) -> None:
    shape.tube(np.asarray(spine, float), radii, sides, BARK)


def _crown(shape: Shape, rng: Rng, clumps: Array, radii: Array, count: int, size: float) -> None:
    """Add leaves around clumps (N, 3) with radii (N, 3)."""
    which = rng.integers(len(clumps), size=count)
    away = rng.normal(size=(count, 3))
    away *= rng.uniform(0.4, 1.0, (count, 1)) ** 0.5 / np.linalg.norm(away, axis=1, keepdims=True)
    _leaf_quads(shape, rng, clumps[which] + away * radii[which], size)


def _leaf_quads(shape: Shape, rng: Rng, centers: Array, size: float) -> None:
    right = rng.normal(size=(len(centers), 3))
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    up = np.cross(right, rng.normal(size=(len(centers), 3)))
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-6)
    half = size * rng.uniform(0.6, 1.4, (len(centers), 1))
    shape.quads(centers, right * half, up * half * 0.7, LEAF)


def _simple_tree(rng: Rng, width: float, bare: float) -> Shape:
    """Return a leafy tree of few faces with a crown of a radius, bare up to a height."""
    shape, count = Shape(), 80
    _stem(shape, [[0, 0, -0.05], [0, 0, 0.8]], [0.03, 0.008], 4)
    clumps = rng.normal(size=(9, 3))
    clumps *= 0.6 / np.linalg.norm(clumps, axis=1, keepdims=True)
    reach = np.array([width, width, 0.5 * (1 - bare)])
    clumps = clumps * reach + [0, 0, 0.5 * (1 + bare)]
    _crown(shape, rng, clumps, np.tile(0.5 * reach, (9, 1)), count, 0.35 * width**0.5 * 0.3)
    return shape


def _round_tree(draw: Draw, near: bool) -> Shape:
    width, bare = draw.uniform(0.24, 0.45), draw.uniform(0.1, 0.42)
    if not near:
        return _simple_tree(draw.rng, width, bare)
    count = int(draw.log_uniform(1500, 5500))
    return plants.broadleaf(draw.rng, count, width, bare, 0.55 / count**0.5)


def _poplar(draw: Draw, near: bool) -> Shape:
    width, bare = draw.uniform(0.07, 0.13), draw.uniform(0.03, 0.12)
    if not near:
        return _simple_tree(draw.rng, width, bare)
    count = 2200
    return plants.broadleaf(draw.rng, count, width, bare, 0.32 / count**0.5)


def _spruce(draw: Draw, near: bool) -> Shape:
    return plants.conifer(draw.rng, draw.integer(16, 22) if near else 6)


def _cypress(draw: Draw, near: bool) -> Shape:
    shape, rng, count = Shape(), draw.rng, 2500 if near else 120
    wide = draw.uniform(0.06, 0.12)
    _stem(shape, [[0, 0, -0.03], [0, 0, 0.5], [0, 0, 0.95]], [0.015, 0.01, 0.002])
    up = rng.uniform(0.02, 1.0, count)
    turn, out = rng.uniform(0, 6.28, count), np.sqrt(rng.uniform(0.3, 1, count))
    reach = wide * np.sin(np.pi * up**0.7) ** 0.6 * out
    centers = np.column_stack([reach * np.cos(turn), reach * np.sin(turn), up])
    _leaf_quads(shape, rng, centers, 0.4 / count**0.5)
    return shape


def _birch(draw: Draw, near: bool) -> Shape:
    shape, rng = Shape(), draw.rng
    lean = rng.normal(0, 0.03, 2)
    _stem(shape, [[0, 0, -0.05], [*lean, 0.5], [*(2 * lean), 0.95]], [0.016, 0.011, 0.002])
    n = 26
    up = rng.uniform(0.3, 0.95, n)
    turn, out = rng.uniform(0, 6.28, n), rng.uniform(0.05, 0.2, n) * (1.15 - up) * 1.6
    clumps = np.column_stack([out * np.cos(turn), out * np.sin(turn), up])
    for clump in clumps if near else clumps[::4]:
        foot = np.array([*(2 * lean * (clump[2] - 0.1)), clump[2] - 0.1])
        _stem(shape, [foot, 0.5 * (foot + clump), clump], [0.006, 0.004, 0.001], 4)
    count = 2600 if near else 100
    _crown(shape, rng, clumps, np.full((n, 3), [0.07, 0.07, 0.11]), count, 0.35 / count**0.5)
    return shape


def _pine(draw: Draw, near: bool) -> Shape:
    shape, rng = Shape(), draw.rng
    bend = rng.normal(0, 0.05, (3, 2))
    spine = [
        [0, 0, -0.05],
        [*bend[0], 0.4],
        [*(bend[0] + bend[1]), 0.75],
        [*bend.sum(axis=0), 0.95],
    ]
    _stem(shape, spine, [0.022, 0.017, 0.011, 0.004])
    n, low, wide = 14, draw.uniform(0.5, 0.75), draw.uniform(0.14, 0.34)
    up = rng.uniform(low, 0.97, n)
    turn, out = rng.uniform(0, 6.28, n), wide * rng.uniform(0.2, 1, n)
    top = np.array(spine[2])
    clumps = np.column_stack([top[0] + out * np.cos(turn), top[1] + out * np.sin(turn), up])
    for clump in clumps:
        foot = np.array([*top[:2], clump[2] - 0.06])
        _stem(shape, [foot, 0.5 * (foot + clump), clump], [0.008, 0.006, 0.002], 4)
    count = 2600 if near else 110
    _crown(shape, rng, clumps, np.full((n, 3), [0.1, 0.1, 0.045]), count, 0.45 / count**0.5)
    return shape


def _palm(draw: Draw, near: bool) -> Shape:
    shape, rng = Shape(), draw.rng
    bow = rng.normal(0, 0.08, 2)
    up = np.linspace(-0.03, 0.8, 7)
    spine = np.column_stack([np.outer(up**2, bow), up])
    _stem(shape, spine, np.linspace(0.024, 0.015, 7), 7)
    top, fronds = spine[-1], draw.integer(14, 24) if near else 9
    leaflets = 16 if near else 5
    for turn in np.arange(fronds) * 2.4 + rng.normal(0, 0.1, fronds):
        out = np.array([np.cos(turn), np.sin(turn), 0.0])
        side = np.array([-out[1], out[0], 0.0])
        long, rise = rng.uniform(0.24, 0.36), rng.uniform(-0.1, 0.32)
        t = np.linspace(0, 1, leaflets + 1)
        line = top + out * (t * long)[:, None]
        line[:, 2] += rise * t - 0.3 * t**2
        _stem(shape, line[:: max(1, leaflets // 4)], 0.003, 3)
        reach = 0.09 * np.sin(np.pi * (0.1 + 0.88 * t[:-1]))[:, None]
        for sign in (-1, 1):
            tip = line[:-1] + side * sign * reach + 0.6 * out * reach
            tip[:, 2] -= 0.5 * reach[:, 0]
            shape.triangles(line[:-1], line[1:], tip, LEAF)
    return shape


def _willow(draw: Draw, near: bool) -> Shape:
    shape, rng = Shape(), draw.rng
    _stem(shape, [[0, 0, -0.05], [0.02, 0, 0.3], [0, 0.02, 0.6]], [0.05, 0.035, 0.02])
    count = 170 if near else 22
    turn, out = rng.uniform(0, 6.28, count), 0.45 * np.sqrt(rng.uniform(0.02, 1, count))
    high = 0.55 + 0.42 * np.sqrt(np.maximum(0.0, 1 - (out / 0.47) ** 2))
    low = rng.uniform(0.08, 0.5, count)
    drop = np.linspace(0, 1, 13 if near else 5)
    x = (out * np.cos(turn))[:, None] * (1 + 0.06 * drop)
    y = (out * np.sin(turn))[:, None] * (1 + 0.06 * drop)
    z = high[:, None] + (low - high)[:, None] * drop
    centers = np.stack([x, y, z], -1).reshape(-1, 3)
    _leaf_quads(shape, rng, centers + rng.normal(0, 0.008, centers.shape), 0.016 if near else 0.05)
    return shape


def bare_tree(draw: Draw, near: bool) -> Shape:
    """Return a tree without leaves, down to its fine twigs."""
    shape, rng = Shape(), draw.rng
    levels, spread = 5 if near else 2, draw.uniform(0.5, 0.95)
    heads = [(np.array([0, 0, -0.03]), np.array([0, 0, 1.0]), draw.uniform(0.2, 0.34), 0.028)]
    for level in range(levels):
        heads = grow(shape, rng, heads, 3, spread, 6 if level < 2 else 3)
    tips = np.array([head[0] for head in heads])
    along = np.array([head[1] for head in heads])
    for _ in range(4 if near else 9):
        way = along + rng.normal(0, 0.5, along.shape)
        foot = tips - along * rng.uniform(0, 0.06, (len(tips), 1))
        tip = foot + way * rng.uniform(0.03, 0.1, (len(tips), 1))
        across = np.cross(way, rng.normal(size=way.shape))
        across *= (0.0012 if near else 0.004) / np.linalg.norm(across, axis=1, keepdims=True)
        shape.triangles(foot - across, foot + across, tip, BARK)
    return shape


def grow(
    shape: Shape, rng: Rng, heads: list[Any], count: int, spread: float, sides: int
) -> list[Any]:
    """Grow a piece of branch from each of `heads`, and return the heads that grow from its end.

    A head is a start, a direction, a length and a radius.
    """
    result = []
    for start, along, long, thick in heads:
        bend = rng.normal(0, 0.08, 3) * long
        end = start + along * long
        spine = np.stack([start, 0.5 * (start + end) + bend, end])
        shape.tube(spine, [thick, 0.8 * thick, 0.62 * thick], sides, BARK)
        for n in range(count):
            way = along + rng.normal(0, spread, 3) + [0, 0, 0.12]
            way /= np.linalg.norm(way)
            foot = end if n < 2 else start + (end - start) * rng.uniform(0.5, 0.9)
            result.append((foot, way, long * rng.uniform(0.55, 0.85), 0.6 * thick))
    return result


def hedge(rng: Rng, length: float, width: float, height: float, near: bool = True) -> Shape:
    """Return a clipped hedge along x from the origin: a dark core under leaves; in meters."""
    shape = Shape()
    half = width / 2
    shape.box((0, -half * 0.86, -0.3), (length, half * 0.86, height * 0.94), LEAF)
    area = length * (2 * height + width)
    count = int(min(area * 220, 1800 if near else 250))
    size = 0.75 * (area / count) ** 0.5
    x, around = rng.uniform(0, length, count), rng.uniform(0, 2 * height + width, count)
    y = np.clip(around - height, 0, width) - half
    z = np.minimum(np.minimum(around, 2 * height + width - around), height)
    centers = np.column_stack([x, y, z]) + rng.normal(0, 0.3 * size, (count, 3))
    _leaf_quads(shape, rng, centers, size)
    return shape


def shrub(draw: Draw, near: bool) -> Shape:
    """Return a bush about one meter high."""
    return plants.bush(draw.rng, 700 if near else 90)


SPECIES: tuple[tuple[str, Callable[[Draw, bool], Shape], float], ...] = (
    ("round", _round_tree, 5.0),
    ("poplar", _poplar, 1.0),
    ("spruce", _spruce, 1.5),
    ("cypress", _cypress, 0.8),
    ("birch", _birch, 1.2),
    ("pine", _pine, 1.2),
    ("palm", _palm, 1.0),
    ("willow", _willow, 0.5),
    ("bare", bare_tree, 2.0),
    ("blossom", _round_tree, 0.6),
)
"""Name, function that grows one, and how often it comes."""
