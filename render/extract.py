"""From the evaluated scene to arrays: every visible point cloud, as the renderer needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray

if TYPE_CHECKING:
    import bpy

DEFAULT_RADIUS = 0.05
DEFAULT_COLOR = (0.8, 0.8, 0.8, 1.0)
COLOR_NAMES = ("Color", "color")
"""Names of the colour attribute: ours, and what other tools call it."""
_MADE_BY_US = ("known", "layer", "disparity")
_FIELDS = {
    "FLOAT": ("value", 1, np.float32),
    "INT": ("value", 1, np.int32),
    "INT8": ("value", 1, np.int8),
    "BOOLEAN": ("value", 1, np.bool_),
    "FLOAT_VECTOR": ("vector", 3, np.float32),
    "FLOAT_COLOR": ("color", 4, np.float32),
    "BYTE_COLOR": ("color", 4, np.float32),
}


@dataclass(frozen=True)
class Cloud:
    """One object's points, P of them, contiguous float32, all positions finite.

    position (P, 3), object space; matrix (4, 4) takes it to the world; radius (P,), object space;
    color (P, 4), scene-linear with opacity; disparity (P,) 0..1; backward (P,) bool and weight
    (P,) of the symmetric animation; moving: whether the object takes part in it; from_photo:
    whether its surfaces are sampled by a photo's pixels, taken from the object's origin.
    """

    position: FloatArray
    matrix: NDArray[np.float64]
    radius: FloatArray
    color: FloatArray
    disparity: FloatArray
    weight: FloatArray
    backward: NDArray[np.bool_]
    moving: bool
    from_photo: bool


def visible_clouds(depsgraph: bpy.types.Depsgraph) -> list[Cloud]:
    """All point clouds, instances too, that the depsgraph's view layer shows."""
    clouds = []
    for instance in depsgraph.object_instances:
        if instance.show_self and instance.object.type == "POINTCLOUD":
            matrix = np.array(instance.matrix_world, np.float64)
            cloud = read_cloud(instance.object, matrix)
            if cloud is not None:
                clouds.append(cloud)
    return clouds


def read_cloud(evaluated: bpy.types.Object, matrix: NDArray[np.float64]) -> Cloud | None:
    """The points of an evaluated object, None where it has none.

    Missing attributes get defaults: Blender's radius, light grey, at rest. Points whose position
    or radius isn't finite are dropped, as are those without a radius.
    """
    geometry = evaluated.evaluated_geometry()  # owns what is read below: keep it alive
    points = geometry.pointcloud
    if points is None or not len(points.points):
        return None
    read = {a.name: _attribute(a) for a in points.attributes if a.data_type in _FIELDS}
    count = len(points.points)
    position = read["position"]
    radius = _scalar(read, "radius", count, DEFAULT_RADIUS)
    keep = np.isfinite(position).all(axis=1) & (radius > 0) & np.isfinite(radius)
    return Cloud(
        np.ascontiguousarray(position[keep]),
        matrix,
        radius[keep],
        _color(read, count)[keep],
        _scalar(read, "disparity", count, 0.0)[keep],
        _scalar(read, "weight", count, 1.0)[keep],
        _scalar(read, "backward", count, 0.0)[keep] > 0.5,
        "backward" in read,
        all(name in read for name in _MADE_BY_US),
    )


def _attribute(attribute: bpy.types.Attribute) -> NDArray:
    """Values (P,) or (P, n) of an attribute, in the type that foreach_get copies at once."""
    name, width, dtype = _FIELDS[attribute.data_type]
    values: NDArray = np.empty(len(attribute.data) * width, dtype)
    attribute.data.foreach_get(name, values)
    return values.reshape(-1, width) if width > 1 else values


def _scalar(read: dict[str, NDArray], name: str, count: int, default: float) -> FloatArray:
    values = read.get(name)
    if values is None or values.ndim != 1:
        return np.full(count, default, np.float32)
    return np.nan_to_num(values.astype(np.float32, copy=False), copy=False)


def _color(read: dict[str, NDArray], count: int) -> FloatArray:
    color = np.empty((count, 4), np.float32)
    color[:] = DEFAULT_COLOR
    values = next((read[name] for name in COLOR_NAMES if name in read), None)
    if values is not None and values.ndim == 2:
        color[:, : values.shape[1]] = np.nan_to_num(values)
    color[:, 3] = np.clip(color[:, 3], 0.0, 1.0)
    return color
