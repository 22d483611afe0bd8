"""All that the artist has edited of a scene, as a folder for the worker."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import bpy

from ..geometry.core.editable_images import MOTION_FILE, save_image_edits
from ..geometry.core.motion_edits import MotionEdits, save_edits
from ..geometry.custom_properties import MOTION_REGIONS, SETTINGS
from ..geometry.editable_images import image_edits, pack_edited_images
from ..geometry.guides import guide_lines, guides_of
from ..geometry.motion_regions import is_painted, read_regions
from ..geometry.nodes.animate import LOOP_LENGTH
from ..geometry.nodes.tree import get_input, modifier_of
from ..geometry.photo_view import outpainted_lens
from ..geometry.scene_parts import SceneParts
from ..ml.common.job_settings import JobSettings, SettingsError

PREFIX = "make-4d-edits-"


def with_edits(
    settings: JobSettings,
    scene: bpy.types.Scene,
    parts: SceneParts,
    find_again: bool = False,
    without: str = "",
) -> JobSettings:
    """Settings with the artist's edits of a scene, and the loop and layers as they are set there.

    find_again: leave out what was painted of the motion; without: a picture to leave out. Raises
    OSError where the edits can't be written, SettingsError for a scene of another file.
    """
    if parts.still.library is not None:
        raise SettingsError(
            "This scene is linked from another file: change it there, or make it local first "
            "(Object > Relations > Make Local)."
        )
    if pack_edited_images():  # undo brings back what a file has packed, not what was painted since
        bpy.ops.ed.undo_push(message="Paint")
    return replace(
        with_layers(settings, parts.still),
        loop_frames=loop_of(parts.moving) or settings.loop_frames,
        edits=write_edits(scene, parts.still, find_again, without),
    )


def with_layers(settings: JobSettings, still: bpy.types.Object) -> JobSettings:
    """Settings with what the artist asks of single layers."""
    items = still.make_4d_layers
    seeds, prompts = tuple(i.seed for i in items), tuple(i.prompt for i in items)
    return replace(settings, layer_seeds=seeds, layer_prompts=prompts)


def write_edits(
    scene: bpy.types.Scene, still: bpy.types.Object, find_again: bool, without: str
) -> str:
    """Write a scene's edits into a folder that Blender removes when it quits; "" for none."""
    motion = motion_edits(scene, still, find_again)
    pictures = image_edits(still, without)
    if not motion and not pictures:
        return ""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=bpy.app.tempdir))
    save_image_edits(pictures, folder)
    if motion:
        save_edits(motion, folder / MOTION_FILE)
    return str(folder)


def motion_edits(
    scene: bpy.types.Scene, still: bpy.types.Object, find_again: bool = False
) -> MotionEdits:
    """What the artist edited of the motion: the painted image and the guides."""
    image = still.get(MOTION_REGIONS)
    painted = image is not None and not find_again and is_painted(image)
    lines = guide_lines(guides_of(scene), still, outpainted_lens(still))
    return MotionEdits(read_regions(image) if painted else None, lines)


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
