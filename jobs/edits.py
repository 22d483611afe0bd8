"""The artist's edits of a scene, written into a folder for the worker."""

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
LINKED = (
    "This scene is linked from another file: change it there, or make it local first "
    "(Object > Relations > Make Local)."
)
OLD_SCENE = "This scene was made by an older version: make it again from its photo."


def with_edits(
    settings: JobSettings,
    scene: bpy.types.Scene,
    parts: SceneParts,
    find_again: bool = False,
    without: str = "",
) -> JobSettings:
    """Return settings with a scene's edits, and with the loop and layers that are set there.

    Args:
        settings: The settings to start from.
        scene: The scene with the motion guides.
        parts: The 4D scene's objects.
        find_again: Leave out the painted motion regions.
        without: Name of an editable image to leave out.

    Raises OSError where the edits can't be written, SettingsError for a linked scene.
    """
    if parts.still.library is not None:
        raise SettingsError(LINKED)
    if pack_edited_images():  # undo restores packed pixels, not those painted since
        bpy.ops.ed.undo_push(message="Paint")
    return replace(
        with_layers(settings, parts.still),
        loop_frames=loop_of(parts.moving) or settings.loop_frames,
        edits=write_edits(scene, parts.still, find_again, without),
    )


def with_layers(settings: JobSettings, still: bpy.types.Object) -> JobSettings:
    """Return settings with the seeds and prompts of the scene's layers."""
    items = still.make_4d_layers
    seeds, prompts = tuple(i.seed for i in items), tuple(i.prompt for i in items)
    return replace(settings, layer_seeds=seeds, layer_prompts=prompts)


def write_edits(
    scene: bpy.types.Scene, still: bpy.types.Object, find_again: bool, without: str
) -> str:
    """Write a scene's edits into a temporary folder; returns its path, "" where there are none.

    Blender removes the folder when it quits. For the parameters see `with_edits`.
    """
    motion = motion_edits(scene, still, find_again)
    images = image_edits(still, without)
    if not motion and not images:
        return ""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=bpy.app.tempdir))
    save_image_edits(images, folder)
    if motion:
        save_edits(motion, folder / MOTION_FILE)
    return str(folder)


def motion_edits(
    scene: bpy.types.Scene, still: bpy.types.Object, find_again: bool = False
) -> MotionEdits:
    """Return the painted motion regions, unless they are left out, and the motion guides."""
    image = still.get(MOTION_REGIONS)
    has_regions = image is not None and not find_again and is_painted(image)
    lines = guide_lines(guides_of(scene), still, outpainted_lens(still))
    return MotionEdits(read_regions(image) if has_regions else None, lines)


def made_with(still: bpy.types.Object) -> JobSettings:
    """Return the settings that a still cloud was made with; raises SettingsError without any."""
    try:
        return JobSettings.from_json(json.loads(still[SETTINGS]))
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(OLD_SCENE) from error


def loop_of(moving: bpy.types.Object | None) -> int:
    """Return the loop length in frames that is set on the moving cloud, 0 without one."""
    modifier = modifier_of(moving, "animate") if moving is not None else None
    return 0 if modifier is None else int(get_input(modifier, LOOP_LENGTH))
