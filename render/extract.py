"""From the evaluated scene to arrays: the visible point clouds as the renderer needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray
from ..geometry.core.render_passes import DERIVED, PASSES, Blend
from ..geometry.custom_properties import FEATURES, NETWORKS

if TYPE_CHECKING:
    import bpy

DEFAULT_RADIUS = 0.05
DEFAULT_COLOR = (0.8, 0.8, 0.8, 1.0)
COLOR_NAMES = ("Color", "color")
"""Names of the color attribute: this add-on's, and that of other tools."""
_OWN = ("observed", "layer", "disparity")
"""Attributes by which a cloud of this add-on is recognized."""
_ARRAYS = ("position", "radius", "color", "disparity", "observed", "layer", "weight", "backward")
"""Fields of a cloud that hold a value per point."""
_PASS_WIDTHS = {
    each.source: each.width
    for each in PASSES
    if each.blend is not Blend.COLOR and each.source not in (*DERIVED, *_ARRAYS)
}
"""Number of scalars of the attributes that only render passes need, by name."""
_READ = {*_ARRAYS, *COLOR_NAMES, *_PASS_WIDTHS}
_FIELDS = {
    "FLOAT": ("value", 1, np.float32),
    "INT": ("value", 1, np.int32),
    "INT8": ("value", 1, np.int8),
    "BOOLEAN": ("value", 1, np.bool_),
    "FLOAT_VECTOR": ("vector", 3, np.float32),
    "FLOAT_COLOR": ("color", 4, np.float32),
    "BYTE_COLOR": ("color", 4, np.float32),
}
"""Member, scalars and type that `foreach_get` copies directly, by Blender's attribute type."""


@dataclass(frozen=True)
class Cloud:
    """The P points of one object; arrays are contiguous float32 and all positions finite.

    Attributes:
        position: (P, 3) object space.
        matrix: (4, 4) from object to world space.
        radius: (P,) object space.
        color: (P, 4) scene-linear with opacity.
        disparity: (P,) 0 to 1, 1 is nearest.
        observed: (P,) 1 if seen in the photo, 0 if inpainted.
        layer: (P,) index of the photo's layer, 0 is nearest.
        weight: (P,) weight of the copy in the symmetric animation.
        backward: (P,) bool, whether the point is a backward copy.
        moving: whether the object takes part in the symmetric animation.
        from_photo: whether a photo's pixels sample the surfaces, seen from the object's origin.
        pixel: (P,) int32, the pixel of the photo's layers that a point was made of, -1 for none;
            only if there are features.
        features: id of the feature maps; empty for none.
        networks: path of the checkpoint that the features belong to; empty for none.
        key: the same for the same object in every frame.
        extra: further attributes by name that render passes need, (P,) or (P, n).
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
    extra: Mapping[str, FloatArray] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Memory of the points' arrays."""
        arrays = [*vars(self).values(), *self.extra.values()]
        return sum(v.nbytes for v in arrays if isinstance(v, np.ndarray))

    def stored(self, name: str) -> NDArray | None:
        """The array of an attribute; None if the cloud lacks it."""
        return getattr(self, name) if name in _ARRAYS else self.extra.get(name)

    def attribute(self, name: str, width: int = 1) -> FloatArray:
        """An attribute (P,), or (P, width) for several scalars; zeros if the cloud lacks it."""
        values = self.stored(name)
        count = len(self.position)
        shape = (count,) if width == 1 else (count, width)
        if values is None or values.shape != shape:
            return np.zeros(shape, np.float32)
        return values.astype(np.float32, copy=False)


def visible_clouds(depsgraph: bpy.types.Depsgraph) -> list[Cloud]:
    """All point clouds, including instances, that the depsgraph's view layer shows."""
    clouds = [placed_cloud(each) for each in depsgraph.object_instances if is_cloud(each)]
    return [cloud for cloud in clouds if cloud is not None]


def is_cloud(instance: bpy.types.DepsgraphObjectInstance) -> bool:
    """Whether an instance is a visible point cloud."""
    return bool(instance.show_self and instance.object.type == "POINTCLOUD")


