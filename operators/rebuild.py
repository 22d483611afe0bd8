"""Rebuild: what was painted and set since becomes the scene, and all else of it stays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.core.scene_data import SceneData, load_scene_data
from ..geometry.replace import replace_points
from ..geometry.scene_parts import SceneError, SceneParts, parts_of
from ..jobs import running
from ..jobs.edits import with_edits
from ..jobs.scene_settings import job_settings
from ..ml.common.job_settings import JobSettings, SettingsError
from .layer_items import make_items
from .runs_job import RunsJob


class MAKE4D_OT_rebuild(RunsJob, bpy.types.Operator):
    """Make again what follows from what was painted and set, in the same scene."""

    bl_idname = "make_4d.rebuild"
    bl_label = "Rebuild"
    bl_description = (
        "Bring this scene up to date with its settings and with what you painted in its pictures. "
        "Only what follows from your changes is made again; camera, path, materials and everything "
        "else of yours stay"
    )
    bl_options = {"REGISTER", "UNDO"}

    without: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Without",
        description="A picture in which painting is thrown away",
        options={"SKIP_SAVE", "HIDDEN"},
    )
    again: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Layer",
        description="A layer that is painted with another seed; -1 for none",
        default=-1,
        options={"SKIP_SAVE", "HIDDEN"},
    )
    kind = "rebuild"

    @classmethod
    def description(
        cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties
    ) -> str:
        """What the button does where it does more than rebuild."""
        if properties.without:
            return "Throw away what you painted in this picture, and rebuild what follows from it"
        if properties.again >= 0:
            return "Invent what is hidden of this layer once more, with another seed"
        return str(cls.bl_description)

    def asked(self, context: bpy.types.Context) -> JobSettings:
        """The scene's settings and edits."""
        try:
            parts = parts_of(context.scene)
        except SceneError as error:
            raise SettingsError(str(error)) from error
        items = parts.still.make_4d_layers
        if 0 <= self.again < len(items):
            items[self.again].seed += 1
        settings = job_settings(context.scene)
        return with_edits(settings, context.scene, parts, without=self.without)


def take_scene(folder: Path, job: running.RunningJob) -> str:
    """Put the new points and pictures into the scene that asked."""
    parts, scene_data = take_rebuilt(folder, job)
    count = scene_data.still.count + scene_data.moving.count
    text = rpt_("Rebuilt '{photo}': {layers} layers, {points} points")
    layers = len(parts.still.make_4d_layers)
    return text.format(photo=job.name, layers=layers, points=f"{count:,}")


def take_rebuilt(folder: Path, job: running.RunningJob) -> tuple[SceneParts, SceneData]:
    """A job's result in place of what the scene that asked had; raises ValueError without it."""
    scene = job.place.scene()
    if scene is None:
        raise ValueError("the scene was removed meanwhile")
    parts = parts_of(scene)
    request = json.dumps(replace(job.settings, edits="").to_json())
    scene_data = load_scene_data(folder)
    replace_points(parts.still, parts.moving, scene_data, request)
    make_items(parts.still)
    return parts, scene_data


def register() -> None:
    """Register the operator, and who takes its result."""
    bpy.utils.register_class(MAKE4D_OT_rebuild)
    running.RESULT_HANDLERS["rebuild"] = take_scene


def unregister() -> None:
    """Remove them."""
    del running.RESULT_HANDLERS["rebuild"]
    bpy.utils.unregister_class(MAKE4D_OT_rebuild)
