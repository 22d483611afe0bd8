"""From the evaluated scene to arrays: every visible point cloud, as the renderer needs it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray
from ..geometry.custom_properties import FEATURES, NETWORKS

if TYPE_CHECKING:
    import bpy

DEFAULT_RADIUS = 0.05
DEFAULT_COLOR = (0.8, 0.8, 0.8, 1.0)
COLOR_NAMES = ("Color", "color")
"""Names of the color attribute: ours, and what other tools call it."""
_MADE_BY_US = ("observed", "layer", "disparity")
_ATTRIBUTES = ("position", "radius", "disparity", "observed", "layer", "weight", "backward")
_READ = {*_ATTRIBUTES, *COLOR_NAMES}
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
    color (P, 4), scene-linear with opacity; disparity, known (P,) 0..1; layer (P,) index, 0
    nearest; backward (P,) bool and weight (P,) of the symmetric animation; moving: whether the
    object takes part in it; from_photo: whether its surfaces are sampled by a photo's pixels,
    taken from the object's origin; pixel (P,) int32: which pixel of its photo's layers a point was
    made of, -1 for none, where there are features; features, networks: id of the feature maps and
    path of the checkpoint that they belong to, empty for none; key: the same for the same object in
    every frame.
    """

    position: FloatArray
    matrix: NDArray[np.float64]
    radius: FloatArray
    color: FloatArray
    disparity: FloatArray
    observed: FloatArray
    layer: FloatArray
    weight: FloatArray
    backward: NDArray[np.bool_]
    moving: bool
    from_photo: bool
    pixel: NDArray[np.int32] | None = None
    features: str = ""
    networks: str = ""
    key: tuple[str | int, ...] = ()

    @property
    def nbytes(self) -> int:
        """Memory of the points' arrays."""
        return sum(v.nbytes for v in vars(self).values() if isinstance(v, np.ndarray))


def visible_clouds(depsgraph: bpy.types.Depsgraph) -> list[Cloud]:
    """All point clouds, instances too, that the depsgraph's view layer shows."""
    clouds = []
    for instance in depsgraph.object_instances:
        if instance.show_self and instance.object.type == "POINTCLOUD":
            matrix = np.array(instance.matrix_world, np.float64)
            cloud = read_cloud(instance.object, matrix)
            if cloud is not None:
                key = (instance.object.name_full, *instance.persistent_id)
                clouds.append(replace(cloud, key=key))
    return clouds


def read_cloud(evaluated: bpy.types.Object, matrix: NDArray[np.float64]) -> Cloud | None:
    """The points of an evaluated object, None where it has none.

    Missing attributes get defaults: Blender's radius, light gray, at rest. Points whose position
    or radius isn't finite are dropped, as are those without a radius.
    """
    geometry = evaluated.evaluated_geometry()  # owns what is read below: keep it alive
    points = geometry.pointcloud
    if points is None or not len(points.points):
        return None
    features = str(evaluated.get(FEATURES, ""))
    names = _READ | {"pixel"} if features else _READ  # which only the features are looked up by
    read = {a.name: _attribute(a) for a in points.attributes if _is_read(a, names)}
    count = len(points.points)
    cloud = Cloud(
        read["position"],
        matrix,
        _scalar(read, "radius", count, DEFAULT_RADIUS),
        _color(read, count),
        _scalar(read, "disparity", count, 0.0),
        _scalar(read, "observed", count, 1.0),
        _scalar(read, "layer", count, 0.0),
        _scalar(read, "weight", count, 1.0),
        _scalar(read, "backward", count, 0.0) > 0.5,
        "backward" in read,
        all(name in read for name in _MADE_BY_US),
        read.get("pixel"),
        features,
        str(evaluated.get(NETWORKS, "")),
    )
    return _drawable(cloud)


def _drawable(cloud: Cloud) -> Cloud:
    """The cloud without the points that can't be drawn; the same where all can."""
    if _is_finite(cloud.position) and _is_finite(cloud.radius) and cloud.radius.min() > 0:
        return cloud
    keep = np.isfinite(cloud.position).all(axis=1) & (cloud.radius > 0)
    keep &= np.isfinite(cloud.radius)
    arrays = {n: v[keep] for n, v in vars(cloud).items() if n in (*_ATTRIBUTES, "color")}
    if cloud.pixel is not None:
        arrays["pixel"] = cloud.pixel[keep]
    return replace(cloud, **arrays)


def _is_finite(values: FloatArray) -> bool:
    """Whether all values are finite; their sum tells, and is much faster than looking at each."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()) or np.isfinite(values).all())


def joined(parts: list[NDArray], width: int = 0) -> NDArray:
    """The arrays one after the other; float32 (0,) or (0, width) for none."""
    if not parts:
        return np.zeros((0, width) if width else 0, np.float32)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _is_read(attribute: bpy.types.Attribute, names: set[str]) -> bool:
    return attribute.name in names and attribute.data_type in _FIELDS


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
    values = values.astype(np.float32, copy=False)
    # The radius stays as it is: points with a bad one are left out.
    return values if name == "radius" or _is_finite(values) else np.nan_to_num(values)


def _color(read: dict[str, NDArray], count: int) -> FloatArray:
    values = next((read[name] for name in COLOR_NAMES if name in read), None)
    if values is None or values.ndim != 2 or values.shape[1] != 4:
        color = np.full((count, 4), DEFAULT_COLOR, np.float32)
        if values is not None and values.ndim == 2:
            color[:, :3] = values
    else:
        color = values
    if not _is_finite(color):
        color = np.nan_to_num(color)
    if color[:, 3].min() < 0.0 or color[:, 3].max() > 1.0:
        color[:, 3] = np.clip(color[:, 3], 0.0, 1.0)
    return color
