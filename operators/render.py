"""Operators for rendering: ordinary objects in the photo, and the output folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import bpy

from ..geometry.custom_properties import ROLE
from ..geometry.objects_compositor import compositor_problem, join_objects
from ..geometry.objects_scene import SCENE_ROLE, ensure_objects_scene, objects_collection
from ..geometry.scene_setup import ENGINE
from .reporting import OperatorError, Reports, call

PLACED = "Objects in the collection Objects are rendered with the photo"
NO_FOLDER = "The folder {folder} doesn't exist yet: render the film first."
NO_FILE_BROWSER = "This system has no program that opens folders: look in {folder}"
OBJECTS_SCENE = "This scene only holds the objects: switch to the photo's scene."
OTHER_ENGINE = "Another engine renders this scene: choose Make 4D in the render properties."
NO_CLOUD = "This scene has no point cloud: make a photo into a 4D scene first."
NO_CAMERA = "The scene has no camera: choose one in the scene properties."


class MAKE4D_OT_add_objects(Reports, bpy.types.Operator):
    """Make the scene that EEVEE renders and join it to the photo's, or update both."""

    bl_idname = "make_4d.add_objects"
    bl_label = "Place Objects"
    bl_description = (
        "Render meshes, curves, text, volumes and lights into the photo with EEVEE; nearer parts "
        "of the photo hide them. Press again after you change the camera, or to include objects in "
        "other collections"
    )
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> str:
        """Check the scene, then make what is missing."""
        scene = context.scene
        problem = objects_problem(scene)
        if problem:
            raise OperatorError(problem)
        is_new = objects_collection(scene) is None
        join_objects(scene, ensure_objects_scene(scene))
        if is_new:
            make_active(context.view_layer, objects_collection(scene))
        return PLACED


class MAKE4D_OT_open_folder(Reports, bpy.types.Operator):
    """Open the output folder."""

    bl_idname = "make_4d.open_folder"
    bl_label = "Open Folder"
    bl_description = "Show the output folder of this scene in the file browser of the system"
    bl_options = {"INTERNAL"}

    def run(self, context: bpy.types.Context) -> str:
        """Open the folder if it exists."""
        folder = output_folder(context.scene)
        if not folder.is_dir():
            raise OperatorError(NO_FOLDER, folder=folder)
        if sys.platform == "linux" and shutil.which("xdg-open") is None:  # Blender needs it
            raise OperatorError(NO_FILE_BROWSER, folder=folder)
        call(bpy.ops.wm.path_open, filepath=str(folder))
        return ""


def objects_problem(scene: bpy.types.Scene) -> str:
    """Why objects can't be placed in a scene, in one sentence; empty if they can."""
    if scene.get(ROLE) == SCENE_ROLE:
        return OBJECTS_SCENE
    if scene.render.engine != ENGINE:
        return OTHER_ENGINE
    if not any(each.type == "POINTCLOUD" for each in scene.objects):
        return NO_CLOUD
    if scene.camera is None:
        return NO_CAMERA
    return compositor_problem(scene)


def make_active(layer: bpy.types.ViewLayer, collection: bpy.types.Collection | None) -> None:
    """Make a top-level collection of the view layer the one that new objects go into."""
    for child in layer.layer_collection.children:
        if child.collection == collection:
            layer.active_layer_collection = child


def output_folder(scene: bpy.types.Scene) -> Path:
    """The folder that a scene's renders go to."""
    path = bpy.path.abspath(scene.render.filepath)
    return Path(path if path.endswith(("/", "\\")) else Path(path).parent)


register, unregister = bpy.utils.register_classes_factory(
    (
        MAKE4D_OT_add_objects,
        MAKE4D_OT_open_folder,
    )
)
