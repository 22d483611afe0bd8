"""Read the points of a scene's clouds as arrays, in the frame of the photo's camera."""

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
    """Points of all clouds, float32.

    Attributes:
        position: Positions (P, 3) in scene units, in the camera frame.
        radius: Radii (P,) in scene units.
        observed: 1 for observed points, 0 for inpainted points, (P,).
    """

    position: FloatArray
    radius: FloatArray
    observed: FloatArray


def read_clouds(parts: SceneParts) -> CloudPoints:
    """Read the clouds of a 4D scene that are rendered, in the camera frame of the still cloud.

    Moving points are where the photo shows them. If the artist has moved, rotated or scaled the
    moving cloud relative to the still cloud, its points are transformed accordingly.
    """
    clouds = [c for c in (parts.still, parts.moving) if c is not None and not c.hide_render]
    empty = (np.zeros((0, 3), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32))
    arrays = [empty, *(_read_cloud(cloud, photo_frame(parts.still)) for cloud in clouds)]
    return CloudPoints(*(np.concatenate(column) for column in zip(*arrays, strict=True)))


def photo_frame(still: bpy.types.Object) -> Values:
    """Return the matrix (4, 4) from the scene to the still cloud's own axes, those of the photo."""
    return np.array(still.matrix_world.inverted_safe(), float)


def read_attribute(
    cloud: bpy.types.Object, name: str, field: str, width: int = 1, kind: type = np.float32
) -> NDArray:
    """Read an attribute of a cloud.

    Args:
        cloud: The object.
        name: Name of the attribute.
        field: Field of its elements, such as "value" or "vector".
        width: Numbers per element.
        kind: Type of the result.

    Returns:
        Values (P, width); zeros if the cloud doesn't have the attribute.
    """
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
    moved = position @ matrix[:3, :3].T + matrix[:3, 3]
    return camera_from_blender(moved), radius * scale, observed
