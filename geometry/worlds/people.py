"""People and animals of simple round shapes, facing -y."""

from __future__ import annotations

import numpy as np

from . import surfaces
from .draw import Draw
from .parts import Site, Solid

SKINS = ("e0b090", "c89070", "8a5a40", "f0c8a8", "5a3a2a")
HAIRS = ("2a2018", "5a4030", "a88050", "8a8680", "1a1a1c", "c8b8a0")
COATS = ("5a4030", "e8e4dc", "2a2420", "a87848", "8a8680", "c8a070")


class Crowd:
    """People of a world with their materials."""

    def __init__(self, site: Site, kinds: int = 4) -> None:
        """Make materials and a few kinds of people."""
        draw, air = site.draw, site.air
        self.site = site

        def slots(colors: tuple[str, ...], count: int) -> list[int]:
            return [
                site.slot(surfaces.paint(air, draw.near_color(draw.choice(colors), 1.5)))
                for _ in range(count)
            ]

        self.skin, self.hair = slots(SKINS, 2), slots(HAIRS, 2)
        self.cloth = slots(surfaces.CLOTHS, 5)
        self.kinds = [self.person() for _ in range(kinds)]

    def add(self, x: float, y: float, turn: float | None = None, lift: float = 0.0) -> None:
        """Put a person on the ground, facing a random way by default."""
        draw = self.site.draw
        turn = draw.uniform(0, 6.28) if turn is None else turn
        size = draw.uniform(0.55, 0.75) if draw.chance(0.12) else draw.uniform(0.92, 1.08)
        self.site.stand(draw.choice(self.kinds), (x, y), turn, lift=lift, size=size)

    def person(self) -> Solid:
        """Return a person 1.75 meters high who stands, walks or waves."""
        draw, solid = self.site.draw, Solid()
        skin, hair = draw.choice(self.skin), draw.choice(self.hair)
        shirt, pants = draw.choice(self.cloth), draw.choice(self.cloth)
        stride, broad = draw.choice((0.0, 0.0, 0.15, 0.28)), draw.uniform(0.85, 1.25)
        hip, shoulder = 0.9, 1.42
        for side in (-1, 1):
            foot = np.array([0.09 * side, -stride * side, 0.04])
            knee = np.array([0.1 * side, -0.6 * stride * side - 0.05 * (stride > 0), 0.48])
            solid.tube(
                np.array([foot, knee, (0.09 * side, 0, hip)]),
                np.array([0.055, 0.07, 0.095]) * broad,
                7,
                pants,
            )
            solid.ball(np.add(foot, [0, -0.05, 0.0]), (0.05, 0.13, 0.045), hair, 4)
            swing = stride * side + draw.uniform(-0.05, 0.05)
            top = np.array([0.2 * side * broad, 0, shoulder])
            elbow = np.add(top, [0.05 * side, 0.4 * swing, -0.29])
            hand = np.add(elbow, [0.0, 0.5 * swing - 0.08, -0.25])
            if draw.chance(0.15):
                hand = np.add(elbow, [-0.1 * side, -0.25, draw.uniform(-0.1, 0.25)])
            solid.tube(
                np.array([top, elbow, hand]), np.array([0.065, 0.052, 0.04]) * broad, 6, shirt
            )
            solid.ball(hand, 0.05, skin, 4)
        if draw.chance(0.3):  # a skirt or a long coat
            solid.lathe([(0.2 * broad, draw.uniform(0.25, 0.7)), (0.14 * broad, 1.05)], shirt, 10)
        waist, chest = np.array([0.15, 0.11]) * broad, np.array([0.2, 0.13]) * broad
        rows = [(0.9, *waist), (1.1, *(0.95 * waist)), (1.35, *chest), (1.47, *(0.6 * chest))]
        turn = np.arange(10) * 2 * np.pi / 10
        points = [(a * np.cos(t), b * np.sin(t), z) for z, a, b in rows for t in turn]
        faces = [
            (r * 10 + k, r * 10 + (k + 1) % 10, r * 10 + 10 + (k + 1) % 10, r * 10 + 10 + k)
            for r in range(3)
            for k in range(10)
        ]
        solid.round(points, faces, shirt)
        solid.tube(np.array([[0, 0, 1.42], [0, 0, 1.55]]), 0.055, 6, skin)
        solid.ball((0, -0.01, 1.63), (0.085, 0.1, 0.12), skin, 6)
        solid.ball((0, 0.02, 1.665), (0.095, 0.105, 0.1), hair, 6)
        if draw.chance(0.2):
            solid.lathe(
                [(0.2, 1.69), (0.11, 1.71), (0.1, 1.8), (0.01, 1.82)], draw.choice(self.cloth)
            )
        if draw.chance(0.3):
            solid.ball((0, 0.2, 1.2), (0.16, 0.1, 0.24), draw.choice(self.cloth), 5)
        return solid


