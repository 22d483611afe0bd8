"""Meshes and objects in Blender from arrays. Blender's axes: x right, y away, z up, meters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rng = np.random.Generator


@dataclass
class Shape:
    """A mesh in the making: parts are added, each with the number of its material."""

    vertices: list[Array] = field(default_factory=list)
    faces: list[NDArray[np.int64]] = field(default_factory=list)
    slots: list[NDArray[np.int64]] = field(default_factory=list)
    count: int = 0

    def add(self, vertices: Any, faces: Any, slot: int = 0) -> None:
        """Add vertices (V, 3) and faces (F, 3 or 4) of indices into them; -1 fills a triangle."""
        points, corners = np.asarray(vertices, float), np.asarray(faces, np.int64)
        if corners.shape[1] == 3:
            corners = np.column_stack([corners, np.full(len(corners), -1)])
        self.vertices.append(points)
        self.faces.append(np.where(corners < 0, -1, corners + self.count))
        self.slots.append(np.full(len(corners), slot))
        self.count += len(points)

    def box(self, low: Sequence[float], high: Sequence[float], slot: int = 0) -> None:
        """Add a box between two corners."""
        corners = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], float)
        points = np.asarray(low) + corners * (np.asarray(high, float) - low)
        sides = [(0, 1, 3, 2)[::-1], (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6)[::-1]]
        self.add(points, [*sides, (0, 2, 6, 4)[::-1], (1, 3, 7, 5)], slot)

    def quads(self, centers: Array, right: Array, up: Array, slot: int = 0) -> None:
        """Add separate quads: centers (N, 3), and half their sides (N, 3) each."""
        corners = [centers - right - up, centers + right - up, centers + right + up]
        points = np.stack([*corners, centers - right + up], axis=1).reshape(-1, 3)
        self.add(points, np.arange(len(points)).reshape(-1, 4), slot)

    def triangles(self, first: Array, second: Array, third: Array, slot: int = 0) -> None:
        """Add separate triangles by their corners (N, 3)."""
        points = np.stack([first, second, third], axis=1).reshape(-1, 3)
        self.add(points, np.arange(len(points)).reshape(-1, 3), slot)

    def tube(self, spine: Array, radius: Any, sides: int = 7, slot: int = 0) -> None:
        """Add a tube round a line of points (N, 3) with radii (N,); its ends stay open."""
        along = np.gradient(spine, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        helper = np.eye(3)[np.abs(along).max(axis=0).argmin()]  # the axis that it never follows
        across = np.cross(along, helper)
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        other = np.cross(along, across)
        turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)[None, :, None]
        ring = np.cos(turn) * across[:, None] + np.sin(turn) * other[:, None]
        radii = np.broadcast_to(np.asarray(radius, float), len(spine))[:, None, None]
        points = (spine[:, None] + radii * ring).reshape(-1, 3)
        self.add(points, grid_faces(len(spine), sides, closed=True), slot)

    def merge(self, other: Shape, spots: Array, sizes: Array, turns: Array) -> None:
        """Add copies of a shape at spots (N, 3), with sizes (N,) and turns (N,) in radians."""
        points = np.concatenate(other.vertices)
        c, s = np.cos(turns)[:, None], np.sin(turns)[:, None]
        x, y = c * points[:, 0] - s * points[:, 1], s * points[:, 0] + c * points[:, 1]
        upright = np.broadcast_to(points[:, 2], x.shape)
        placed = np.stack([x, y, upright], axis=-1) * sizes[:, None, None] + spots[:, None]
        corners = np.concatenate(other.faces)
        shift = np.arange(len(spots))[:, None, None] * len(points) + self.count
        self.vertices.append(placed.reshape(-1, 3))
        self.faces.append(np.where(corners < 0, -1, corners + shift).reshape(-1, 4))
        self.slots.append(np.tile(np.concatenate(other.slots), len(spots)))
        self.count += len(spots) * len(points)

    def mesh(self, name: str, materials: Iterable[Any], smooth: bool = False) -> Any:
        """The mesh in Blender, with these materials in its slots."""
        bpy = import_module("bpy")
        mesh = bpy.data.meshes.new(name)
        corners = np.concatenate(self.faces)
        sizes = (corners >= 0).sum(axis=1)
        mesh.vertices.add(self.count)
        mesh.vertices.foreach_set("co", np.concatenate(self.vertices).astype(np.float32).ravel())
        mesh.loops.add(int(sizes.sum()))
        mesh.loops.foreach_set("vertex_index", corners[corners >= 0].astype(np.int32))
        mesh.polygons.add(len(sizes))
        mesh.polygons.foreach_set("loop_start", (np.cumsum(sizes) - sizes).astype(np.int32))
        mesh.update(calc_edges=True)
        for material in materials:
            mesh.materials.append(material)
        slots = np.concatenate(self.slots).astype(np.int32)
        mesh.polygons.foreach_set("material_index", slots)
        if smooth:
            mesh.shade_smooth()
        return mesh


def grid_faces(rows: int, columns: int, closed: bool = False) -> NDArray[np.int64]:
    """Quads (F, 4) of a grid of vertices, row by row; closed: the last column meets the first."""
    first = np.arange(rows - 1)[:, None] * columns
    left = np.arange(columns if closed else columns - 1)
    right = (left + 1) % columns
    corners = [first + left, first + right, first + columns + right, first + columns + left]
    return np.stack([np.broadcast_to(c, (rows - 1, len(left))) for c in corners], -1).reshape(-1, 4)


def place(
    mesh: Any, at: Sequence[float] = (0, 0, 0), turn: float = 0.0, size: Any = 1.0, index: int = 0
) -> Any:
    """An object of a mesh; turn: radians about the vertical; size: one number or three.

    index: the object's pass index, WATER for water.
    """
    bpy = import_module("bpy")
    thing = bpy.data.objects.new(mesh.name, mesh)
    thing.location, thing.rotation_euler = at, (0, 0, turn)
    thing.scale = (size,) * 3 if np.isscalar(size) else size
    thing.pass_index = index
    bpy.context.scene.collection.objects.link(thing)
    return thing


def place_large(mesh: Any) -> Any:
    """An object of a mesh of many faces, and a speck of a second one deep underground.

    Cycles keeps the search tree of a mesh with two users; that of one with a single user it builds
    anew whenever a material changes: for flowing water, in every frame.
    """
    place(mesh, (0, 0, -500), size=1e-3)
    return place(mesh)


def place_many(
    meshes: Sequence[Any], spots: Array, sizes: Array, rng: Rng, lean: float = 0.0
) -> None:
    """Place copies of meshes at spots (N, 3), sizes (N,), turned at random.

    lean: radians by which they stand off the vertical at random.
    """
    for spot, size in zip(spots, sizes, strict=True):
        shape = rng.uniform(0.9, 1.1, 3) * size
        thing = place(meshes[int(rng.integers(len(meshes)))], spot, rng.uniform(0, 6.28), shape)
        thing.rotation_euler[:2] = rng.normal(0, lean, 2) if lean else (0, 0)


def place_merged(
    shapes: Sequence[Shape], materials: Sequence[Any], spots: Array, sizes: Array, rng: Rng
) -> Any:
    """Place copies of small shapes as one object: for thousands, far away.

    Every object costs the renderer time in every frame; faces don't.
    """
    whole = Shape()
    which = rng.integers(len(shapes), size=len(spots))
    for number, shape in enumerate(shapes):
        chosen = which == number
        turns = rng.uniform(0, 6.28, int(chosen.sum()))
        whole.merge(shape, spots[chosen], sizes[chosen], turns)
    return place_large(whole.mesh("many", materials))


WATER = 1
"""Pass index of the objects whose texture flows."""
