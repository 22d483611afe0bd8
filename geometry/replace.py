"""Bringing a 4D scene up to date: new points in its clouds, and everything else as it was.

Objects, their materials, modifiers, keys and constraints stay, and so does the camera: they are the
artist's. Only the clouds' data, and the image of what moves, are replaced.
"""

from __future__ import annotations

import bpy

from .build import make_moving, note_features, note_source, nothing_half_made
from .clouds import make_points
from .core.cloud import Flight
from .marks import CACHE, LOOP, mark


def replace_points(
    still: bpy.types.Object,
    moving: bpy.types.Object | None,
    flight: Flight,
    request: str = "",
) -> None:
    """Put a flight's points into a scene's clouds; a moving cloud is made where one is needed now.

    A moving cloud with nothing left to move stays, without points, and keeps its settings. Where
    anything fails, the scene is as before and the error goes on.
    """
    with nothing_half_made():
        fresh = [make_points(still.data.name, flight.still)]
        if moving is not None:
            fresh.append(make_points(moving.data.name, flight.moving))
        elif flight.moving.count:
            moving = make_moving(still.name.removesuffix(" Still"), flight)
            mark(moving, "moving", still.get(CACHE, ""))
            moving.matrix_world = still.matrix_world
            for collection in still.users_collection:
                collection.objects.link(moving)
    for cloud, points in zip((still, moving), fresh, strict=False):
        swap_points(cloud, points)
    note_source(still, flight, request)
    for cloud in filter(None, (still, moving)):
        note_features(cloud, flight.plan)
    if moving is not None:
        moving[LOOP] = flight.plan.loop_frames


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
