"""Things close to the camera, in front of any world: plants, and what people make."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..landscapes import materials, plants
from ..landscapes.materials import Air
from ..landscapes.meshes import Array, Shape, place, place_merged
from ..landscapes.terrain import boulder
from . import surfaces, trees
from .draw import Draw
from .labels import GROUND, UPRIGHT_INDEX
from .parts import Site
from .place import Place


class Stage:
    """The ground before the camera on which foregrounds stand.

    Attributes:
        draw: The random choices.
        air: The haze.
        site: Where objects are put.
        eye: Height of the camera in world coordinates, about.
        rise: The same above the ground.
    """

    def __init__(self, draw: Draw, air: Air, where: Place) -> None:
        """Find out where the camera will be."""
        self.draw, self.air, self.where = draw, air, where
        self.site = Site(draw, air, where.height)
        low, high = where.eye
        self.rise = draw.log_uniform(low, min(high, 1.5 * low))
        self.base = max(self.site.level(0, 0), where.floor)
        self.eye = self.base + self.rise

    def spot(self, near: float, far: float, side: float = 0.55) -> tuple[float, float] | None:
        """Return a random position on dry ground within view, farther off for a high camera.

        None if there is none at about the height of the ground at the camera.
        """
        for _ in range(8):
            away = self.draw.log_uniform(near, far) * max(1.0, self.rise / 2.0)
            x = away * self.draw.uniform(-side, side)
            z = self.site.level(x, away)
            if z > self.where.floor + 0.05 and abs(z - self.base) < 0.6 * away + 1.0:
                return x, away
        return None

    def put(self, solid: Any, near: float, far: float, turn: float | None = None) -> None:
        """Put a solid at a random position, turned at random by default."""
        spot = self.spot(near, far)
        if spot is not None:
            turn = self.draw.uniform(0, 6.28) if turn is None else turn
            self.site.stand(solid, spot, turn)


def trunks(draw: Draw, air: Air, where: Place) -> None:
    """Add trunks that the frame cuts."""
    stage, shape = Stage(draw, air, where), Shape()
    for _ in range(draw.choice((1, 1, 2, 4))):
        spot = stage.spot(1.3, 6.0)
        if spot is None:
            continue
        x, y = spot
        thick, foot = draw.log_uniform(0.06, 0.4), stage.site.level(x, y) - 0.5
        up = np.linspace(0, stage.rise + draw.uniform(8, 14) + 0.5, 12)
        sway = np.cumsum(draw.rng.normal(0, 0.08, (12, 2)), axis=0) + np.outer(
            up, draw.rng.normal(0, 0.05, 2)
        )
        spine = np.column_stack([np.add(sway, [x, y]), up + foot])
        flare = 1 + 0.8 * np.exp(-2 * up)
        shape.tube(spine, thick * flare * np.linspace(1, 0.6, 12), 12)
        for _ in range(draw.integer(0, 5)):
            start = spine[draw.integer(3, 10)]
            out = start + draw.rng.normal(0, 1, 3) * [1.5, 1.0, 0.5] + [0, 0, 0.6]
            bow = 0.5 * (start + out) + draw.rng.normal(0, 0.15, 3)
            shape.tube(np.stack([start, bow, out]), np.array([0.4, 0.25, 0.05]) * thick, 6)
    if shape.count:
        bark = materials.plain(air, draw.near_colors(draw.choice(trees.BARKS)), 3.0, 0.04)
        place(shape.mesh("trunks", [bark], smooth=True), index=UPRIGHT_INDEX)


def _hanging(stage: Stage) -> tuple[Array, Array]:
    """Return where a branch enters the view, from above, the side or below, and where it points."""
    draw = stage.draw
    away = draw.log_uniform(0.9, 5.0)
    side, entry = draw.choice((-1, 1)), draw.choice(("top", "side", "corner", "bottom"))
    across, up = {
        "top": (draw.uniform(-0.7, 0.7), 0.65),
        "side": (side * 0.95, draw.uniform(-0.1, 0.5)),
        "corner": (side * 0.8, 0.6),
        "bottom": (draw.uniform(-0.8, 0.8), -0.7),
    }[entry]
    start = np.array([across, 1.0, up]) * away
    goal = np.array([draw.uniform(-0.3, 0.3), 1.0, draw.uniform(-0.05, 0.35)]) * away
    beyond = (0, draw.uniform(-0.2, 0.4) * away, stage.eye)
    return np.add(start, (0, 0, stage.eye)), np.add(goal, beyond)


def branches(draw: Draw, air: Air, where: Place) -> None:
    """Add branches with leaves that hang into the frame."""
    stage, shape = Stage(draw, air, where), Shape()
    kind = draw.choice(("leaves", "needles", "fronds"), (4, 1.5, 1))
    for _ in range(draw.choice((1, 2, 3))):
        start, goal = _hanging(stage)
        long = float(np.linalg.norm(goal - start))
        t = np.linspace(0, 1, 9)[:, None]
        sag = draw.rng.normal(0, 0.12, 3) * long
        spine = start + (goal - start) * t + 4 * sag * t * (1 - t)
        thick = draw.uniform(0.008, 0.025) * long
        shape.tube(spine, np.linspace(1, 0.25, 9) * thick, 6, plants.BARK)
        twigs = []
        for _ in range(draw.integer(6, 22)):
            foot = spine[draw.integer(1, 8)]
            way = draw.rng.normal(0, 0.35, 3) * long + 0.25 * (goal - start)
            tip = foot + way * draw.uniform(0.3, 0.9) - [0, 0, 0.08 * long]
            twig = foot + (tip - foot) * np.linspace(0, 1, 5)[:, None]
            twig += draw.rng.normal(0, 0.012 * long, twig.shape)
            shape.tube(twig, np.linspace(0.3, 0.08, 5) * thick, 4, plants.BARK)
            twigs.append(twig)
        _foliage(draw, shape, np.array(twigs), kind, long)
    bark = materials.plain(air, draw.near_colors(draw.choice(trees.BARKS)))
    name = draw.choice(("", "", "", "blossom")) if kind == "leaves" else "pine"
    mesh = shape.mesh("branches", [bark, trees.leaves(draw, air, name)])
    place(mesh, index=UPRIGHT_INDEX)


def _foliage(draw: Draw, shape: Shape, twigs: Array, kind: str, long: float) -> None:
    """Add leaves, needles or fronds to twigs (T, N, 3)."""
    rng = draw.rng
    count = {"leaves": 1400, "needles": 5000, "fronds": 1200}[kind]
    which = rng.integers(len(twigs), size=count)
    at = rng.uniform(0.2, 1, count) * (twigs.shape[1] - 1)
    low = np.minimum(at.astype(int), twigs.shape[1] - 2)
    first, second = twigs[which, low], twigs[which, low + 1]
    feet = first + (second - first) * (at - low)[:, None]
    along = second - first
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    way = rng.normal(size=(count, 3)) + along
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    size = draw.uniform(0.02, 0.05) * long**0.6
    across = np.cross(way, rng.normal(size=way.shape))
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    ratio = {"leaves": 0.55, "needles": 0.06, "fronds": 0.12}[kind]
    size = size * {"leaves": 1.0, "needles": 1.0, "fronds": 3.0}[kind]
    reach = size * rng.uniform(0.6, 1.3, (count, 1))
    shape.quads(feet + way * reach, np.asarray(across * reach * ratio), way * reach, plants.LEAF)


def twigs(draw: Draw, air: Air, where: Place) -> None:
    """Add bare twigs against the sky."""
    stage, shape = Stage(draw, air, where), Shape()
    heads = []
    for _ in range(draw.integer(1, 3)):
        start, goal = _hanging(stage)
        way = (goal - start) / np.linalg.norm(goal - start)
        long = float(np.linalg.norm(goal - start)) * draw.uniform(0.35, 0.7)
        heads.append((start, way, long, 0.02 * long))
    for level in range(draw.integer(4, 5)):
        heads = trees.grow(shape, draw.rng, heads, 3, draw.uniform(0.3, 0.6), 5 if level < 2 else 3)
    bark = materials.plain(air, draw.near_colors(draw.choice(trees.BARKS)))
    place(shape.mesh("twigs", [bark]), index=UPRIGHT_INDEX)


def near_tree(draw: Draw, air: Air, where: Place) -> None:
    """Add one or a few whole trees a few steps away."""
    stage = Stage(draw, air, where)
    tall = draw.log_uniform(2.5, 12)
    near = 2.0 + 0.5 * tall  # outside its crown
    spots = [stage.spot(near, 18, 0.7) for _ in range(draw.choice((1, 1, 2, 4)))]
    rows = [(x, y, stage.site.level(x, y)) for x, y in (s for s in spots if s is not None)]
    kind = trees.tree_shapes(draw, air, near=True)
    trees.plant(
        draw, kind, np.array(rows).reshape(-1, 3), tall * draw.rng.uniform(0.8, 1.2, len(rows))
    )


def meadow(draw: Draw, air: Air, where: Place) -> None:
    """Add grass, reeds or flowers close to the camera."""
    stage = Stage(draw, air, where)
    count, rng = int(draw.log_uniform(60, 700)), draw.rng
    y = np.exp(rng.uniform(np.log(0.9), np.log(9), count)) * max(1.0, stage.rise / 2)
    x = y * rng.uniform(-0.8, 0.8, count)
    z = where.height(x, y)
    dry = z > where.floor + 0.03
    spots = np.stack([x, y, z], -1)[dry]
    if not len(spots):
        return
    tall = draw.log_uniform(0.12, 1.0 if stage.rise < 2.5 else 0.5)
    blades = [
        plants.tuft(rng, 16, draw.uniform(0.08, 0.25), draw.uniform(0.008, 0.02)) for _ in range(3)
    ]
    slots = [trees.leaves(draw, air, "")]
    if draw.chance(0.6):
        blades = [_flower(draw, blade) for blade in blades]
        slots.append(
            surfaces.paint(
                air,
                draw.near_color(
                    draw.choice(("e8d040", "d83a30", "f0f0f0", "8a5ac0", "e880b0", "f09030")), 1.5
                ),
            )
        )
    sizes = tall * rng.uniform(0.6, 1.3, len(spots))
    item = place_merged(blades, slots, spots, sizes, rng)
    item.pass_index = UPRIGHT_INDEX if tall > 0.3 else GROUND


def _flower(draw: Draw, tuft: Shape) -> Shape:
    """Return a tuft with blossoms added."""
    count = draw.integer(2, 8)
    centers = np.column_stack(
        [draw.rng.normal(0, 0.2, (count, 2)), draw.rng.uniform(0.6, 1.05, count)]
    )
    size, rng = draw.uniform(0.03, 0.1), draw.rng
    for _ in range(2):
        right = rng.normal(size=(count, 3))
        right /= np.linalg.norm(right, axis=1, keepdims=True)
        up = np.cross(right, rng.normal(size=(count, 3)))
        up /= np.linalg.norm(up, axis=1, keepdims=True)
        tuft.quads(centers, right * size, np.asarray(up * size), 1)
    return tuft


def stones(draw: Draw, air: Air, where: Place) -> None:
    """Add boulders close by."""
    stage = Stage(draw, air, where)
    stone = materials.rock(
        air,
        draw.near_colors(
            draw.choice((("8a857c", "6a655e", "a39d92", "3f3b37"), ("a8643c", "8a4e30", "c07c4e")))
        ),
    )
    mesh = boulder(stone, draw.seed(), draw.uniform(0.4, 0.9))
    for _ in range(draw.integer(1, 5)):
        spot = stage.spot(2, 8)
        if spot is not None:
            size = draw.log_uniform(0.15, 0.35 * spot[1])
            z = stage.site.level(*spot)
            place(mesh, (*spot, z), draw.uniform(0, 6.28), size, UPRIGHT_INDEX)
