"""Make 4D: the operator behind the large button, from a photo to a 4D scene."""

from __future__ import annotations

import json
from pathlib import Path

import bpy

from ..geometry.build import build_scene
from ..geometry.core.cloud import load_flight
from ..geometry.folders import output_folder
from ..geometry.scene_setup import set_film_output
from ..ml.settings import JobSettings
from . import running
from .layer_items import make_items
from .runs_job import RunsJob
from .settings import job_settings, remember_settings


class MAKE4D_OT_make(RunsJob, bpy.types.Operator):
    """Turn the photo into a 4D scene that you can fly through."""

    bl_idname = "make_4d.make"
    bl_label = "Make 4D"
    bl_description = "Turn the photo into a 4D scene: layers, clouds and water that move, a camera"
    bl_options = {"REGISTER", "UNDO"}

    def asked(self, context: bpy.types.Context) -> JobSettings:
        """The scene's settings."""
        return job_settings(context.scene)

    def finish(self, folder: Path, job: running.RunningJob) -> str:
        """Build the scene and show it as its camera sees it."""
        made = build(folder, job)
        look_through_camera(bpy.context)
        return f"Made '{made}': press F12 for a still, Ctrl-F12 for the film"


def build(folder: Path, job: running.RunningJob) -> str:
    """Build the scene of a finished job; returns the scene's name.

    The scene that asked may have been removed meanwhile: the result then gets a new one.
    """
    flight = load_flight(folder)
    request = json.dumps(job.settings.to_json())
    scene = bpy.data.scenes.get(job.scene)
    built = build_scene(flight, job.name, scene, job.job.id, request)
    scene = bpy.data.scenes[built.scene]
    still = bpy.data.objects[built.still]
    make_items(still)
    set_film_output(scene, f"{output_folder()}{job.name}.mp4")
    remember_settings(scene, job.settings)
    return built.scene


def look_through_camera(context: bpy.types.Context) -> None:
    """Show the new scene as its camera sees it."""
    screen = context.window.screen if context.window else None
    for area in screen.areas if screen else ():
        if area.type == "VIEW_3D":
            area.spaces.active.region_3d.view_perspective = "CAMERA"


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_make)


def unregister() -> None:
    """Remove the operator; a job that runs ends with it."""
    running.end_all()
    bpy.utils.unregister_class(MAKE4D_OT_make)
