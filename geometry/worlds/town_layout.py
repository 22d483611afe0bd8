"""Rows of houses, ground, woods and water that several kinds of towns share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..landscapes import materials, terrain
from ..landscapes.materials import Air
from ..landscapes.meshes import Array, Shape, place
from ..landscapes.noise import smooth_step
from ..landscapes.terrain import Height, Keep, bumps, random_positions
from . import roads, trees
from .draw import Draw
from .labels import WATER_INDEX
from .parts import Site, is_free, turned
from .town_houses import House
from .water_surface import draw_look, water

LAWNS = (("5d7a36", "7d8a44", "4c6a30"), ("8a8a50", "a89a62", "6f7a44"), ("4a6a3a", "5c7a44"))
EARTHS = (("8a8378", "77716a", "9a948a"), ("8a7355", "a08a68"), ("77777a", "66666a"))
BESIDE = 1.8
"""Reach of the ground to either side as a fraction of the distance."""


def land_height(draw: Draw, steep: float, near: float = 220.0) -> Height:
    """Return the height of sloping ground, sometimes with hills or mountains behind it.

    near: Distance in meters at which they begin.
    """
    slope = roads.ramp_height(draw, steep)
    if draw.chance(0.55):
        return slope
    size, seed, scale = draw.log_uniform(20, 400), draw.seed(), draw.uniform(150, 900)

    def height(x: Array, y: Array) -> Array:
        rise = smooth_step(np.asarray(y, float), near, 6 * near)
        return slope(x, y) + rise * size * (0.5 + bumps(x, y, scale, 1.0, seed, 4))

    return height


def lay_ground(site: Site, green: bool, far: float = 3000.0, rows: int = 110) -> None:
    """Add the ground: lawns, or earth and stone."""
    draw = site.draw
    colors = draw.near_colors(draw.choice(LAWNS if green else EARTHS))
    soil = materials.land(site.air, colors, scale=draw.uniform(0.3, 1.0))
    terrain.ground(site.height, soil, far, rows, rows - 20, BESIDE)


def put_house(site: Site, home: House, corner: Array, turn: float, lift: float = 0.0) -> bool:
    """Put a house with its corner at a position unless it would stand in the camera's way."""
    half = (home.width / 2 + 0.6, home.depth / 2 + 0.6)
    center = turned(half, turn, corner) - turned((0.6, 0.6), turn)
    if not is_free(center, turn, half):
        return False
    site.stand(home.solid, corner, turn, lift=lift)
    if home.deck is not None:
        slot, top = home.deck
        x, y = (float(n) for n in corner)
        deck = turned(
            [(0, 0), (home.width, 0), (home.width, home.depth), (0, home.depth)], turn, corner
        )
        z = np.full((4, 1), site.level(x, y) + lift + top)
        site.flat.add(np.hstack([deck, z]), [(0, 1, 2, 3)], slot)
    return True


def terrace(
    site: Site, homes: Callable[[], House], start: Array, end: Array, gap: tuple[float, float]
) -> None:
    """Add a row of houses from one position to another, their fronts to the right of the way."""
    way = np.subtract(end, start)
    length = float(np.linalg.norm(way))
    way /= length
    turn = float(np.arctan2(way[1], way[0]))
    along = 0.0
    while along < length:
        home = homes()
        put_house(site, home, np.asarray(start) + along * way, turn)
        along += home.width + site.draw.uniform(*gap)


def around(
    site: Site, homes: Callable[[], House], corners: Sequence[Array], gap: tuple[float, float]
) -> None:
    """Add rows of houses around a square whose corners are given clockwise.

    The second side is the one that the camera looks at: it never stays open.
    """
    for side, (start, end) in enumerate(zip(corners, [*corners[1:], corners[0]], strict=True)):
        if side == 1 or site.draw.chance(0.85):
            terrace(site, homes, start, end, gap)


def woods(
    site: Site,
    count: int,
    reach: tuple[float, float],
    tall: tuple[float, float],
    side: float = 1.0,
    keep: Keep | None = None,
) -> None:
    """Scatter simple trees of one species between two distances, where `keep` allows it."""
    draw = site.draw
    spots = random_positions(draw.rng, site.height, count, *reach, side=side, keep=keep)
    kind = trees.tree_shapes(draw, site.air, near=False)
    trees.plant(draw, kind, spots, draw.rng.uniform(*tall, len(spots)))


def near_trees(site: Site, count: int, reach: tuple[float, float], tall: float) -> None:
    """Scatter a few detailed trees of one species between two distances."""
    draw = site.draw
    spots = random_positions(draw.rng, site.height, count, *reach, side=0.8)
    kind = trees.tree_shapes(draw, site.air, near=True)
    trees.plant(draw, kind, spots, tall * draw.rng.uniform(0.7, 1.3, len(spots)))


def lay_water(draw: Draw, air: Air, level: float, near: float, far: float) -> None:
    """Add a plane of water between two distances from the camera."""
    shape = Shape()
    wide = 2.0 * far
    shape.add(
        [(-wide, near, level), (wide, near, level), (wide, far, level), (-wide, far, level)],
        [(0, 1, 2, 3)],
    )
    look = draw_look(draw, air, wild=draw.uniform(0.0, 0.5))
    place(shape.mesh("water", [water(air, look)]), index=WATER_INDEX)
