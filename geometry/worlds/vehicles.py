"""Cars, vans, buses, bicycles, boats and railway wagons of simple shapes, facing +y."""

from __future__ import annotations

import numpy as np

from . import surfaces
from .draw import Draw
from .parts import Point, Site, Solid

CARS = ("car", "car", "hatch", "wagon", "van", "pickup", "bus", "truck")
PROFILES = {
    "car": (
        [(-2.2, 0.75), (-1.5, 0.85), (-0.95, 1.4), (0.45, 1.42), (1.1, 0.92), (2.2, 0.72)],
        4.4,
    ),
    "hatch": ([(-1.9, 0.8), (-1.8, 0.95), (-1.3, 1.5), (0.3, 1.5), (1.0, 0.98), (1.9, 0.75)], 3.8),
    "wagon": ([(-2.3, 0.8), (-2.2, 1.0), (-1.8, 1.48), (0.4, 1.48), (1.1, 0.95), (2.3, 0.75)], 4.6),
    "van": ([(-2.5, 0.9), (-2.5, 1.1), (-2.4, 2.1), (1.4, 2.1), (2.2, 1.2), (2.5, 0.9)], 5.0),
    "pickup": ([(-2.6, 1.0), (-0.9, 1.0), (-0.8, 1.7), (0.5, 1.7), (1.2, 1.1), (2.6, 0.95)], 5.2),
    "bus": ([(-5.5, 1.1), (-5.5, 1.3), (-5.45, 3.0), (5.3, 3.0), (5.5, 1.3), (5.5, 1.1)], 11.0),
    "truck": ([(-4, 1.2), (-4, 1.5), (-4, 3.4), (2.2, 3.4), (2.25, 1.5), (3.8, 1.2)], 8.0),
}
"""Side views from rear to front (belt, rear window, roof twice, windshield, hood), and lengths."""


class Garage:
    """Vehicles of a world with their materials."""

    def __init__(self, site: Site) -> None:
        """Make the materials that all vehicles share."""
        draw, air = site.draw, site.air
        self.site = site
        colors = tuple(draw.near_color(draw.choice(surfaces.PAINTS), 1.5) for _ in range(8))
        self.body = site.slot(surfaces.coats(air, colors, 0.5))
        self.glass = site.slot(surfaces.paint(air, "14181c", 0.9, 0.05))
        self.tire = site.slot(surfaces.paint(air, "18191b"))
        self.lights = site.slot(surfaces.paint(air, draw.choice(("c82a20", "e8e8e0")), 0.5))
        self.known: dict[str, Solid] = {}

    def park(self, at: Point, turn: float, kind: str = "") -> None:
        """Put a vehicle on the ground; kind: a random one by default."""
        kind = kind or self.site.draw.choice(CARS, (4, 4, 3, 2, 1.5, 0.7, 0.25, 0.4))
        if kind not in self.known:
            self.known[kind] = self.make(kind)
        self.site.stand(self.known[kind], at, turn, lift=0.03)

    def make(self, kind: str) -> Solid:
        """Return a vehicle of CARS."""
        profile, length = PROFILES[kind]
        half: float = 0.86 if kind in ("car", "hatch", "wagon") else 1.0 if kind != "bus" else 1.25
        solid, line = Solid(), np.array(profile)
        belt = max(line[0, 1], 0.75)
        ends = np.array([[-length / 2, 0.3], [length / 2, 0.3]])
        low = np.vstack([ends[:1], line[:2], line[4:], ends[1:]])
        self._hull(solid, low, half, half * 0.97, self.body)
        cabin = line[1:5]
        self._hull(solid, cabin, half * 0.95, half * 0.8, self.glass)
        roof = line[2:4]
        top = half * 0.8
        solid.box(
            (-top, roof[0, 0], roof[0, 1] - 0.02), (top, roof[1, 0], roof[1, 1] + 0.05), self.body
        )
        if kind in ("van", "bus", "truck"):
            solid.box(
                (-half * 0.98, line[1, 0], belt),
                (half * 0.98, line[3, 0] - 0.7, line[2, 1] * (0.55 if kind == "bus" else 0.98)),
                self.body,
            )
        radius = 0.31 if half < 0.9 else 0.42
        for y in (-0.31 * length, 0.31 * length):
            for side in (-1, 1):
                self._wheel(solid, side * (half - 0.1), y, radius)
        for across in (-0.7, 0.7):
            for end in (-1, 1):
                y = end * length / 2
                solid.box(
                    (across * half - 0.15, y - 0.03, 0.6),
                    (across * half + 0.15, y + 0.03, 0.74),
                    self.lights,
                )
        return solid

    def _hull(self, solid: Solid, line: np.ndarray, low: float, high: float, slot: int) -> None:
        """Add a body with a side view (N, 2) of (y, z), as wide as `low` below, `high` above."""
        z = line[:, 1]
        half = low + (high - low) * (z - z.min()) / max(float(np.ptp(z)), 1e-6)
        n = len(line)
        points = np.vstack([np.column_stack([-half, line]), np.column_stack([half, line])])
        solid.add(points, [(k, k + 1, n + k + 1, n + k) for k in range(n - 1)], slot)
        for start in (0, n):
            solid.add(points[start : start + n], [(0, k, k + 1) for k in range(1, n - 1)], slot)

    def _wheel(self, solid: Solid, x: float, y: float, radius: float) -> None:
        turn = np.arange(12) * np.pi / 6
        ring = np.column_stack([0 * turn, radius * np.cos(turn), radius * np.sin(turn) + radius])
        points = np.vstack([np.add(ring, (x - 0.11, y, 0)), np.add(ring, (x + 0.11, y, 0))])
        solid.add(
            points, [(k, (k + 1) % 12, 12 + (k + 1) % 12, 12 + k) for k in range(12)], self.tire
        )
        for start in (0, 12):
            solid.add(points[start : start + 12], [(0, k, k + 1) for k in range(1, 11)], self.tire)


