"""What the photo's camera sees of a scene's clouds, as maps over the outpainted photo."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from .clouds import COLOR
from .core.camera import FloatArray, Intrinsics
from .core.packages import load_scipy
from .custom_properties import LENS
from .read_clouds import read_attribute

REQUIRES = ("scipy",)
"""Packages that this module needs beyond NumPy."""


@dataclass(frozen=True, eq=False)
class PhotoView:
    """Maps over the outpainted photo, without gaps.

    Attributes:
        depth: Depth (H, W) float32 in scene units.
        color: Scene-linear color (H, W, 3) float32.
    """

    depth: FloatArray
    color: FloatArray


def outpainted_lens(still: bpy.types.Object) -> Intrinsics:
    """Return the outpainted photo's intrinsics from a still cloud; KeyError if it has none."""
    focal, cx, cy, width, height = still[LENS][:5]
    return Intrinsics(focal, cx, cy, round(width), round(height))


def photo_lens(still: bpy.types.Object) -> Intrinsics:
    """Return the photo's own intrinsics, without the margins; KeyError if the cloud has none."""
    focal, cx, cy, width, height, top, right, bottom, left = still[LENS]
    size = round(width - left - right), round(height - top - bottom)
    return Intrinsics(focal, cx - left, cy - top, *size)


def photo_area(still: bpy.types.Object) -> tuple[slice, slice]:
    """Return the rows and columns of the outpainted photo that the photo itself covers."""
    width, height, top, right, bottom, left = (round(value) for value in still[LENS][3:9])
    return slice(top, height - bottom), slice(left, width - right)


def view_from_photo(clouds: list[bpy.types.Object], lens: Intrinsics) -> PhotoView:
    """Return depth and color of the nearest opaque point at each pixel of the outpainted photo.

    Points are assigned to pixels by their attribute `pixel`, so the clouds may have been moved or
    edited. A pixel without a point is like its nearest neighbor. Raises MissingPackageError without
    SciPy.
    """
    size = lens.height * lens.width
    nearest, color = np.full(size, np.inf, np.float32), np.zeros((size, 3), np.float32)
    for cloud in clouds:
        depth = read_attribute(cloud, "position", "vector", 3)[:, 1]
        rgba = read_attribute(cloud, COLOR, "color", 4)
        pixel = read_attribute(cloud, "pixel", "value", kind=np.int32).ravel()
        opaque = np.flatnonzero((rgba[:, 3] > 0.999) & (pixel >= 0))
        order = opaque[np.argsort(-depth[opaque], kind="stable")]  # the nearest is written last
        at = pixel[order] % size
        nearer = depth[order] < nearest[at]
        nearest[at[nearer]] = depth[order][nearer]
        color[at[nearer]] = rgba[order[nearer], :3]
    shape = (lens.height, lens.width)
    return _without_gaps(nearest.reshape(shape), color.reshape(*shape, 3))


def _without_gaps(depth: FloatArray, color: FloatArray) -> PhotoView:
    """Fill pixels without a finite depth from their nearest neighbor."""
    missing = ~np.isfinite(depth)
    if missing.all():
        return PhotoView(np.ones_like(depth), color)
    ndimage = load_scipy("ndimage")
    at = ndimage.distance_transform_edt(missing, return_distances=False, return_indices=True)
    return PhotoView(depth[tuple(at)], color[tuple(at)])
