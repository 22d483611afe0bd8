"""The objects scene: a second scene in which EEVEE renders the artist's own objects.

A scene has only one render engine, so objects placed between the points of a photo need a scene of
their own. A collection that is linked to both scenes contains them: the artist sees and edits it in
the 4D scene, and EEVEE draws it in the objects scene through the same camera. Point clouds are not
in it. When the 4D scene is rendered, its compositor renders the objects scene at the same frame and
resolution.
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
"""Custom property of an objects scene: its 4D scene."""
DRAWN = {
    "MESH", "CURVE", "SURFACE", "META", "FONT", "CURVES", "VOLUME", "GREASEPENCIL", "LIGHT",
    "LIGHT_PROBE",
}  # fmt: skip
"""Types of objects that EEVEE draws, and of lights."""
SHARED = (
    "camera", "frame_start", "frame_end", "frame_step", "frame_current", "render.fps",
    "render.fps_base", "render.resolution_x", "render.resolution_y",
    "render.resolution_percentage", "render.pixel_aspect_x", "render.pixel_aspect_y",
    "view_settings.view_transform", "view_settings.look", "view_settings.exposure",
    "view_settings.gamma",
)  # fmt: skip
"""Properties that the objects scene takes from the 4D scene.

In a render it gets frame and resolution from the 4D scene anyway; camera and pixel aspect are
needed, the others are for an artist who opens the objects scene."""
SUN_PER_SKY = 3.0
"""Strength of the sun for a sky of luminance 1: it adds about as much light as the sky."""
SUN_ANGLE = np.radians(5.0)
"""Angular diameter of the sun."""
SUN_ROTATION = (np.radians(45.0), 0.0, np.radians(-35.0))
"""The sun stands high, behind and to the left of the photo's camera, which looks along +y."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Luminance of linear Rec. 709 colors."""
FAR_DISPARITY = 0.02
"""Points below this disparity count as sky; the farthest points have 0.01."""
_MIN_SKY_FRACTION = 0.01
"""If a smaller fraction of the points is sky, the mean of all points is used."""


def objects_scene_of(scene: bpy.types.Scene) -> bpy.types.Scene | None:
    """Return the objects scene of a 4D scene, None if it has none."""
    scenes = (each for each in bpy.data.scenes if each.get(ROLE) == SCENE_ROLE)
    return next((each for each in scenes if each.get(PHOTO_SCENE) == scene), None)


def ensure_objects_scene(scene: bpy.types.Scene) -> bpy.types.Scene:
    """Create or update the objects scene of a 4D scene, and return it.

    All objects of `scene` that EEVEE draws and that the add-on didn't make are linked to the
    collection of objects. A new collection without a light gets a sun; a new objects scene gets a
    world with the color of the photo's sky.
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
    for obj in loose_objects(scene, collection):
        collection.objects.link(obj)
    if is_new and not any(obj.type == "LIGHT" for obj in collection.all_objects):
        collection.objects.link(_sun(sky_color(scene)))
    return objects


def objects_collection(scene: bpy.types.Scene) -> bpy.types.Collection | None:
    """Return the collection that a 4D scene shares with its objects scene."""
    children = scene.collection.children_recursive
    return next((each for each in children if each.get(ROLE) == COLLECTION_ROLE), None)


def loose_objects(
    scene: bpy.types.Scene, collection: bpy.types.Collection
) -> list[bpy.types.Object]:
    """Return objects that EEVEE draws and that are neither the add-on's nor in `collection`."""
    shown = {obj for layer in scene.view_layers for obj in layer.objects}
    loose = [o for o in shown - set(collection.all_objects) if _is_drawn(o) and ROLE not in o]
    return sorted(loose, key=lambda obj: obj.name)


def _is_drawn(obj: bpy.types.Object) -> bool:
    return obj.type in DRAWN or (obj.type == "EMPTY" and obj.instance_type == "COLLECTION")


def _new_scene(scene: bpy.types.Scene) -> bpy.types.Scene:
    objects = bpy.data.scenes.new(f"{scene.name} Objects")
    mark(objects, SCENE_ROLE)
    objects[PHOTO_SCENE] = scene
    setup: dict[str, Any] = {"render.engine": EEVEE, "render.film_transparent": True}
    apply(objects, setup)
    objects.view_layers[0].use_pass_z = True
    objects.world = _world(objects.name, sky_color(scene))
    return objects


def _share_camera_markers(scene: bpy.types.Scene, objects: bpy.types.Scene) -> None:
    """Copy the markers that switch cameras, because they only work in their own scene."""
    objects.timeline_markers.clear()
    for marker in scene.timeline_markers:
        if marker.camera:
            objects.timeline_markers.new(marker.name, frame=marker.frame).camera = marker.camera


def _world(name: str, color: FloatArray) -> bpy.types.World:
    """Create a world that lights from all directions in a scene-linear color (3,)."""
    world = bpy.data.worlds.new(name)
    world.color = color
    background = next(n for n in world.node_tree.nodes if n.type == "BACKGROUND")
    background.inputs["Color"].default_value = (*color, 1.0)
    return world


def _sun(sky: FloatArray) -> bpy.types.Object:
    """Create a sun for a sky of a scene-linear color (3,)."""
    light = bpy.data.lights.new("Sun", "SUN")
    light.energy, light.angle = SUN_PER_SKY * float(sky @ LUMINANCE), SUN_ANGLE
    sun = bpy.data.objects.new("Sun", light)
    sun.rotation_euler = SUN_ROTATION
    sun.location = (-2.0, -2.0, 3.0)  # where it is easy to select; its position doesn't matter
    return sun


def sky_color(scene: bpy.types.Scene) -> FloatArray:
    """Return the scene-linear mean color (3,) of the clouds' sky.

    If they have hardly any sky, it is the mean of all points; without points it is mid-gray.
    """
    parts = list(_colors(scene))
    if not parts:
        return np.full(3, 0.5, np.float32)
    color = np.concatenate([color for color, _ in parts])
    far = np.concatenate([far for _, far in parts])
    chosen: FloatArray = color[far] if far.mean() > _MIN_SKY_FRACTION else color
    return chosen.mean(axis=0)


def _colors(scene: bpy.types.Scene) -> Iterator[tuple[FloatArray, NDArray[np.bool_]]]:
    """Yield each cloud's colors (P, 3) and whether its points are sky (P,)."""
    for obj in scene.objects:
        attributes = obj.data.attributes if obj.type == "POINTCLOUD" else {}
        if COLOR in attributes and "disparity" in attributes:
            color, disparity = attributes[COLOR].data, attributes["disparity"].data
            values, far = np.empty(4 * len(color), np.float32), np.empty(len(color), np.float32)
            color.foreach_get("color", values)
            disparity.foreach_get("value", far)
            yield values.reshape(-1, 4)[:, :3], far < FAR_DISPARITY
