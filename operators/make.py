"""Make 4D: the operator behind the large button, from a photo to a 4D scene."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.build import build_scene
from ..geometry.core.scene_data import load_scene_data
from ..geometry.folders import output_folder
from ..geometry.scene_setup import set_film_output
from ..jobs import running
from ..jobs.scene_settings import job_settings, remember_settings
from ..ml.common.job_settings import JobSettings
from .layer_items import make_items
from .runs_job import RunsJob


class MAKE4D_OT_make(RunsJob, bpy.types.Operator):
    """Turn the photo into a 4D scene that you can fly through."""

    bl_idname = "make_4d.make"
    bl_label = "Make 4D"
    bl_description = "Turn the photo into a 4D scene: layers, clouds and water that move, a camera"
    bl_options = {"REGISTER", "UNDO"}
    kind = "make"

    def asked(self, context: bpy.types.Context) -> JobSettings:
        """The scene's settings."""
        return job_settings(context.scene)


def take_made(folder: Path, job: running.RunningJob) -> str:
    """Build the scene, and show it as its camera sees it unless the artist has gone elsewhere."""
    window, asked_by = bpy.context.window, job.place.scene()
    shown = window.scene if window is not None else None
    job.built = build(folder, job)
    if shown is not None and asked_by is not None and shown != asked_by:
        window.scene = shown
        return rpt_("Made '{scene}': choose it in the list of scenes").format(scene=job.built)
    look_through_camera(bpy.context)
    return rpt_("Made '{scene}': press F12 for a still, Ctrl-F12 for the film").format(
        scene=job.built
    )


def build(folder: Path, job: running.RunningJob) -> str:
    """Build the scene of a finished job; returns the scene's name.

    The scene that asked may have been removed meanwhile: the result then gets a new one.
    """
    scene_data = load_scene_data(folder)
    request = json.dumps(job.settings.to_json())
    built = build_scene(scene_data, job.name, job.place.scene(), job.job.id, request)
    scene = bpy.data.scenes[built.scene]
    make_items(bpy.data.objects[built.still])
    set_film_output(scene, f"{output_folder()}{job.name}.mp4")
    remember_settings(scene, job.settings)
    return built.scene


def look_through_camera(context: bpy.types.Context) -> None:
    """Show the new scene as its camera sees it, drawn by the engine that renders it."""
    screen = context.window.screen if context.window else None
    for area in screen.areas if screen else ():
        if area.type == "VIEW_3D":
            area.spaces.active.region_3d.view_perspective = "CAMERA"
            area.spaces.active.shading.type = "RENDERED"


def register() -> None:
    """Register the operator, and who takes its result."""
    bpy.utils.register_class(MAKE4D_OT_make)
    running.RESULT_HANDLERS["make"] = take_made


def unregister() -> None:
    """Remove them."""
    del running.RESULT_HANDLERS["make"]
    bpy.utils.unregister_class(MAKE4D_OT_make)
