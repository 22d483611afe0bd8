"""Meshes and objects in Blender from arrays.

Blender's axes: x right, y away from the camera, z up, in meters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rng = np.random.Generator


@dataclass
class Shape:
    """A mesh under construction; each added part has the number of its material slot."""

    vertices: list[Array] = field(default_factory=list)
    faces: list[NDArray[np.int64]] = field(default_factory=list)
    slots: list[NDArray[np.int64]] = field(default_factory=list)
    count: int = 0

    def add(self, vertices: Any, faces: Any, slot: int = 0) -> None:
        """Add vertices (V, 3) and faces (F, 3 or 4) of vertex indices; -1 pads a triangle to 4."""
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
        """Add separate quads with centers (N, 3) and half their two sides (N, 3) each."""
        corners = [centers - right - up, centers + right - up, centers + right + up]
        points = np.stack([*corners, centers - right + up], axis=1).reshape(-1, 3)
        self.add(points, np.arange(len(points)).reshape(-1, 4), slot)

    def triangles(self, first: Array, second: Array, third: Array, slot: int = 0) -> None:
        """Add separate triangles with their three corners (N, 3) each."""
        points = np.stack([first, second, third], axis=1).reshape(-1, 3)
        self.add(points, np.arange(len(points)).reshape(-1, 3), slot)

    def tube(self, spine: Array, radius: Any, sides: int = 7, slot: int = 0) -> None:
        """Add a tube around a polyline (N, 3) with radii (N,); its ends stay open."""
        along = np.gradient(spine, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        helper = np.eye(3)[np.abs(along).max(axis=0).argmin()]  # the axis it is least parallel to
        across = np.cross(along, helper)
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        other = np.cross(along, across)
        turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)[None, :, None]
        ring = np.cos(turn) * across[:, None] + np.sin(turn) * other[:, None]
        radii = np.broadcast_to(np.asarray(radius, float), len(spine))[:, None, None]
        points = (spine[:, None] + radii * ring).reshape(-1, 3)
        self.add(points, grid_faces(len(spine), sides, closed=True), slot)

    def merge(self, other: Shape, positions: Array, sizes: Array, turns: Array) -> None:
        """Add copies of a shape.

        Args:
            other: The shape.
            positions: (N, 3).
            sizes: (N,) scale factors.
            turns: (N,) rotations about the vertical in radians.
        """
        points = np.concatenate(other.vertices)
        c, s = np.cos(turns)[:, None], np.sin(turns)[:, None]
        x, y = c * points[:, 0] - s * points[:, 1], s * points[:, 0] + c * points[:, 1]
        upright = np.broadcast_to(points[:, 2], x.shape)
        placed = np.stack([x, y, upright], axis=-1) * sizes[:, None, None] + positions[:, None]
        corners = np.concatenate(other.faces)
        shift = np.arange(len(positions))[:, None, None] * len(points) + self.count
        self.vertices.append(placed.reshape(-1, 3))
        self.faces.append(np.where(corners < 0, -1, corners + shift).reshape(-1, 4))
        self.slots.append(np.tile(np.concatenate(other.slots), len(positions)))
        self.count += len(positions) * len(points)

    def mesh(self, name: str, materials: Iterable[Any], smooth: bool = False) -> Any:
        """Return the mesh as a Blender mesh with these materials in its slots."""
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
    """Return the quads (F, 4) of a grid of vertices, row by row.

    closed: Whether the last column joins the first.
    """
    first = np.arange(rows - 1)[:, None] * columns
    left = np.arange(columns if closed else columns - 1)
    right = (left + 1) % columns
    corners = [first + left, first + right, first + columns + right, first + columns + left]
    return np.stack([np.broadcast_to(c, (rows - 1, len(left))) for c in corners], -1).reshape(-1, 4)


def place(
    mesh: Any, at: Sequence[float] = (0, 0, 0), turn: float = 0.0, size: Any = 1.0, index: int = 0
) -> Any:
    """Return a new object in the scene.

    Args:
        mesh: Its mesh.
        at: Its location.
        turn: Its rotation about the vertical in radians.
        size: Its scale, one number or three.
        index: Its pass index, WATER for water.
    """
    item = bpy.data.objects.new(mesh.name, mesh)
    item.location, item.rotation_euler = at, (0, 0, turn)
    item.scale = (size,) * 3 if np.isscalar(size) else size
    item.pass_index = index
    bpy.context.scene.collection.objects.link(item)
    return item


def place_large(mesh: Any) -> Any:
    """Return a new object of a mesh with many faces, and hide a tiny second one underground.

    Cycles keeps the BVH of a mesh that has two users. For a mesh with a single user, it rebuilds
    the BVH whenever a material changes, which for flowing water is in every frame.
    """
    place(mesh, (0, 0, -500), size=1e-3)
    return place(mesh)


def place_many(
    meshes: Sequence[Any],
    positions: Array,
    sizes: Array,
    rng: Rng,
    lean: float = 0.0,
    index: int = 0,
) -> None:
    """Place objects of randomly chosen meshes with random rotations.

    Args:
        meshes: The meshes to choose from.
        positions: (N, 3).
        sizes: (N,) scale factors.
        rng: The random generator.
        lean: Standard deviation of their tilt off the vertical, in radians.
        index: Their pass index.
    """
    for position, size in zip(positions, sizes, strict=True):
        shape = rng.uniform(0.9, 1.1, 3) * size
        mesh = meshes[int(rng.integers(len(meshes)))]
        item = place(mesh, position, rng.uniform(0, 6.28), shape, index)
        item.rotation_euler[:2] = rng.normal(0, lean, 2) if lean else (0, 0)


def place_merged(
    shapes: Sequence[Shape], materials: Sequence[Any], positions: Array, sizes: Array, rng: Rng
) -> Any:
    """Return one object of many copies of small shapes, for thousands of distant plants.

    Every object costs render time in every frame; faces don't.

    Args:
        shapes: The shapes to choose from.
        materials: The materials of their slots.
        positions: (N, 3).
        sizes: (N,) scale factors.
        rng: The random generator.
    """
    merged = Shape()
    which = rng.integers(len(shapes), size=len(positions))
    for number, shape in enumerate(shapes):
        chosen = which == number
        turns = rng.uniform(0, 6.28, int(chosen.sum()))
        merged.merge(shape, positions[chosen], sizes[chosen], turns)
    return place_large(merged.mesh("many", materials))


WATER = 1
"""Pass index of objects whose texture flows."""
