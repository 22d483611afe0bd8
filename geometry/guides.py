"""Guides: curves by which the artist tells where water and clouds go, and how fast.

A guide is any curve object with the role "guide". It may be drawn over the photo in camera view or
along a river in 3D: what counts is where the photo's camera sees it.
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
"""Custom property of a guide: its speed, by which every point's radius is multiplied."""
SPEED_TIP = "1 is as fast as things would move without a guide, 0 holds them still"
GUIDE_POINTS = 3
LEAST_WIDTH = 0.02
"""Of the wide photo: a region narrower than this is too small to lay a guide into."""
LEAST_AREA = 0.005
SKY_SHARE = 0.9
"""What is deeper than this share of the deepest is sky."""
BEFORE = 0.995
"""A new guide hovers this little before its surface, so that it is seen."""
SAMPLES = 12
"""Points between two control points of a Bezier curve."""
_NEAREST = 1e-3


def make_guide(still: bpy.types.Object, line: NDArray, speed: float) -> bpy.types.Object:
    """A guide through points (n, 3) in the still cloud's frame, beside that cloud; n may be 0."""
    data = bpy.data.curves.new(NAME, "CURVE")
    data.dimensions = "3D"
    if len(line):
        spline = data.splines.new("BEZIER")
        spline.bezier_points.add(len(line) - 1)
        for point, place in zip(spline.bezier_points, line, strict=True):
            point.co = place
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
    """Points (GUIDE_POINTS, 3) across the photo's largest moving region, in the cloud's frame.

    Across the middle of the photo where nothing moves.
    """
    lens = outpainted_lens(still)
    front = view_from_photo([cloud for cloud in (still, moving) if cloud is not None], lens)
    image = still.get(MOTION_REGIONS)
    regions = read_regions(image) if image is not None else np.zeros_like(front.depth)
    moves, photo = np.zeros(front.depth.shape, bool), photo_area(still)
    if regions.shape == moves.shape:
        moves[photo] = regions[photo] > 0.5
        # What is nearer than the sky first: where the wind blows matters less than the river.
        solid = moves & (front.depth < SKY_SHARE * front.depth.max())
        moves = solid if solid.mean() > LEAST_AREA else moves
    row, left, right = widest_run(moves)
    if right - left < LEAST_WIDTH:
        row, left, right = 0.5, 0.35, 0.65
    share = np.linspace(left + 0.2 * (right - left), right - 0.2 * (right - left), GUIDE_POINTS)
    columns = np.minimum((share * lens.width).astype(int), lens.width - 1)
    rows = np.full(GUIDE_POINTS, min(int(row * lens.height), lens.height - 1))
    pixels = np.stack([columns, rows], -1).astype(np.float32) + np.float32(0.5)
    return blender_from_camera(unproject(pixels, front.depth[rows, columns] * BEFORE, lens))


def widest_run(moves: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Row, left and right end, as shares of a mask (H, W), of a run in its largest piece.

    The run is that through the piece's middle row, its longest there; all 0 where there is none.
    """
    ndimage = load_scipy("ndimage")

    if not moves.any():
        return 0.0, 0.0, 0.0
    labels, _ = ndimage.label(moves)
    piece = labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1
    rows = np.flatnonzero(piece.any(axis=1))
    row = int(rows[len(rows) // 2])
    runs, _ = ndimage.label(piece[row])
    run = np.flatnonzero(runs == np.argmax(np.bincount(runs)[1:]) + 1)
    height, width = moves.shape
    return (row + 0.5) / height, run[0] / width, (run[-1] + 1) / width


def guides_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The scene's guides, by name."""
    found = (o for o in scene.objects if o.type == "CURVE" and o.get(ROLE) == GUIDE_ROLE)
    return sorted(found, key=lambda guide: guide.name)


def guide_lines(
    guides: list[bpy.types.Object], cloud: bpy.types.Object, camera: Intrinsics
) -> tuple[FloatArray, ...]:
    """What the photo's camera sees of guides: one (n, 3) array a spline, rows x, y, speed.

    cloud: the object in whose frame the photo's camera stands at the origin; camera: of the wide
    photo, in whose pixels x and y are. Parts behind the camera are left out.
    """
    lines = []
    for guide in guides:
        to_cloud = np.array(cloud.matrix_world.inverted() @ guide.matrix_world)
        for points, radius in splines(guide.data):
            placed = camera_from_blender(points @ to_cloud[:3, :3].T + to_cloud[:3, 3])
            front = placed[:, 2] > _NEAREST
            speed = radius[front] * float(guide.get(SPEED, 1.0))
            line = np.column_stack([project(placed[front], camera), np.maximum(speed, 0.0)])
            if len(line) > 1:
                lines.append(line.astype(np.float32))
    return tuple(lines)


def splines(curve: bpy.types.Curve) -> Iterator[tuple[NDArray, NDArray]]:
    """Places (n, 3) and radii (n,) along each spline of a curve, in its own frame."""
    for spline in curve.splines:
        if spline.type == "BEZIER":
            yield _bezier(spline)
        else:
            places = np.array([p.co[:3] for p in spline.points], float).reshape(-1, 3)
            yield _closed(spline, places, np.array([p.radius for p in spline.points], float))


def _bezier(spline: bpy.types.Spline) -> tuple[NDArray, NDArray]:
    points = list(spline.bezier_points)
    if spline.use_cyclic_u:
        points.append(points[0])
    places, radii = [np.array([points[0].co], float)], [np.array([points[0].radius])]
    for a, b in pairwise(points):
        piece = interpolate_bezier(a.co, a.handle_right, b.handle_left, b.co, SAMPLES + 1)
        places.append(np.array(piece[1:], float))
        radii.append(np.linspace(a.radius, b.radius, SAMPLES + 1)[1:])
    return np.concatenate(places), np.concatenate(radii)


def _closed(spline: bpy.types.Spline, places: NDArray, radii: NDArray) -> tuple[NDArray, NDArray]:
    if not spline.use_cyclic_u:
        return places, radii
    return np.concatenate([places, places[:1]]), np.concatenate([radii, radii[:1]])
