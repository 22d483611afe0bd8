"""Merged meshes of many materials, and the solids that towns are put together from.

A world's buildings, vehicles and furniture are a few objects, one per label, as every object costs
time. Each vertex remembers its position in its own building, where textures of walls are laid out,
and a random number that all vertices of the building share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..landscapes.materials import Air
from ..landscapes.meshes import Array, Shape, grid_faces, place
from ..landscapes.terrain import Height, sphere
from .draw import Draw
from .labels import FLAT_INDEX, UPRIGHT_INDEX, WATER_INDEX

LOCAL = "local"
"""Attribute (4,) of vertices: position in the own building, and the building's random number."""
type Point = Sequence[float] | Array


class Solid(Shape):
    """A mesh under construction whose vertices keep their position in their own building."""

    def __init__(self) -> None:
        """Start without faces."""
        super().__init__()
        self.local: list[Array] = []
        self.soft: list[np.ndarray] = []
        self._smooth = False

    def add(self, vertices: Any, faces: Any, slot: int = 0) -> None:
        """Add faces as `Shape.add` does."""
        points = np.asarray(vertices, float)
        self.local.append(np.column_stack([points, np.zeros(len(points))]))
        self.soft.append(np.full(len(faces), self._smooth))
        super().add(points, faces, slot)

    def round(self, vertices: Any, faces: Any, slot: int = 0) -> None:
        """Add smoothly shaded faces."""
        self._smooth = True
        self.add(vertices, faces, slot)
        self._smooth = False

    def tube(self, spine: Array, radius: Any, sides: int = 7, slot: int = 0) -> None:
        """Add a smoothly shaded tube as `Shape.tube` does."""
        self._smooth = True
        super().tube(np.asarray(spine, float), radius, sides, slot)
        self._smooth = False

    def post(self, foot: Point, height: float, radius: Any, sides: int = 8, slot: int = 0) -> None:
        """Add an upright round post with a flat top; radius: one number or bottom and top."""
        bottom, top = np.broadcast_to(np.asarray(radius, float), 2)
        spine = np.array(foot, float) + np.outer([0.0, height], [0, 0, 1])
        self.tube(spine, [bottom, top], sides, slot)
        turn = np.arange(sides) * 2 * np.pi / sides
        ring = np.column_stack([np.cos(turn) * top, np.sin(turn) * top, 0 * turn]) + spine[1]
        corners = [(0, n, n + 1) for n in range(1, sides - 1)]
        self.add(ring, corners, slot)

    def bar(self, first: Point, second: Point, thick: float, slot: int = 0) -> None:
        """Add a thin square bar between two points."""
        self._smooth = False
        Shape.tube(self, np.array([first, second], float), thick, 4, slot)

    def ball(self, center: Point, radii: Any, slot: int = 0, rows: int = 7) -> None:
        """Add an ellipsoid; radii: one number or three."""
        points, faces = sphere(rows, 2 * rows)
        self.round(points * np.broadcast_to(np.asarray(radii, float), 3) + center, faces, slot)

    def lathe(self, profile: Any, slot: int = 0, sides: int = 12, at: Point = (0, 0, 0)) -> None:
        """Add a body of revolution about the vertical; profile: rows (radius, height)."""
        radius, height = np.asarray(profile, float).T
        turn = np.arange(sides) * 2 * np.pi / sides
        points = np.stack(
            [
                radius[:, None] * np.cos(turn),
                radius[:, None] * np.sin(turn),
                height[:, None] + 0 * turn,
            ],
            -1,
        )
        faces = grid_faces(len(radius), sides, closed=True)
        self.round(points.reshape(-1, 3) + np.asarray(at, float), faces, slot)

    def prism(self, outline: Any, low: float, high: float, slot: int = 0, top: int = -1) -> None:
        """Add an upright prism over a convex outline (N, 2); top: slot of its top, the same by -1.

        Its walls' texture runs around it.
        """
        flat = np.asarray(outline, float)
        count = len(flat)
        side = np.linalg.norm(np.roll(flat, -1, axis=0) - flat, axis=1)
        start = np.cumsum(side) - side
        for n in range(count):
            a, b = flat[n], flat[(n + 1) % count]
            self.add([(*a, low), (*b, low), (*b, high), (*a, high)], [(0, 1, 2, 3)], slot)
            along = [start[n], start[n] + side[n]]
            self.local[-1][:, 0] = [along[0], along[1], along[1], along[0]]
            self.local[-1][:, 1] = 0
        fan = [(0, n, n + 1) for n in range(1, count - 1)]
        self.add(np.column_stack([flat, np.full(count, high)]), fan, slot if top < 0 else top)

    def stand(
        self, other: Solid, at: Any, turn: float = 0.0, size: float = 1.0, each: float = 0.0
    ) -> None:
        """Add a copy of another solid.

        Args:
            other: The solid.
            at: Where its origin comes to lie.
            turn: Its rotation about the vertical in radians.
            size: Its scale factor.
            each: Its random number, 0 to 1.
        """
        self.merge(other, np.array([at], float), np.array([size]), np.array([turn]))
        self.local[-1][:, 3] = each

    def merge(self, other: Shape, positions: Array, sizes: Array, turns: Array) -> None:
        """Add copies of a solid as `Shape.merge` does."""
        if not len(positions):
            return
        super().merge(other, positions, sizes, turns)
        if isinstance(other, Solid):
            local, soft = np.concatenate(other.local), np.concatenate(other.soft)
        else:
            points = np.concatenate(other.vertices)
            local = np.column_stack([points, np.zeros(len(points))])
            soft = np.zeros(sum(map(len, other.faces)), bool)
        self.local.append(np.tile(local, (len(positions), 1)))
        self.soft.append(np.tile(soft, len(positions)))

    def mesh(self, name: str, materials: Any, smooth: bool = False) -> Any:
        """Return the Blender mesh with those of the materials that are used."""
        slots = np.concatenate(self.slots)
        used, slots = np.unique(slots, return_inverse=True)
        before, self.slots = self.slots, [slots]
        mesh = super().mesh(name, [materials[n] for n in used], smooth)
        self.slots = before
        sharp = mesh.attributes.new("sharp_face", "BOOLEAN", "FACE")
        sharp.data.foreach_set("value", ~np.concatenate(self.soft))
        local = mesh.attributes.new(LOCAL, "FLOAT_COLOR", "POINT")
        local.data.foreach_set("color", np.concatenate(self.local).astype(np.float32).ravel())
        return mesh


