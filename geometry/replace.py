"""Replace the points of an existing 4D scene, and keep everything else.

Objects with their materials, modifiers, keys and constraints stay, and so does the camera, because
the artist may have edited them. Only the data of the clouds and the images are replaced.
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
"""Largest difference in mm between focal lengths that count as equal."""


def replace_points(
    still: bpy.types.Object,
    moving: bpy.types.Object | None,
    scene_data: SceneData,
    request: str = "",
) -> None:
    """Put the points of scene data into a scene's clouds.

    A moving cloud is made if there is none and some points move. One that isn't needed anymore
    stays, without points, and keeps its settings. If anything fails, the scene is as before, and
    the error is raised again.

    Args:
        still: The still cloud.
        moving: The moving cloud, if any.
        scene_data: The worker's result.
        request: The job settings as JSON.
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
    """Adapt resolution and lens to the intrinsics of another photo.

    They stay as they are if they aren't those of the previous photo: then the artist has set them.
    """
    former = photo_lens(still)
    render = scene.render
    if (render.resolution_x, render.resolution_y) == (former.width, former.height):
        render.resolution_x, render.resolution_y = photo.width, photo.height
    camera = parts_of(scene, still).camera
    if camera is not None and abs(camera.data.lens - former.lens_mm) < SAME_LENS_MM:
        camera.data.lens = photo.lens_mm


def swap_points(cloud: bpy.types.Object, points: bpy.types.PointCloud) -> None:
    """Replace an object's point cloud, and keep its materials."""
    before = cloud.data
    for material in before.materials:
        points.materials.append(material)
    cloud.data = points
    if before.users == 0:
        name = before.name
        bpy.data.pointclouds.remove(before)
        points.name = name
