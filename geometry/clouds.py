"""Make PointCloud objects with named attributes from the worker's point clouds."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from .core.camera import FloatArray, blender_from_camera
from .core.color import srgb_to_linear
from .core.scene_data import PointArrays

FORWARD_PREFIX = "fwd"
BACKWARD_PREFIX = "bwd"
COLOR = "Color"
FORWARD_END, BACKWARD_START = "fwd_end", "bwd_start"
WRONG_SHAPE = "{name} has the shape {shape} for {count} points"
_NUMBERS = ("opacity", "radius", "observed", "layer", "pixel", "disparity")
"""Arrays with one number per point."""
_FIELDS = {"FLOAT": "value", "INT": "value", "FLOAT_VECTOR": "vector", "FLOAT_COLOR": "color"}


def make_cloud(name: str, points: PointArrays) -> bpy.types.Object:
    """Create an object with the cloud of `make_points`, in no collection yet."""
    return bpy.data.objects.new(name, make_points(name, points))


def make_points(name: str, points: PointArrays) -> bpy.types.PointCloud:
    """Create a PointCloud in Blender's axes and scene units.

    The photo's camera stands at the cloud's origin and looks along its +y. See `PointArrays` for
    the meaning of the attributes:

    - `position`, `radius`, `observed`, `layer`, `pixel` and `disparity`,
    - `Color`: scene-linear color with opacity,
    - `fwd_1` to `fwd_K` and `bwd_0` to `bwd_(K-1)`, if the points move: displacements at the key
      times of the loop,
    - `fwd_end` and `bwd_start`, if some points leave the outpainted photo: phases at which the
      forward copy leaves it and the backward copy enters it.

    Raises ValueError if the arrays don't have the same number of points.
    """
    check(points)
    cloud = bpy.data.pointclouds.new(name)
    cloud.resize(points.count)
    store(cloud, "position", "FLOAT_VECTOR", blender_from_camera(points.position))
    store(cloud, "radius", "FLOAT", points.radius)
    store(cloud, COLOR, "FLOAT_COLOR", linear_rgba(points.color, points.opacity))
    store(cloud, "observed", "FLOAT", points.observed)
    store(cloud, "layer", "INT", points.layer)
    store(cloud, "pixel", "INT", points.pixel)
    store(cloud, "disparity", "FLOAT", points.disparity)
    for k, displacement in enumerate(points.forward, start=1):
        store(cloud, f"{FORWARD_PREFIX}_{k}", "FLOAT_VECTOR", blender_from_camera(displacement))
    for k, displacement in enumerate(points.backward):
        store(cloud, f"{BACKWARD_PREFIX}_{k}", "FLOAT_VECTOR", blender_from_camera(displacement))
    if has_lifetimes(points):
        for end, lifetime in zip((FORWARD_END, BACKWARD_START), points.lifetime, strict=True):
            store(cloud, end, "FLOAT", lifetime)
    return cloud


def has_lifetimes(points: PointArrays) -> bool:
    """Whether any point leaves or enters the outpainted photo during the loop."""
    return bool(
        len(points.lifetime) and ((points.lifetime[0] <= 1) | (points.lifetime[1] >= 0)).any()
    )


def check(points: PointArrays) -> None:
    """Raise ValueError if the arrays don't have the same number of points."""
    count = points.count
    keys = len(points.forward)
    shapes: dict[str, tuple[tuple[int, ...], ...]] = {
        **{name: ((count, 3),) for name in ("position", "color")},
        **{name: ((count,),) for name in _NUMBERS},
        **{name: ((keys, count, 3),) for name in ("forward", "backward")},
        "lifetime": ((0, count), (2, count)),
    }
    for name, allowed in shapes.items():
        shape = getattr(points, name).shape
        if shape not in allowed:
            raise ValueError(WRONG_SHAPE.format(name=name, shape=shape, count=count))


def store(cloud: bpy.types.PointCloud, name: str, kind: str, values: NDArray) -> None:
    """Write an attribute of type `kind` with one value, or one row of values, per point."""
    attribute = cloud.attributes.get(name) or cloud.attributes.new(name, kind, "POINT")
    dtype = np.int32 if kind == "INT" else np.float32
    # Blender reads the memory as it is: another type or order would store garbage or be slow.
    attribute.data.foreach_set(_FIELDS[kind], np.ascontiguousarray(values, dtype).ravel())


def linear_rgba(color: FloatArray, opacity: FloatArray) -> FloatArray:
    """Return colors (P, 3), sRGB-encoded, and opacity (P,) as scene-linear RGBA (P, 4)."""
    rgba = np.empty((len(color), 4), np.float32)
    rgba[:, :3], rgba[:, 3] = srgb_to_linear(color), opacity
    return rgba
