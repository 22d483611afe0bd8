"""The points of a scene's clouds as arrays, in the frame of the photo's camera."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

from .core.camera import FloatArray, camera_from_blender
from .core.travel import Values
from .scene_parts import SceneParts


@dataclass(frozen=True, eq=False)
class CloudPoints:
    """position (P, 3) and radius (P,) in scene units, known (P,) 0..1; all float32."""

    position: FloatArray
    radius: FloatArray
    observed: FloatArray


def read_clouds(parts: SceneParts) -> CloudPoints:
    """The rendered clouds of a 4D scene, as stored, in the camera frame of the still cloud.

    Moving points are where the photo shows them. The clouds' places in the scene are respected: one
    that the artist has moved, turned or scaled against the still one is read there.
    """
    clouds = [c for c in (parts.still, parts.moving) if c is not None and not c.hide_render]
    none = (np.zeros((0, 3), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32))
    read = [none, *(_read_cloud(cloud, photo_frame(parts.still)) for cloud in clouds)]
    return CloudPoints(*(np.concatenate(column) for column in zip(*read, strict=True)))


def photo_frame(still: bpy.types.Object) -> Values:
    """The matrix (4, 4) that takes the scene to the still cloud's own axes, those of the photo."""
    return np.array(still.matrix_world.inverted_safe(), float)


def read_attribute(
    cloud: bpy.types.Object, name: str, field: str, width: int = 1, kind: type = np.float32
) -> NDArray:
    """An attribute of a cloud as (P, width); zeros where the cloud hasn't got it."""
    values: NDArray = np.zeros((len(cloud.data.points), width), kind)
    attribute = cloud.data.attributes.get(name)
    if attribute is not None and len(values):
        attribute.data.foreach_get(field, values.ravel())
    return values


def _read_cloud(
    cloud: bpy.types.Object, frame: Values
) -> tuple[FloatArray, FloatArray, FloatArray]:
    matrix = (frame @ np.array(cloud.matrix_world, float)).astype(np.float32)
    position = read_attribute(cloud, "position", "vector", 3)
    radius, observed = (
        read_attribute(cloud, name, "value")[:, 0] for name in ("radius", "observed")
    )
    scale = np.abs(np.linalg.det(matrix[:3, :3])) ** (1 / 3)
    place = position @ matrix[:3, :3].T + matrix[:3, 3]
    return camera_from_blender(place), radius * scale, observed
