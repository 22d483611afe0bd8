"""Poses of an animated camera over a scene's frames, including parents and constraints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

from .core.camera import FloatArray, Intrinsics, camera_from_blender
from .core.travel import Values


@dataclass(frozen=True, eq=False)
class Poses:
    """Poses in the photo's camera frame.

    Attributes:
        positions: Positions (n, 3) in scene units.
        looks, downs: Unit directions (n, 3).
        focal: Factors (n,) on the focal length of `camera`.
        camera: Intrinsics at the first pose.
    """

    positions: FloatArray
    looks: FloatArray
    downs: FloatArray
    focal: FloatArray
    camera: Intrinsics


def sample_frames(scene: bpy.types.Scene, count: int) -> Values:
    """Return at most `count` whole frames (n,) over the scene's range, including first and last.

    A camera that comes back shows nothing new on the way back, but the artist may have edited its
    keys, so the whole range is sampled.
    """
    first, last = scene.frame_start, max(scene.frame_end, scene.frame_start)
    return np.unique(np.round(np.linspace(first, last, count)))


def camera_poses(
    scene: bpy.types.Scene, camera: bpy.types.Object, frames: Values, photo: Values
) -> Poses:
    """Return the poses of a camera object at some frames.

    They are those of the evaluated camera, so edits by hand, parents and constraints count.

    Args:
        scene: Scene with the render resolution.
        camera: The camera object.
        frames: Whole frames (n,).
        photo: Matrix (4, 4) from the scene to the photo's axes.
    """
    size = (scene.render.resolution_x, scene.render.resolution_y)
    with _camera_alone(camera) as alone:
        poses = [_read(alone, camera, int(frame), size) for frame in frames]
    matrices = photo @ np.array([matrix for matrix, _ in poses])
    directions = [matrices[:, :3, 3], -matrices[:, :3, 2], -matrices[:, :3, 1]]
    positions, looks, downs = (camera_from_blender(d) for d in directions)
    lenses = [_intrinsics(projection, size) for _, projection in poses]
    focal = np.array([lens.focal / lenses[0].focal for lens in lenses], np.float32)
    return Poses(positions, _unit(looks), _unit(downs), focal, lenses[0])


@contextmanager
def _camera_alone(camera: bpy.types.Object) -> Iterator[bpy.types.Scene]:
    """Create a temporary scene with the camera and what acts on it.

    It doesn't contain the clouds, which would be evaluated at each frame, and the artist's scene
    stays at its frame.
    """
    alone = bpy.data.scenes.new("Make 4D poses")
    try:
        alone.collection.objects.link(camera)
        yield alone
    finally:
        bpy.data.scenes.remove(alone)


def _read(
    scene: bpy.types.Scene, camera: bpy.types.Object, frame: int, size: tuple[int, int]
) -> tuple[NDArray, NDArray]:
    """Return world matrix and projection matrix (4, 4) of a camera at a frame."""
    scene.frame_set(frame)
    graph = scene.view_layers[0].depsgraph
    evaluated = camera.evaluated_get(graph)
    projection = evaluated.calc_matrix_camera(graph, x=size[0], y=size[1])
    return np.array(evaluated.matrix_world, float), np.array(projection, float)


def _intrinsics(projection: NDArray, size: tuple[int, int]) -> Intrinsics:
    """Return the intrinsics of a projection matrix (4, 4) at a resolution (width, height)."""
    width, height = size
    return Intrinsics(
        projection[0, 0] * width / 2,
        (1 - projection[0, 2]) * width / 2,
        (1 + projection[1, 2]) * height / 2,
        width,
        height,
    )


def _unit(vectors: FloatArray) -> FloatArray:
    unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