def bicycle(solid: Solid, frame: int, tire: int) -> None:
    """Add a bicycle along y at the origin."""
    turn = np.linspace(0, 2 * np.pi, 17)
    for y in (-0.52, 0.52):
        ring = np.column_stack([0 * turn, y + 0.34 * np.cos(turn), 0.34 + 0.34 * np.sin(turn)])
        solid.tube(ring, 0.022, 4, tire)
    corners = [(0, -0.52, 0.34), (0, -0.15, 0.85), (0, 0.42, 0.9), (0, -0.05, 0.3)]
    for first, second in ((0, 1), (1, 2), (2, 3), (3, 0), (3, 1)):
        solid.bar(corners[first], corners[second], 0.022, frame)
    solid.bar((0, 0.52, 0.34), (0, 0.4, 1.0), 0.022, frame)
    solid.bar((-0.25, 0.36, 1.02), (0.25, 0.36, 1.02), 0.018, tire)
    solid.box((-0.07, -0.3, 0.88), (0.07, -0.05, 0.95), tire)


def boat(draw: Draw, hull: int, inside: int, mast: int) -> Solid:
    """Return a rowing or sailing boat along y, its keel at z = 0."""
    solid, long = Solid(), draw.uniform(3.0, 6.0)
    wide, tall = long * draw.uniform(0.14, 0.2), draw.uniform(0.45, 0.8)
    t = np.linspace(0, 1, 11)
    half = wide * np.sin(np.pi * np.clip(0.22 + 0.8 * t, 0, 1)) ** 0.7
    y = (t - 0.5) * long
    sheer = tall * (1 + 0.5 * (2 * t - 0.8) ** 2)
    rows = [
        np.column_stack([side * half * f, y * g, z * np.ones(11)])
        for side in (-1, 1)
        for f, g, z in ((0.15, 0.85, 0.0), (0.8, 0.95, 0.5 * tall))
    ]
    for n, side in enumerate((-1, 1)):
        keel, bilge = rows[2 * n], rows[2 * n + 1]
        rim = np.column_stack([side * half, y, sheer])
        points = np.vstack([keel, bilge, rim])
        faces = [
            (r * 11 + k, r * 11 + k + 1, r * 11 + 12 + k, r * 11 + 11 + k)
            for r in range(2)
            for k in range(10)
        ]
        solid.round(points, faces, hull)
        solid.bar(rim[0], rim[5], 0.04, inside)
        solid.bar(rim[5], rim[-1], 0.04, inside)
    solid.add(
        [(*p[:2], 0.45 * tall) for p in np.vstack([rows[1], rows[3][::-1]])],
        [(k, k + 1, 20 - k, 21 - k) for k in range(10)],
        inside,
    )
    solid.box((-half[0], y[0], 0), (half[0], y[0] + 0.06, sheer[0]), hull)
    for at in (-0.2, 0.12):
        solid.box(
            (-wide * 0.9, at * long - 0.12, 0.7 * tall),
            (wide * 0.9, at * long + 0.12, 0.78 * tall),
            inside,
        )
    if draw.chance(0.4):
        high = long * draw.uniform(1.0, 1.5)
        solid.post((0, 0.1 * long, 0.2), high, (0.06, 0.03), 6, mast)
        solid.bar((0, 0.1 * long, 0.9 + tall), (0, -0.4 * long, 0.9 + tall), 0.04, mast)
    return solid


def wagon(draw: Draw, wall: int, roof: int, dark: int) -> Solid:
    """Return a railway wagon along y."""
    solid, long = Solid(), draw.uniform(11, 22)
    solid.box((-1.45, -long / 2, 1.0), (1.45, long / 2, 3.4), wall)
    bend = np.linspace(0, np.pi, 7)
    arch = np.column_stack([1.5 * np.cos(bend), 3.35 + 0.55 * np.sin(bend)])
    ends = [np.column_stack([arch[:, 0], np.full(7, y), arch[:, 1]]) for y in (-long / 2, long / 2)]
    solid.round(np.vstack(ends), [(k, k + 1, 8 + k, 7 + k) for k in range(6)], roof)
    for y in (-0.36 * long, 0.36 * long):
        solid.box((-1.2, y - 1.6, 0.25), (1.2, y + 1.6, 1.0), dark)
    return solid
