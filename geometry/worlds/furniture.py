"""What stands in streets, squares and parks: lamps, signs, benches, statues, fountains, wires."""

from __future__ import annotations

import numpy as np

from . import surfaces
from .parts import Point, Site, Solid, spaced


class Fittings:
    """Furniture of a world with its materials."""

    def __init__(self, site: Site) -> None:
        """Make the materials that all pieces share."""
        draw, air = site.draw, site.air
        self.site = site
        self.metal = site.slot(
            surfaces.paint(air, draw.near_color(draw.choice(surfaces.METALS)), 0.4, 0.4)
        )
        self.stone = site.slot(
            surfaces.paint(
                air,
                draw.near_color(draw.choice(("a59d90", "c8c0b0", "8a8680", "b5a080", "6a6a68"))),
            )
        )
        self.wood = site.slot(
            surfaces.paint(
                air, draw.near_color(draw.choice(("6a4a34", "8a6a48", "3a4a3e", "a08a70")))
            )
        )
        self.bright = site.slot(
            surfaces.paint(
                air,
                draw.near_color(
                    draw.choice(("c82a24", "2a5aa8", "e8c83a", "e8e8e4", "2a7a4a")), 1.5
                ),
            )
        )
        self.pale = site.slot(surfaces.paint(air, draw.near_color("e8e4d8")))
        self.bronze = site.slot(
            surfaces.paint(
                air,
                draw.near_color(draw.choice(("4a5a4a", "3a3028", "6a8a7a", "c8b060", "d8d4cc"))),
                0.3,
                0.4,
            )
        )
        self.water = site.slot(surfaces.basin_water(draw, air))

    def lamp(self, kind: str = "") -> Solid:
        """Return a street lamp; kind: lantern, arm, globe or tall."""
        solid = Solid()
        kind = kind or self.site.draw.choice(("lantern", "arm", "globe", "tall"))
        tall = {"lantern": 3.6, "arm": 7.5, "globe": 3.2, "tall": 9.5}[kind]
        solid.post((0, 0, -0.3), 1.2, (0.13, 0.1), 8, self.metal)
        solid.post((0, 0, 0.8), tall - 0.8, (0.07, 0.05), 8, self.metal)
        if kind == "lantern":
            solid.lathe([(0.1, tall), (0.2, tall + 0.45)], self.pale, 6)
            solid.lathe(
                [(0.25, tall + 0.45), (0.07, tall + 0.7), (0.01, tall + 0.9)], self.metal, 6
            )
        elif kind == "globe":
            for x in (-0.45, 0.45):
                solid.bar((0, 0, tall - 0.2), (x, 0, tall - 0.05), 0.03, self.metal)
                solid.ball((x, 0, tall + 0.15), 0.2, self.pale, 6)
        else:
            arm = np.linspace(0, 1, 6)
            spine = np.column_stack([1.6 * arm, 0 * arm, tall + 0.5 * np.sin(1.57 * arm)])
            solid.tube(spine, 0.045, 6, self.metal)
            solid.box((1.4, -0.14, tall + 0.4), (2.1, 0.14, tall + 0.52), self.pale)
        return solid

    def sign(self) -> Solid:
        """Return a traffic sign, a traffic light or a board on posts."""
        solid, draw = Solid(), self.site.draw
        kind = draw.choice(("round", "triangle", "board", "light", "square"))
        tall = draw.uniform(2.1, 2.8)
        solid.post((0, 0, -0.3), tall + 0.3, 0.035, 6, self.metal)
        if kind == "board":
            wide = draw.uniform(0.8, 2.4)
            solid.post((wide, 0, -0.3), tall + 0.3, 0.035, 6, self.metal)
            solid.box((-0.1, -0.06, tall - 0.9), (wide + 0.1, -0.04, tall), self.bright)
        elif kind == "light":
            solid.box((-0.15, -0.18, tall), (0.15, 0.08, tall + 0.85), self.metal)
            for n in range(3):
                solid.ball((0, -0.18, tall + 0.17 + 0.26 * n), 0.09, self.bright, 5)
        else:
            sides = {"round": 14, "triangle": 3, "square": 4}[kind]
            turn = np.arange(sides) * 2 * np.pi / sides + (np.pi / 4 if sides == 4 else np.pi / 2)
            for size, slot, y in ((0.36, self.bright, -0.045), (0.25, self.pale, -0.055)):
                ring = np.column_stack(
                    [size * np.cos(turn), 0 * turn + y, tall + size * np.sin(turn)]
                )
                solid.add(ring, [(0, n, n + 1) for n in range(1, sides - 1)], slot)
        return solid

    def bench(self) -> Solid:
        """Return a bench that faces -y."""
        solid, long = Solid(), self.site.draw.uniform(0.7, 1.1)
        back = self.site.draw.chance(0.75)
        for y in spaced(-0.22, 0.2, 0.13):
            solid.box((-long, y, 0.42), (long, y + 0.1, 0.46), self.wood)
        for z in (0.6, 0.76) if back else ():
            solid.box((-long, 0.24, z), (long, 0.28, z + 0.11), self.wood)
        for x in (-0.8 * long, 0.8 * long):
            solid.box((x - 0.04, -0.2, 0), (x + 0.04, 0.22, 0.42), self.metal)
            if back:
                solid.box((x - 0.03, 0.22, 0), (x + 0.03, 0.26, 0.85), self.metal)
        return solid

    def small(self) -> Solid:
        """Return a bollard, bin, planter, box or hydrant."""
        solid, draw = Solid(), self.site.draw
        kind = draw.choice(("bollard", "bin", "planter", "box", "hydrant"))
        if kind == "bollard":
            solid.post(
                (0, 0, -0.2), draw.uniform(0.8, 1.2), draw.uniform(0.05, 0.16), 10, self.metal
            )
        elif kind == "bin":
            solid.post((0, 0, -0.1), 1.0, (0.24, 0.28), 12, self.metal)
        elif kind == "planter":
            solid.lathe([(0.3, -0.1), (0.42, 0.5), (0.46, 0.52), (0.3, 0.52)], self.stone, 12)
            solid.ball((0, 0, 0.75), (0.42, 0.42, 0.34), self.wood, 6)
        elif kind == "box":
            solid.box((-0.4, -0.2, 0), (0.4, 0.2, 1.2), self.bright)
        else:
            solid.lathe(
                [(0.16, -0.1), (0.13, 0.5), (0.17, 0.52), (0.1, 0.75), (0.01, 0.82)],
                self.bright,
                10,
            )
        return solid

    def statue(self) -> Solid:
        """Return a monument: a figure on a pedestal, an obelisk, a column, a cross or a rider."""
        solid, draw = Solid(), self.site.draw
        kind = draw.choice(("figure", "obelisk", "column", "cross", "rider", "blocks"))
        size = draw.uniform(0.7, 1.6)
        base = size * draw.uniform(0.6, 1.0)
        z = 0.0
        for step in range(draw.integer(1, 3)):
            half = base * (1.9 - 0.3 * step)
            solid.box(
                (-half, -half, z - (0.4 if not step else 0)), (half, half, z + 0.22), self.stone
            )
            z += 0.22
        if kind == "obelisk":
            tall = draw.uniform(5, 18)
            half, top = base * 0.9, base * 0.55
            points = [
                (x * h, y * h, k)
                for h, k in ((half, z), (top, z + tall))
                for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))
            ]
            points.append((0, 0, z + tall + 1.4 * top))
            faces = [(n, (n + 1) % 4, 4 + (n + 1) % 4, 4 + n) for n in range(4)]
            faces += [(4 + n, 4 + (n + 1) % 4, 8, -1) for n in range(4)]
            solid.add(points, faces, self.stone)
            return solid
        tall = draw.uniform(6, 22) if kind == "column" else draw.uniform(1.0, 3.0)
        if kind == "column":
            solid.post((0, 0, z), tall, (0.7 * base, 0.55 * base), 14, self.stone)
        else:
            deep = base * (1.5 if kind == "rider" else 1.0)
            solid.box((-0.8 * base, -deep, z), (0.8 * base, deep, z + tall), self.stone)
            solid.box(
                (-base, -1.1 * deep, z + tall - 0.2), (base, 1.1 * deep, z + tall), self.stone
            )
        z += tall
        if kind == "cross":
            solid.box((-0.12, -0.1, z), (0.12, 0.1, z + 2.6 * size), self.bronze)
            solid.box(
                (-0.7 * size, -0.1, z + 1.6 * size), (0.7 * size, 0.1, z + 1.9 * size), self.bronze
            )
        elif kind == "blocks":
            for _ in range(4):
                x, y, h = (draw.uniform(-0.6, 0.6) * size for _ in range(3))
                solid.ball((x, y, z + 0.8 * size + h), np.abs([x, y, h]) + 0.25 * size, self.bronze)
        else:
            self._figure(solid, z, size, kind == "rider")
        return solid

    def _figure(self, solid: Solid, z: float, size: float, rides: bool) -> None:
        """Add a figure in a cloak, on a horse if it rides."""
        draw = self.site.draw
        if rides:
            solid.ball((0, 0, z + 1.45 * size), (0.36 * size, 0.9 * size, 0.42 * size), self.bronze)
            for x in (-0.2, 0.2):
                for y in (-0.6, 0.6):
                    spine = [
                        (x * size, y * size * draw.uniform(0.7, 1.2), z),
                        (x * size, y * size, z + 1.4 * size),
                    ]
                    solid.tube(np.array(spine), (0.08 * size, 0.17 * size), 6, self.bronze)
            neck = np.array([[0, -0.7, 1.6], [0, -1.1, 2.2], [0, -1.45, 2.1]]) * size
            neck[:, 2] += z
            solid.tube(neck, np.array([0.3, 0.2, 0.1]) * size, 7, self.bronze)
            z += 1.35 * size
        rows = [
            (0.34, 0),
            (0.3, 0.5),
            (0.2, 1.1),
            (0.29, 1.45),
            (0.08, 1.58),
            (0.13, 1.7),
            (0.12, 1.82),
            (0.01, 1.9),
        ]
        solid.lathe([(r * size, h * size) for r, h in rows], self.bronze, 10, (0, 0, z))
        for side in (-1, 1):
            shoulder = np.array([0.25 * side, 0, 1.4])
            reach = (0.35 * side, draw.uniform(-0.5, 0.1), draw.uniform(-0.6, 0.7))
            hand = np.add(shoulder, reach)
            bent = 0.5 * (shoulder + hand) + [0.1 * side, 0.05, -0.1]
            arm = np.add(np.array([shoulder, bent, hand]) * size, (0, 0, z))
            solid.tube(arm, np.array([0.09, 0.07, 0.05]) * size, 6, self.bronze)

    def fountain(self, x: float, y: float) -> None:
        """Add a fountain to the site: basins with water, a pillar, jets."""
        site, draw = self.site, self.site.draw
        wide, rim = draw.uniform(1.2, 5.0), draw.uniform(0.4, 0.9)
        z = site.level(x, y)
        solid = Solid()
        profile = [(wide, -0.5), (wide, rim), (wide - 0.25, rim), (wide - 0.25, 0.1)]
        solid.lathe(profile, self.stone, 24)
        tall = draw.uniform(1.0, 3.5)
        bowl = wide * draw.uniform(0.3, 0.5)
        solid.lathe(
            [(0.3, 0), (0.16, 0.7 * tall), (bowl, tall), (bowl, tall + 0.12), (0.05, tall + 0.05)],
            self.stone,
            18,
        )
        if draw.chance(0.5):
            self._figure(solid, tall, draw.uniform(0.4, 0.8), rides=False)
        site.upright.stand(solid, (x, y, z))
        turn = np.arange(24) * np.pi / 12
        ring = np.column_stack([np.cos(turn), np.sin(turn), 0 * turn]) * (wide - 0.2)
        site.water.add(
            np.add(ring, (x, y, z + 0.75 * rim)), [(0, n, n + 1) for n in range(1, 23)], self.water
        )

    def stall(self) -> Solid:
        """Return a market stall, a cafe's umbrella with tables, or a kiosk."""
        solid, draw = Solid(), self.site.draw
        kind = draw.choice(("stall", "umbrella", "kiosk"))
        if kind == "umbrella":
            solid.post((0, 0, 0), 2.3, 0.03, 6, self.metal)
            solid.lathe([(1.5, 2.1), (0.02, 2.7)], self.bright, 8)
            solid.post((0, 0, 0.7), 0.04, 0.5, 10, self.pale)
            for turn in (0.5, 2.6, 4.7):
                x, y = 0.8 * np.cos(turn), 0.8 * np.sin(turn)
                solid.box((x - 0.2, y - 0.2, 0.42), (x + 0.2, y + 0.2, 0.47), self.wood)
                solid.box((x - 0.2, y + 0.15, 0), (x + 0.2, y + 0.2, 0.9), self.wood)
        elif kind == "stall":
            for x in (-1.3, 1.3):
                for y in (-0.9, 0.9):
                    solid.post((x, y, 0), 2.3, 0.04, 5, self.metal)
            points = [(-1.6, -1.3, 2.1), (1.6, -1.3, 2.1), (1.6, 0.9, 2.6), (-1.6, 0.9, 2.6)]
            solid.add(points, [(0, 1, 2, 3)], self.bright)
            solid.box((-1.3, -0.9, 0), (1.3, -0.2, 0.9), self.wood)
        else:
            solid.prism(
                [(np.cos(t), np.sin(t)) for t in np.arange(6) * np.pi / 3], 0, 2.4, self.bright
            )
            solid.lathe([(1.3, 2.35), (0.2, 3.2), (0.01, 3.6)], self.metal, 6)
        return solid

    def pole(self, tall: float, arms: int = 1) -> Solid:
        """Return a wooden pole with cross-arms along x for wires."""
        solid = Solid()
        solid.post((0, 0, -0.5), tall + 0.5, (0.16, 0.1), 8, self.wood)
        for n in range(arms):
            z = tall - 0.3 - 0.7 * n
            solid.box((-1.0, -0.05, z), (1.0, 0.05, z + 0.1), self.wood)
        return solid

    def wire(self, first: Point, second: Point, sag: float, thick: float = 0.012) -> None:
        """Add a wire that hangs between two points."""
        t = np.linspace(0, 1, 9)[:, None]
        line = np.asarray(first) * (1 - t) + np.asarray(second) * t
        line[:, 2] -= 4 * sag * (t * (1 - t))[:, 0]
        self.site.upright.tube(line, thick, 3, self.metal)

    def pylon(self, tall: float) -> Solid:
        """Return a lattice pylon with three pairs of arms along x."""
        solid, half = Solid(), 0.11 * tall
        thick = 0.004 * tall
        levels = np.linspace(0, 1, 8)
        width = half * (1 - levels) ** 1.3 + 0.012 * tall
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
        for n in range(7):
            for k in range(4):
                a, b = corners[k], corners[(k + 1) % 4]
                low, high = levels[n] * tall, levels[n + 1] * tall
                solid.bar((*(a * width[n]), low), (*(a * width[n + 1]), high), thick, self.metal)
                solid.bar(
                    (*(a * width[n]), low), (*(b * width[n + 1]), high), 0.6 * thick, self.metal
                )
                solid.bar(
                    (*(b * width[n]), low), (*(a * width[n + 1]), high), 0.6 * thick, self.metal
                )
        for z in (0.62, 0.77, 0.92):
            for side in (-1, 1):
                tip = (side * 0.2 * tall, 0, z * tall)
                for lift in (0.0, 0.03):
                    solid.bar((0, 0, (z + lift) * tall), tip, 0.8 * thick, self.metal)
        return solid
