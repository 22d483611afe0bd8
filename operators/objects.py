"""Place Objects: let EEVEE draw the artist's own objects into the photo."""

from __future__ import annotations

import bpy

from ..geometry.custom_properties import ROLE
from ..geometry.objects_compositor import compositor_problem, join_objects
from ..geometry.objects_scene import SCENE_ROLE, ensure_objects_scene, objects_collection
from ..geometry.scene_setup import ENGINE


class MAKE4D_OT_add_objects(bpy.types.Operator):
    """Make the scene that EEVEE renders and join it to the photo's, or bring both up to date."""

    bl_idname = "make_4d.add_objects"
    bl_label = "Place Objects"
    bl_description = (
        "Let EEVEE draw meshes, curves, text, volumes and lights into the photo, hidden by what is "
        "nearer. Press again after changing the camera, or for objects in other collections"
    )
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Check the scene, then make what is missing."""
        scene = context.scene
        problem = objects_problem(scene)
        if problem:
            self.report({"ERROR"}, problem)
            return {"CANCELLED"}
        is_new = objects_collection(scene) is None
        join_objects(scene, ensure_objects_scene(scene))
        if is_new:
            make_active(context.view_layer, objects_collection(scene))
        self.report({"INFO"}, "What is in the collection Objects is rendered with the photo")
        return {"FINISHED"}


def objects_problem(scene: bpy.types.Scene) -> str:
    """Why objects can't be placed in a scene, in one sentence; empty where they can."""
    if scene.get(ROLE) == SCENE_ROLE:
        return "This scene holds the objects only: switch to the photo's scene."
    if scene.render.engine != ENGINE:
        return "Another engine renders this scene: choose Make 4D in the render properties."
    if not any(thing.type == "POINTCLOUD" for thing in scene.objects):
        return "This scene has no point cloud: make a photo into a 4D scene first."
    if scene.camera is None:
        return "The scene has no camera: choose one in the scene properties."
    return compositor_problem(scene)


def make_active(layer: bpy.types.ViewLayer, collection: bpy.types.Collection | None) -> None:
    """Let new objects go into a collection that the view layer shows at its top."""
    for child in layer.layer_collection.children:
        if child.collection == collection:
            layer.active_layer_collection = child


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_add_objects)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_add_objects)
