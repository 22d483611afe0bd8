"""Update Motion: painted regions and drawn guides become the clouds' motion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.core.scene_data import SceneData
from ..geometry.custom_properties import MOTION_REGIONS
from ..geometry.motion_regions import write_regions
from ..geometry.scene_parts import SceneError, parts_of
from ..jobs import running
from ..jobs.edits import made_with, with_edits
from ..ml.common.job_settings import JobSettings, SettingsError
from .rebuild import take_rebuilt
from .runs_job import RunsJob


class MAKE4D_OT_update_motion(RunsJob, bpy.types.Operator):
    """Move the clouds and the water as painted and as the guides tell."""

    bl_idname = "make_4d.update_motion"
    bl_label = "Update Motion"
    bl_description = (
        "Let things move where the motion image is white, along the guides. Takes seconds: the "
        "layers stay as they are, and so do camera, materials and everything else of yours"
    )
    bl_options = {"REGISTER", "UNDO"}

    find_again: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Find Again",
        description="Throw away what was painted and find clouds and water in the photo again",
        options={"SKIP_SAVE"},
    )

    @property
    def kind(self) -> str:  # type: ignore[override]
        """Who takes the result."""
        return "find_motion" if self.find_again else "update_motion"

    def asked(self, context: bpy.types.Context) -> JobSettings:
        """The settings that the scene was made with, its own loop, and what was edited."""
        try:
            parts = parts_of(context.scene)
        except SceneError as error:
            raise SettingsError(str(error)) from error
        made = replace(made_with(parts.still), motion=True)
        return with_edits(made, context.scene, parts, find_again=self.find_again)


def take_motion(folder: Path, job: running.RunningJob) -> str:
    """Put the new points into the clouds of the scene that asked."""
    return _share_that_moves(take_rebuilt(folder, job)[1])


def take_found(folder: Path, job: running.RunningJob) -> str:
    """The same, and what was found in place of what was painted."""
    parts, scene_data = take_rebuilt(folder, job)
    if MOTION_REGIONS in parts.still:
        write_regions(parts.still[MOTION_REGIONS], scene_data.motion_regions)
    return _share_that_moves(scene_data)


def _share_that_moves(scene_data: SceneData) -> str:
    share = scene_data.moving.count / max(scene_data.moving.count + scene_data.still.count, 1)
    text = rpt_("{share} of the points move now") if share else rpt_("Nothing moves now")
    return text.format(share=f"{share:.0%}")


def register() -> None:
    """Register the operator, and who takes its results."""
    bpy.utils.register_class(MAKE4D_OT_update_motion)
    running.RESULT_HANDLERS |= {"update_motion": take_motion, "find_motion": take_found}


def unregister() -> None:
    """Remove them."""
    del running.RESULT_HANDLERS["update_motion"], running.RESULT_HANDLERS["find_motion"]
    bpy.utils.unregister_class(MAKE4D_OT_update_motion)
