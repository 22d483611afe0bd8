"""Motion guides: curves along which water and clouds move, with their speed.

A guide is any curve object with the role "guide". The artist may draw it over the photo in camera
view or along a river in 3D: what counts is where the photo's camera sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import bpy
import numpy as np
from mathutils.geometry import interpolate_bezier
from numpy.typing import NDArray

from .core.camera import (
    FloatArray,
    Intrinsics,
    blender_from_camera,
    camera_from_blender,
    project,
    unproject,
)
from .core.packages import load_scipy
from .custom_properties import MOTION_REGIONS, ROLE, mark
from .motion_regions import read_regions
from .nodes.guide import add_arrows
from .photo_view import outpainted_lens, photo_area, view_from_photo

REQUIRES = ("scipy",)
"""Packages that this module needs beyond NumPy."""

NAME = "Make 4D Guide"
GUIDE_ROLE = "guide"
SPEED = "make_4d_speed"
"""Custom property of a guide: its speed, by which the radius of each point is multiplied."""
SPEED_TIP = "Speed relative to the motion without a guide: 1 is as fast, 0 stands still"
GUIDE_POINTS = 3
"""Control points of a new guide."""
MIN_WIDTH = 0.02
"""Fraction of the outpainted photo's width; narrower regions are too small for a guide."""
MIN_AREA = 0.005
"""Fraction of the outpainted photo; smaller regions don't count."""
SKY_FRACTION = 0.9
"""Fraction of the largest depth from which a pixel counts as sky."""
IN_FRONT = 0.995
"""Factor on the depth of a new guide, which puts it just in front of the surface."""
SAMPLES = 12
"""Points between two control points of a Bezier curve."""
_NEAREST = 1e-3
"""Smallest depth, in scene units, at which a point of a guide is in front of the camera."""


def make_guide(still: bpy.types.Object, line: NDArray, speed: float) -> bpy.types.Object:
    """Create a guide in the still cloud's collections.

    Args:
        still: The still cloud.
        line: Control points (n, 3) in the cloud's frame; n may be 0.
        speed: Speed relative to the automatic motion.
    """
    data = bpy.data.curves.new(NAME, "CURVE")
    data.dimensions = "3D"
    if len(line):
        spline = data.splines.new("BEZIER")
        spline.bezier_points.add(len(line) - 1)
        for point, position in zip(spline.bezier_points, line, strict=True):
            point.co = position
            point.handle_left_type = point.handle_right_type = "AUTO"
    guide = bpy.data.objects.new(NAME, data)
    guide.matrix_world = still.matrix_world
    guide.hide_render = True
    guide[SPEED] = speed
    guide.id_properties_ui(SPEED).update(min=0.0, soft_max=4.0, description=SPEED_TIP)
    mark(guide, GUIDE_ROLE)
    add_arrows(guide)
    for collection in still.users_collection:
        collection.objects.link(guide)
    return guide


def default_line(still: bpy.types.Object, moving: bpy.types.Object | None) -> NDArray:
    """Return a line (GUIDE_POINTS, 3) across the photo's largest motion region.

    It is in the still cloud's frame. If nothing moves, it crosses the middle of the photo.
    Raises MissingPackageError without SciPy.
    """
    lens = outpainted_lens(still)
    view = view_from_photo([cloud for cloud in (still, moving) if cloud is not None], lens)
    image = still.get(MOTION_REGIONS)
    regions = read_regions(image) if image is not None else np.zeros_like(view.depth)
    moves, photo = np.zeros(view.depth.shape, bool), photo_area(still)
    if regions.shape == moves.shape:
        moves[photo] = regions[photo] > 0.5
        # Regions nearer than the sky come first: a river matters more than clouds.
        nearer = moves & (view.depth < SKY_FRACTION * view.depth.max())
        moves = nearer if nearer.mean() > MIN_AREA else moves
    row, left, right = widest_run(moves)
    if right - left < MIN_WIDTH:
        row, left, right = 0.5, 0.35, 0.65
    x = np.linspace(left + 0.2 * (right - left), right - 0.2 * (right - left), GUIDE_POINTS)
    columns = np.minimum((x * lens.width).astype(int), lens.width - 1)
    rows = np.full(GUIDE_POINTS, min(int(row * lens.height), lens.height - 1))
    pixels = np.stack([columns, rows], -1).astype(np.float32) + np.float32(0.5)
    return blender_from_camera(unproject(pixels, view.depth[rows, columns] * IN_FRONT, lens))