class Site:
    """What is built in a world: solids by label, which share one list of materials.

    Attributes:
        draw: The random choices.
        air: The haze.
        height: The ground's height.
        upright: Buildings and objects.
        flat: Roads, squares, stairs and roofs that are walked on.
        water: Basins and canals.
    """

    def __init__(self, draw: Draw, air: Air, height: Height) -> None:
        """Start with nothing built."""
        self.draw, self.air, self.height = draw, air, height
        self.upright, self.flat, self.water = Solid(), Solid(), Solid()
        self.materials: list[Any] = []

    def slot(self, material: Any) -> int:
        """Return the slot of a material."""
        if material not in self.materials:
            self.materials.append(material)
        return self.materials.index(material)

    def level(self, x: float, y: float) -> float:
        """Return the ground's height at one position."""
        return float(self.height(np.array([x]), np.array([y]))[0])

    def stand(self, solid: Solid, at: Point, turn: float = 0.0, **more: float) -> None:
        """Put a copy of an upright solid on the ground at x, y.

        more: `lift` above the ground in meters, `size`.
        """
        lift, size = more.get("lift", 0.0), more.get("size", 1.0)
        x, y = map(float, at)
        spot = (x, y, self.level(x, y) + lift)
        self.upright.stand(solid, spot, turn, size, float(self.draw.rng.uniform()))

    def finish(self) -> None:
        """Place what was built in the scene."""
        labels = (UPRIGHT_INDEX, self.upright), (FLAT_INDEX, self.flat), (WATER_INDEX, self.water)
        for index, solid in labels:
            if solid.count:
                place(solid.mesh("built", self.materials), index=index)


def is_free(center: Point, turn: float, half: Point, margin: float = 1.2) -> bool:
    """Return whether a rectangle leaves the camera at the origin room to see.

    Args:
        center: The rectangle's center x, y.
        turn: Its rotation in radians.
        half: Half its two sides.
        margin: Smallest distance in meters from where the camera may stand.
    """
    c, s = np.cos(turn), np.sin(turn)
    for x, y in ((-0.6, 0.0), (0.0, 0.0), (0.6, 0.0), (0.0, 1.0)):
        dx, dy = x - center[0], y - center[1]
        away = np.abs([c * dx + s * dy, -s * dx + c * dy]) - half
        if np.hypot(*np.maximum(away, 0)) < margin:
            return False
    return True


def spaced(low: float, high: float, step: float) -> list[float]:
    """Return numbers from one number up to, without, another."""
    result: list[float] = np.arange(low, high, step).tolist()
    return result


def turned(points: Any, turn: float, at: Point = (0.0, 0.0)) -> Array:
    """Return points (..., 2) rotated about the origin, then moved."""
    x, y = np.moveaxis(np.asarray(points, float), -1, 0)
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([c * x - s * y + at[0], s * x + c * y + at[1]], axis=-1)