def animal(draw: Draw, coat: int, dark: int) -> Solid:
    """Return a four-legged animal: a cow, horse, dog, sheep, deer or cat of simple shapes."""
    solid = Solid()
    tall, long, fat, neck = draw.choice(
        ((1.35, 1.7, 0.33, 0.35), (1.5, 1.6, 0.27, 0.75), (0.55, 0.65, 0.11, 0.2),
         (0.75, 0.95, 0.27, 0.2), (1.0, 1.1, 0.18, 0.6), (0.28, 0.4, 0.07, 0.1))
    )  # fmt: skip
    back = tall - fat
    solid.ball((0, 0, back), (fat, long / 2, 1.05 * fat), coat, 7)
    for x in (-0.6, 0.6):
        for y in (-0.36, 0.36):
            step = draw.uniform(-0.08, 0.08) * tall
            spine = [(x * fat, y * long + step, 0), (x * fat, y * long, back)]
            solid.tube(np.array(spine), (0.2 * fat, 0.36 * fat), 6, draw.choice((coat, dark)))
    rise = draw.uniform(-0.9, 1.0) if neck > 0.3 else 0.5
    chest = np.array([0, -0.42 * long, back + 0.3 * fat])
    head = np.add(chest, [0, -0.6 * neck - 0.1 * long, neck * rise])
    solid.tube(np.array([chest, head]), (0.6 * fat, 0.36 * fat), 7, coat)
    solid.ball(
        np.add(head, [0, -0.3 * fat, -0.1 * fat]), (0.36 * fat, 0.75 * fat, 0.4 * fat), coat, 6
    )
    for x in (-0.3, 0.3):
        solid.ball(
            np.add(head, [x * fat, 0.1 * fat, 0.45 * fat]),
            (0.1 * fat, 0.1 * fat, 0.3 * fat),
            dark,
            4,
        )
    tail = np.array([0, 0.48 * long, back + 0.3 * fat])
    solid.tube(
        np.array([tail, np.add(tail, [0, 0.15 * long, -0.5 * back])]),
        (0.1 * fat, 0.06 * fat),
        5,
        dark,
    )
    return solid


def bird(draw: Draw, coat: int) -> Solid:
    """Return a bird with spread wings, about 0.8 meters wide, that flies along +y."""
    solid, lift = Solid(), draw.uniform(-0.15, 0.25)
    solid.ball((0, 0, 0), (0.06, 0.2, 0.06), coat, 5)
    for side in (-1, 1):
        tip = (side * 0.42, -0.05, lift)
        elbow = (side * 0.2, 0.08, 0.6 * lift + 0.03)
        solid.add(
            [(0, 0.1, 0), elbow, tip, (side * 0.18, -0.08, 0.5 * lift), (0, -0.1, 0)],
            [(0, 1, 3, 4), (1, 2, 3, -1)],
            coat,
        )
    return solid