def placed_cloud(
    instance: bpy.types.DepsgraphObjectInstance, points: Cloud | None = None
) -> Cloud | None:
    """The cloud of an instance where it is placed; None if it has no points.

    points: the cloud as it was read before, to read only its place anew.
    """
    matrix = np.array(instance.matrix_world, np.float64)
    key = (instance.object.name_full, *instance.persistent_id)
    cloud = read_cloud(instance.object, matrix) if points is None else points
    return None if cloud is None else replace(cloud, matrix=matrix, key=key)


def read_cloud(evaluated: bpy.types.Object, matrix: NDArray[np.float64]) -> Cloud | None:
    """The points of an evaluated object; None if it has none.

    Missing attributes get defaults: Blender's radius, light gray, at rest. Points whose position
    or radius isn't finite, or whose radius isn't positive, are dropped.

    Args:
        evaluated: an evaluated object of type POINTCLOUD.
        matrix: (4, 4) from object to world space.
    """
    geometry = evaluated.evaluated_geometry()  # owns what is read below: keep it alive
    points = geometry.pointcloud
    if points is None or not len(points.points):
        return None
    features = str(evaluated.get(FEATURES, ""))
    names = _READ | {"pixel"} if features else _READ  # needed only to look up features
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
        all(name in read for name in _OWN),
        read.get("pixel"),
        features,
        str(evaluated.get(NETWORKS, "")),
        extra={name: _finite(read[name]) for name in _PASS_WIDTHS if name in read},
    )
    return _drawable(cloud)


def _drawable(cloud: Cloud) -> Cloud:
    """The cloud without the points that can't be drawn; the same object if all can."""
    if _is_finite(cloud.position) and _is_finite(cloud.radius) and cloud.radius.min() > 0:
        return cloud
    keep = np.isfinite(cloud.position).all(axis=1) & (cloud.radius > 0)
    keep &= np.isfinite(cloud.radius)
    arrays = {name: getattr(cloud, name)[keep] for name in _ARRAYS}
    pixel = None if cloud.pixel is None else cloud.pixel[keep]
    extra = {name: values[keep] for name, values in cloud.extra.items()}
    return replace(cloud, **arrays, pixel=pixel, extra=extra)


def _is_finite(values: FloatArray) -> bool:
    """Whether all values are finite. Their sum tells in most cases, and is much faster."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()) or np.isfinite(values).all())


def _finite(values: NDArray) -> FloatArray:
    """Values as float32, with finite numbers in place of others."""
    values = values.astype(np.float32, copy=False)
    return values if _is_finite(values) else np.nan_to_num(values)


def joined(parts: list[NDArray], width: int = 0) -> NDArray:
    """The arrays concatenated; for none, float32 (0,) or (0, width)."""
    if not parts:
        return np.zeros((0, width) if width else 0, np.float32)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _is_read(attribute: bpy.types.Attribute, names: set[str]) -> bool:
    return attribute.name in names and attribute.data_type in _FIELDS


def _attribute(attribute: bpy.types.Attribute) -> NDArray:
    """Values (P,) or (P, n) of an attribute, in the type that `foreach_get` copies directly."""
    name, width, dtype = _FIELDS[attribute.data_type]
    values: NDArray = np.empty(len(attribute.data) * width, dtype)
    attribute.data.foreach_get(name, values)
    return values.reshape(-1, width) if width > 1 else values


def _scalar(read: dict[str, NDArray], name: str, count: int, default: float) -> FloatArray:
    """A scalar attribute (P,), `default` where the cloud lacks it."""
    values = read.get(name)
    if values is None or values.ndim != 1:
        return np.full(count, default, np.float32)
    if name == "radius":  # points with an invalid radius are dropped later
        return values.astype(np.float32, copy=False)
    return _finite(values)


def _color(read: dict[str, NDArray], count: int) -> FloatArray:
    """Colors (P, 4), finite and with opacities of 0 to 1."""
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