def widest_run(moves: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return row, left and right end of a horizontal run inside the largest region of a mask.

    The run is the longest in the region's middle row. The results are fractions of the mask's
    height and width; all are 0 for an empty mask.

    moves: the mask (H, W).
    """
    if not moves.any():
        return 0.0, 0.0, 0.0
    ndimage = load_scipy("ndimage")
    labels, _ = ndimage.label(moves)
    piece = labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1
    rows = np.flatnonzero(piece.any(axis=1))
    row = int(rows[len(rows) // 2])
    runs, _ = ndimage.label(piece[row])
    run = np.flatnonzero(runs == np.argmax(np.bincount(runs)[1:]) + 1)
    height, width = moves.shape
    return (row + 0.5) / height, run[0] / width, (run[-1] + 1) / width


def guides_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return the scene's guides, sorted by name."""
    guides = (o for o in scene.objects if o.type == "CURVE" and o.get(ROLE) == GUIDE_ROLE)
    return sorted(guides, key=lambda guide: guide.name)


def guide_lines(
    guides: list[bpy.types.Object], cloud: bpy.types.Object, camera: Intrinsics
) -> tuple[FloatArray, ...]:
    """Project guides into the outpainted photo; parts behind the photo's camera are left out.

    Args:
        guides: The guides.
        cloud: Object in whose frame the photo's camera stands at the origin.
        camera: Intrinsics of the outpainted photo.

    Returns:
        One array (n, 3) per spline with rows x, y (pixels) and speed.
    """
    lines = []
    for guide in guides:
        to_cloud = np.array(cloud.matrix_world.inverted() @ guide.matrix_world)
        for points, radius in splines(guide.data):
            local = camera_from_blender(points @ to_cloud[:3, :3].T + to_cloud[:3, 3])
            ahead = local[:, 2] > _NEAREST
            speed = radius[ahead] * float(guide.get(SPEED, 1.0))
            line = np.column_stack([project(local[ahead], camera), np.maximum(speed, 0.0)])
            if len(line) > 1:
                lines.append(line.astype(np.float32))
    return tuple(lines)


def splines(curve: bpy.types.Curve) -> Iterator[tuple[NDArray, NDArray]]:
    """Yield positions (n, 3) and radii (n,) along each spline of a curve, in its own frame."""
    for spline in curve.splines:
        if spline.type == "BEZIER":
            yield _bezier(spline)
        else:
            positions = np.array([p.co[:3] for p in spline.points], float).reshape(-1, 3)
            yield _closed(spline, positions, np.array([p.radius for p in spline.points], float))


def _bezier(spline: bpy.types.Spline) -> tuple[NDArray, NDArray]:
    """Sample a Bezier spline."""
    points = list(spline.bezier_points)
    if spline.use_cyclic_u:
        points.append(points[0])
    positions, radii = [np.array([points[0].co], float)], [np.array([points[0].radius])]
    for a, b in pairwise(points):
        piece = interpolate_bezier(a.co, a.handle_right, b.handle_left, b.co, SAMPLES + 1)
        positions.append(np.array(piece[1:], float))
        radii.append(np.linspace(a.radius, b.radius, SAMPLES + 1)[1:])
    return np.concatenate(positions), np.concatenate(radii)


def _closed(
    spline: bpy.types.Spline, positions: NDArray, radii: NDArray
) -> tuple[NDArray, NDArray]:
    """Repeat the first point of a closed spline at its end."""
    if not spline.use_cyclic_u:
        return positions, radii
    return np.concatenate([positions, positions[:1]]), np.concatenate([radii, radii[:1]])
