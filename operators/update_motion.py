"""Update Motion: painted regions and drawn guides become the clouds' motion."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import bpy

from ..geometry.core.cloud import load_flight
from ..geometry.core.motion_edits import MotionEdits, save_edits
from ..geometry.front import wide_lens
from ..geometry.guides import guide_lines, guides_of
from ..geometry.marks import REGIONS, SETTINGS
from ..geometry.motion_image import is_painted, read_regions, write_regions
from ..geometry.nodes.animate import LOOP_LENGTH
from ..geometry.nodes.tree import get_input, modifier_of
from ..geometry.replace import replace_points
from ..geometry.scene_parts import SceneError, parts_of
from ..ml.settings import JobSettings, SettingsError
from . import running
from .runs_job import RunsJob

EDITS = "make_4d_motion.npz"


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

    def asked(self, context: bpy.types.Context) -> JobSettings:
        """The settings that the scene was made with, its own loop, and what was edited."""
        try:
            parts = parts_of(context.scene)
        except SceneError as error:
            raise SettingsError(str(error)) from error
        made = made_with(parts.still)
        edits = edits_of(context.scene, parts.still, self.find_again)
        path = Path(bpy.app.tempdir) / EDITS
        save_edits(edits, path)
        loop = loop_of(parts.moving) or made.loop_frames
        return replace(made, motion=True, loop_frames=loop, edits=str(path) if edits else "")

    def finish(self, folder: Path, job: running.RunningJob) -> str:
        """Put the new points into the clouds of the scene that asked."""
        scene = bpy.data.scenes.get(job.scene)
        if scene is None:
            raise ValueError("the scene was removed meanwhile")
        parts = parts_of(scene)
        request = json.dumps(replace(job.settings, edits="").to_json())
        flight = load_flight(folder)
        if self.find_again and REGIONS in parts.still:
            write_regions(parts.still[REGIONS], flight.regions)
        replace_points(parts.still, parts.moving, flight, request)
        share = flight.moving.count / max(flight.moving.count + flight.still.count, 1)
        return f"{share:.0%} of the points move now" if share else "Nothing moves now"


def made_with(still: bpy.types.Object) -> JobSettings:
    """The settings that a still cloud was made with; raises SettingsError where it has none."""
    try:
        return JobSettings.from_json(json.loads(still[SETTINGS]))
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            "This scene was made by an older version: make it again from its photo."
        ) from error


def loop_of(moving: bpy.types.Object | None) -> int:
    """The loop's length that the artist has set on the moving cloud; 0 where there is none."""
    modifier = modifier_of(moving, "animate") if moving is not None else None
    return 0 if modifier is None else int(get_input(modifier, LOOP_LENGTH))


def edits_of(scene: bpy.types.Scene, still: bpy.types.Object, find_again: bool) -> MotionEdits:
    """What the artist edited: the painted image, where it was painted, and the guides."""
    image = still.get(REGIONS)
    painted = image is not None and not find_again and is_painted(image)
    lines = guide_lines(guides_of(scene), still, wide_lens(still))
    return MotionEdits(read_regions(image) if painted else None, lines)


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_update_motion)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_update_motion)
