"""Build an ordinary Blender scene from scene data; if that fails, leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import bpy

from .camera_rig import Rig, make_rig
from .clouds import linear_rgba, make_cloud
from .core.scene_data import PointArrays, SceneData, ScenePlan
from .custom_properties import (
    CACHE,
    FEATURES,
    LENS,
    LOOP,
    MOTION_REGIONS,
    NETWORKS,
    SCENE_COLLECTION_ROLE,
    SETTINGS,
    mark,
)
from .editable_images import show_editable_images
from .material import make_material
from .motion_regions import is_painted, make_regions_image, write_regions
from .nodes.animate import add_animation
from .scene_setup import set_up, show, unused_or_new_scene


@dataclass(frozen=True)
class BuiltScene:
    """Names of the data-blocks that were made; `moving` is None if nothing moves."""

    scene: str
    collection: str
    still: str
    moving: str | None
    curve: str
    camera: str
    target: str


def build_scene(
    scene_data: SceneData,
    name: str,
    scene: bpy.types.Scene | None = None,
    cache_id: str = "",
    request: str = "",
) -> BuiltScene:
    """Make the clouds, their animation, the camera and the scene's setup, and show the scene.

    Uses no operators, so that the calling operator's undo reverts all of it. If anything fails, all
    new data-blocks are removed and the error is raised again.

    Args:
        scene_data: The worker's result.
        name: Name of the photo.
        scene: The artist's present scene, used only if it is empty (see `scene_setup`).
        cache_id: Id of the worker's result, stored on everything that is made.
        request: The job settings as JSON, stored so that the scene can be made again.
    """
    with all_or_nothing():
        scene = unused_or_new_scene(name, scene)
        collection = bpy.data.collections.new(f"Make 4D {name}")
        rig = make_rig(name, scene_data.plan)
        still = _still(name, scene_data.still)
        moving = make_moving(name, scene_data) if scene_data.moving.count else None
        made = _roles(rig, still, moving)
        for role, made_object in made.items():
            mark(made_object, role, cache_id)
            if made_object.type == "POINTCLOUD":
                store_feature_source(made_object, scene_data.plan)
            collection.objects.link(made_object)
        store_source(still, scene_data, request)
        mark(collection, SCENE_COLLECTION_ROLE, cache_id)
        scene.collection.children.link(collection)
        with set_up(scene, scene_data.plan, rig.camera):
            show(scene)
    return BuiltScene(
        scene.name,
        collection.name,
        still.name,
        moving.name if moving else None,
        rig.curve.name,
        rig.camera.name,
        rig.target.name,
    )


def store_feature_source(cloud: bpy.types.Object, plan: ScenePlan) -> None:
    """Store on a cloud which features and networks its points belong to, if any."""
    for key, value in ((FEATURES, plan.features), (NETWORKS, plan.networks)):
        if value:
            cloud[key] = value
        elif key in cloud:
            del cloud[key]


def store_source(still: bpy.types.Object, scene_data: SceneData, request: str) -> None:
    """Store on the still cloud what the scene was made from: lens, job settings and images."""
    outpainted = scene_data.plan.outpainted_camera
    lens = (
        outpainted.focal,
        outpainted.cx,
        outpainted.cy,
        outpainted.width,
        outpainted.height,
        *scene_data.plan.margins,
    )
    still[LENS] = [float(value) for value in lens]
    still[SETTINGS] = request
    show_editable_images(still, scene_data.plan.editable_images)
    image = still.get(MOTION_REGIONS)
    if image is not None and not is_painted(image):
        write_regions(image, scene_data.motion_regions)
    elif image is None and scene_data.motion_regions.size:
        name = still.name.removesuffix(" Still")
        still[MOTION_REGIONS] = make_regions_image(
            f"{name} Motion", scene_data.motion_regions, still.get(CACHE, "")
        )


def _still(name: str, points: PointArrays) -> bpy.types.Object:
    return _cloud(f"{name} Still", points, False)


def make_moving(name: str, scene_data: SceneData) -> bpy.types.Object:
    """Create the animated moving cloud, in no collection yet."""
    cloud = _cloud(f"{name} Moving", scene_data.moving, True)
    add_animation(cloud, scene_data.plan.loop_frames)
    cloud[LOOP] = scene_data.plan.loop_frames
    return cloud


def _cloud(name: str, points: PointArrays, moves: bool) -> bpy.types.Object:
    """Create a cloud with a material; Solid display shows it in the cloud's mean color."""
    cloud = make_cloud(name, points)
    material = make_material(name, linear_rgba(points.color, points.opacity), moves)
    cloud.data.materials.append(material)
    cloud.color = material.diffuse_color
    return cloud


def _roles(
    rig: Rig, still: bpy.types.Object, moving: bpy.types.Object | None
) -> dict[str, bpy.types.Object]:
    roles = {"still": still, "path": rig.curve, "camera": rig.camera, "target": rig.target}
    return roles | {"moving": moving} if moving else roles


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """If the body raises, remove all data-blocks that it made and show the previous scene again."""
    before = {data.session_uid for data in bpy.data.user_map()}
    window = bpy.context.window
    shown = window.scene if window else None
    try:
        yield
    except BaseException:
        if shown:  # first: Blender crashes if the scene that a window shows is removed
            window.scene = shown
        bpy.data.batch_remove([d for d in bpy.data.user_map() if d.session_uid not in before])
        raise
