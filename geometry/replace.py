"""Bringing a 4D scene up to date: new points in its clouds, and everything else as it was.

Objects, their materials, modifiers, keys and constraints stay, and so does the camera: they are the
artist's. Only the clouds' data, and the image of what moves, are replaced.
"""

from __future__ import annotations

import bpy

from .build import all_or_nothing, make_moving, store_feature_source, store_source
from .clouds import make_points
from .core.camera import Intrinsics
from .core.scene_data import SceneData
from .custom_properties import CACHE, LOOP, mark
from .photo_view import photo_lens
from .scene_parts import parts_of

SAME_LENS_MM = 1e-3


def replace_points(
    still: bpy.types.Object,
    moving: bpy.types.Object | None,
    scene_data: SceneData,
    request: str = "",
) -> None:
    """Put a flight's points into a scene's clouds; a moving cloud is made where one is needed now.

    A moving cloud with nothing left to move stays, without points, and keeps its settings. Where
    anything fails, the scene is as before and the error goes on.
    """
    with all_or_nothing():
        fresh = [make_points(still.data.name, scene_data.still)]
        if moving is not None:
            fresh.append(make_points(moving.data.name, scene_data.moving))
        elif scene_data.moving.count:
            moving = make_moving(still.name.removesuffix(" Still"), scene_data)
            mark(moving, "moving", still.get(CACHE, ""))
            moving.matrix_world = still.matrix_world
            for collection in still.users_collection:
                collection.objects.link(moving)
    for cloud, points in zip((still, moving), fresh, strict=False):
        swap_points(cloud, points)
    for scene in still.users_scene:
        follow_photo(scene, still, scene_data.plan.camera)
    store_source(still, scene_data, request)
    for cloud in filter(None, (still, moving)):
        store_feature_source(cloud, scene_data.plan)
    if moving is not None:
        moving[LOOP] = scene_data.plan.loop_frames


def follow_photo(scene: bpy.types.Scene, still: bpy.types.Object, photo: Intrinsics) -> None:
    """Bring picture size and lens to another photo's intrinsics, where they were the former's.

    What the artist has set otherwise, or keyed, stays.
    """
    former = photo_lens(still)
    render = scene.render
    if (render.resolution_x, render.resolution_y) == (former.width, former.height):
        render.resolution_x, render.resolution_y = photo.width, photo.height
    camera = parts_of(scene, still).camera
    if camera is not None and abs(camera.data.lens - former.lens_mm) < SAME_LENS_MM:
        camera.data.lens = photo.lens_mm


def swap_points(cloud: bpy.types.Object, points: bpy.types.PointCloud) -> None:
    """Give an object other points, with the materials that it had."""
    before = cloud.data
    for material in before.materials:
        points.materials.append(material)
    cloud.data = points
    if before.users == 0:
        name = before.name
        bpy.data.pointclouds.remove(before)
        points.name = name
