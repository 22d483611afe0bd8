"""The parts of a 4D scene, found by their custom properties, whatever the artist has named them.

Panels look for the parts at every redraw, so the search starts in the collections that
`build_scene` made and walks through all objects of the scene only if parts were moved elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy
import numpy as np

from .core.messages import UserError
from .custom_properties import CACHE, ROLE, SCENE_COLLECTION_ROLE, SCENE_VERSION, VERSION

NO_SCENE = "This scene has no 4D photo: choose a photo and press Make 4D first."
NEWER_SCENE = (
    "This scene was made with a newer version of Make 4D: update the extension to edit the scene."
)
_SAME_PLACE = 1e-5
"""Largest difference between the world matrices of two clouds that lie at the same place."""

type Objects = list[bpy.types.Object]


class SceneError(UserError):
    """A part of the 4D scene is missing or can't be used."""


@dataclass(frozen=True)
class SceneParts:
    """Objects of a 4D scene that belong together; None for a part that doesn't exist.

    There is no moving cloud if nothing in the photo moves. The artist may have deleted path,
    camera or target.
    """

    still: bpy.types.Object
    moving: bpy.types.Object | None
    path: bpy.types.Object | None
    camera: bpy.types.Object | None
    target: bpy.types.Object | None


def parts_of(scene: bpy.types.Scene, member: bpy.types.Object | None = None) -> SceneParts:
    """Return the parts of one 4D scene inside a Blender scene.

    If there are several 4D scenes, `member` decides, by default the active object. If a part was
    duplicated, the rig that `member` is part of is chosen, then that of the scene's camera.

    Raises SceneError if there is no still cloud, or if a newer version of the add-on made it.
    """
    layer = bpy.context.view_layer
    member = member or (layer.objects.active if layer else None)
    objects = possible_parts(scene, member)
    stills = [o for o in objects if o[ROLE] == "still" and o.type == "POINTCLOUD"]
    if not stills:
        raise SceneError(NO_SCENE)
    still = _still(stills, member)
    if still.get(VERSION, 0) > SCENE_VERSION:
        raise SceneError(NEWER_SCENE)
    own = [o for o in objects if _result(o) == _result(still)]
    copies = sum(_result(o) == _result(still) for o in stills) > 1
    camera = _camera(own, still if copies else None, scene, member)
    path = _rig_part(own, "path", "FOLLOW_PATH", camera, member)
    target = _rig_part(own, "target", "TRACK_TO", camera, member)
    return SceneParts(still, _moving(own, still, member), path, camera, target)


def possible_parts(scene: bpy.types.Scene, member: bpy.types.Object | None) -> Objects:
    """Return the scene's objects that have a role, without a walk through all if possible."""
    if not bpy.data.pointclouds:
        return []
    collections = filter(_is_ours, scene.collection.children_recursive)
    objects = list(dict.fromkeys(o for c in collections for o in c.objects if ROLE in o))
    is_complete = {o[ROLE] for o in objects} >= {"still", "path", "camera", "target"}
    is_elsewhere = member is not None and ROLE in member and member not in objects
    if is_complete and not is_elsewhere and not _has_clouds_elsewhere():
        return objects
    return [o for o in scene.objects if ROLE in o]


def _is_ours(collection: bpy.types.Collection) -> bool:
    return bool(collection.get(ROLE) == SCENE_COLLECTION_ROLE)


def _has_clouds_elsewhere() -> bool:
    """Whether the file has point clouds outside the collections that `build_scene` made."""
    collections = filter(_is_ours, bpy.data.collections)
    inside = {o.data for c in collections for o in c.objects if o.type == "POINTCLOUD"}
    return any(cloud.users and cloud not in inside for cloud in bpy.data.pointclouds)


def _still(stills: Objects, member: bpy.types.Object | None) -> bpy.types.Object:
    """Return the still cloud that `member` belongs to, otherwise the first."""
    if member is None or ROLE not in member or len(stills) == 1:
        return stills[0]
    return _preferred(
        stills,
        lambda o: o == member,
        lambda o: _result(o) == _result(member),
        lambda o: _share_collection(o, member),
    )


def _camera(
    objects: Objects,
    still: bpy.types.Object | None,
    scene: bpy.types.Scene,
    member: bpy.types.Object | None,
) -> bpy.types.Object | None:
    """Return the camera to use; still: the still cloud, given only if it has copies."""
    cameras = [o for o in objects if o[ROLE] == "camera" and o.type == "CAMERA"]
    if not cameras:
        return None
    return _preferred(
        cameras,
        lambda o: o == member,
        lambda o: member is not None and any(c.target == member for c in _constraints(o)),
        lambda o: still is not None and _share_collection(o, still),
        lambda o: o == scene.camera,
    )


def _rig_part(
    objects: Objects,
    role: str,
    constraint: str,
    camera: bpy.types.Object | None,
    member: bpy.types.Object | None,
) -> bpy.types.Object | None:
    """Return the object of a role that the camera is constrained to, otherwise a spare one."""
    parts = [o for o in objects if o[ROLE] == role]
    own = {c.target for c in _constraints(camera, constraint)}
    if used := [o for o in parts if o in own]:
        return used[0]
    others = [o for o in objects if o[ROLE] == "camera" and o != camera]
    taken = {c.target for other in others for c in _constraints(other, constraint)}
    spare = [o for o in parts if o not in taken]
    return _preferred(spare, lambda o: o == member) if spare else None


def _moving(
    objects: Objects, still: bpy.types.Object, member: bpy.types.Object | None
) -> bpy.types.Object | None:
    """Return the moving cloud, of several copies the one that lies where the still cloud lies."""
    clouds = [o for o in objects if o[ROLE] == "moving"]
    if len(clouds) < 2:
        return clouds[0] if clouds else None
    place = np.array(still.matrix_world)
    return _preferred(
        clouds,
        lambda o: o == member,
        lambda o: bool(np.allclose(np.array(o.matrix_world), place, atol=_SAME_PLACE)),
        lambda o: _share_collection(o, still),
    )


def _constraints(
    camera: bpy.types.Object | None, *types: str
) -> list[bpy.types.FollowPathConstraint | bpy.types.TrackToConstraint]:
    """Return the camera's constraints of the rig, of the given types only."""
    if camera is None:
        return []
    return [c for c in camera.constraints if c.type in (types or ("FOLLOW_PATH", "TRACK_TO"))]


def _preferred(
    objects: Objects, *preferences: Callable[[bpy.types.Object], bool]
) -> bpy.types.Object:
    """Return the first object after each preference, if any object meets it, removed the others."""
    for preference in preferences:
        objects = [o for o in objects if preference(o)] or objects
    return objects[0]


def _result(part: bpy.types.Object) -> str:
    """Return the id of the worker's result that an object was made from."""
    return str(part.get(CACHE, ""))


def _share_collection(one: bpy.types.Object, other: bpy.types.Object) -> bool:
    return not set(one.users_collection).isdisjoint(other.users_collection)
