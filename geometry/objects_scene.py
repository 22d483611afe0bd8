"""A second scene that EEVEE renders: the artist's own objects, seen through the same camera.

A scene has one render engine, so ordinary objects that are to stand between the points of a photo
get a scene of their own. One collection, linked into both scenes, holds them: it is seen and edited
in the 4D scene's viewport, and drawn by EEVEE in the second. Point clouds stay out of it. When the
4D scene is rendered its compositor asks for the second at the same frame and size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .clouds import COLOR
from .core.camera import FloatArray
from .custom_properties import ROLE, mark
from .scene_setup import apply, read

EEVEE = "BLENDER_EEVEE"
SCENE_ROLE, COLLECTION_ROLE = "objects_scene", "objects"
PHOTO_SCENE = "make_4d_photo_scene"
"""Custom property of an objects' scene: the 4D scene that it belongs to."""
DRAWN = {
    "MESH", "CURVE", "SURFACE", "META", "FONT", "CURVES", "VOLUME", "GREASEPENCIL", "LIGHT",
    "LIGHT_PROBE",
}  # fmt: skip
"""Types of objects that EEVEE draws or that light them."""
SHARED = (
    "camera", "frame_start", "frame_end", "frame_step", "frame_current", "render.fps",
    "render.fps_base", "render.resolution_x", "render.resolution_y",
    "render.resolution_percentage", "render.pixel_aspect_x", "render.pixel_aspect_y",
    "view_settings.view_transform", "view_settings.look", "view_settings.exposure",
    "view_settings.gamma",
)  # fmt: skip
"""Properties that the second scene takes from the first.

A render gives it the first scene's frame and size anyway; camera and pixel aspect count, the rest
is for an artist who looks into it."""
SUN_PER_SKY = 3.0
"""Strength of the sun for a sky of luminance 1: it lights about as much as the sky does."""
SUN_ANGLE = np.radians(5.0)
SUN_ROTATION = (np.radians(45.0), 0.0, np.radians(-35.0))
"""High, behind the photo's camera and to its left, which looks along +y."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Of linear Rec. 709 colors."""
FAR_DISPARITY = 0.02
"""Points below this disparity are sky or as good as sky; the farthest have 0.01."""
_MIN_SKY_SHARE = 0.01


def objects_scene_of(scene: bpy.types.Scene) -> bpy.types.Scene | None:
    """The second scene of a 4D scene, None where it has none (any more)."""
    ours = (each for each in bpy.data.scenes if each.get(ROLE) == SCENE_ROLE)
    return next((each for each in ours if each.get(PHOTO_SCENE) == scene), None)


def ensure_objects_scene(scene: bpy.types.Scene) -> bpy.types.Scene:
    """The second scene of a 4D scene, made or brought up to date.

    Its objects' collection gets every object of `scene` that EEVEE draws and that isn't ours; a
    new collection without a light gets a sun, a new scene a world in the color of the photo's sky.
    """
    objects = objects_scene_of(scene) or _new_scene(scene)
    apply(objects, {path: read(scene, path) for path in SHARED})
    _share_camera_markers(scene, objects)
    collection = objects_collection(scene)
    is_new = collection is None
    if collection is None:
        collection = bpy.data.collections.new("Objects")
        mark(collection, COLLECTION_ROLE)
    for each in (scene, objects):
        if collection not in set(each.collection.children_recursive):
            each.collection.children.link(collection)
    for thing in loose_objects(scene, collection):
        collection.objects.link(thing)
    if is_new and not any(thing.type == "LIGHT" for thing in collection.all_objects):
        collection.objects.link(_sun(sky_color(scene)))
    return objects


def objects_collection(scene: bpy.types.Scene) -> bpy.types.Collection | None:
    """The collection that a 4D scene shares with its second scene."""
    inside = scene.collection.children_recursive
    return next((each for each in inside if each.get(ROLE) == COLLECTION_ROLE), None)


def loose_objects(
    scene: bpy.types.Scene, collection: bpy.types.Collection
) -> list[bpy.types.Object]:
    """Objects of the scene that EEVEE draws and that are neither ours nor in `collection`."""
    shown = {thing for layer in scene.view_layers for thing in layer.objects}
    foreign = [t for t in shown - set(collection.all_objects) if _is_drawn(t) and ROLE not in t]
    return sorted(foreign, key=lambda thing: thing.name)


def _is_drawn(thing: bpy.types.Object) -> bool:
    return thing.type in DRAWN or (thing.type == "EMPTY" and thing.instance_type == "COLLECTION")


def _new_scene(scene: bpy.types.Scene) -> bpy.types.Scene:
    objects = bpy.data.scenes.new(f"{scene.name} Objects")
    mark(objects, SCENE_ROLE)
    objects[PHOTO_SCENE] = scene
    settings: dict[str, Any] = {"render.engine": EEVEE, "render.film_transparent": True}
    apply(objects, settings)
    objects.view_layers[0].use_pass_z = True
    objects.world = _world(objects.name, sky_color(scene))
    return objects


def _share_camera_markers(scene: bpy.types.Scene, objects: bpy.types.Scene) -> None:
    """Markers that switch cameras work in the scene that holds them: copy them."""
    objects.timeline_markers.clear()
    for marker in scene.timeline_markers:
        if marker.camera:
            objects.timeline_markers.new(marker.name, frame=marker.frame).camera = marker.camera


def _world(name: str, color: FloatArray) -> bpy.types.World:
    """A world that lights from everywhere in a scene-linear color (3,)."""
    world = bpy.data.worlds.new(name)
    world.color = color
    background = next(n for n in world.node_tree.nodes if n.type == "BACKGROUND")
    background.inputs["Color"].default_value = (*color, 1.0)
    return world


def _sun(sky: FloatArray) -> bpy.types.Object:
    light = bpy.data.lights.new("Sun", "SUN")
    light.energy, light.angle = SUN_PER_SKY * float(sky @ LUMINANCE), SUN_ANGLE
    sun = bpy.data.objects.new("Sun", light)
    sun.rotation_euler = SUN_ROTATION
    sun.location = (-2.0, -2.0, 3.0)  # where it can be got hold of; it shines from everywhere
    return sun


def sky_color(scene: bpy.types.Scene) -> FloatArray:
    """Scene-linear mean color (3,) of the clouds' farthest points, of all where hardly any is far.

    Mid-gray where no cloud has colors.
    """
    parts = list(_colors(scene))
    if not parts:
        return np.full(3, 0.5, np.float32)
    color = np.concatenate([color for color, _ in parts])
    far = np.concatenate([far for _, far in parts])
    chosen: FloatArray = color[far] if far.mean() > _MIN_SKY_SHARE else color
    return chosen.mean(axis=0)


def _colors(scene: bpy.types.Scene) -> Iterator[tuple[FloatArray, NDArray[np.bool_]]]:
    """Colors (P, 3) of each cloud's points and whether they are far (P,)."""
    for thing in scene.objects:
        attributes = thing.data.attributes if thing.type == "POINTCLOUD" else {}
        if COLOR in attributes and "disparity" in attributes:
            color, disparity = attributes[COLOR].data, attributes["disparity"].data
            values, far = np.empty(4 * len(color), np.float32), np.empty(len(color), np.float32)
            color.foreach_get("color", values)
            disparity.foreach_get("value", far)
            yield values.reshape(-1, 4)[:, :3], far < FAR_DISPARITY
