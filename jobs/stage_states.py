"""What of a 4D scene follows what the artist has set and painted, and what is behind it."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..geometry.core.editable_images import stage_of
from ..geometry.editable_images import EDITED, FRESH, PAINTED, editable_images_of, state_of
from ..geometry.scene_parts import SceneError, parts_of
from ..ml.common.job_settings import JobSettings, SettingsError
from ..ml.stages.table import Stage, stages_for
from .edits import made_with, with_layers
from .scene_settings import file_of, job_settings

STALE = "stale"
WITHOUT_CAMERA = ("photo", "cruise")
"""The artist has the camera in hand: its stage isn't run for a scene that is there."""


def needs_rebuild(scene: bpy.types.Scene) -> bool:
    """Whether Rebuild would change anything that is known of without reading pixels."""
    return any(state in (STALE, PAINTED) for state in states(scene).values())


def is_of_chosen_photo(scene: bpy.types.Scene) -> bool:
    """Whether a scene is a 4D scene of the photo that is chosen in it."""
    try:
        made = made_with(parts_of(scene).still)
    except (SceneError, SettingsError):
        return False
    return same_photo(Path(made.photo), Path(file_of(scene.make_4d.photo)))


def states(scene: bpy.types.Scene) -> dict[str, str]:
    """Each stage's state, in the order of work, empty where there is no 4D scene.

    FRESH; EDITED, with the artist's painting in it; PAINTED, with some that the scene doesn't have
    yet; STALE, when a setting was changed or a stage before it is to be made again.
    """
    try:
        still = parts_of(scene).still
        made, wanted = made_with(still), with_layers(job_settings(scene), still)
    except (SceneError, SettingsError):
        return {}
    painted = painted_stages(still)
    found: dict[str, str] = {}
    for stage in stages_for(wanted):
        behind = any(found.get(need) in (STALE, PAINTED) for need in stage.needs)
        found[stage.name] = STALE if behind else painted.get(stage.name, FRESH)
        if differs(stage, made.effective(), wanted.effective()):
            found[stage.name] = STALE
    return {name: state for name, state in found.items() if name not in WITHOUT_CAMERA}


def painted_stages(still: bpy.types.Object) -> dict[str, str]:
    """The stages in whose pictures the artist has painted, PAINTED before EDITED."""
    found: dict[str, str] = {}
    for name, image in editable_images_of(still).items():
        state = state_of(image)
        if state == PAINTED or (state == EDITED and stage_of(name) not in found):
            found[stage_of(name)] = state
    return found


def differs(stage: Stage, made: JobSettings, wanted: JobSettings) -> bool:
    """Whether a stage's own settings, models or file are others now."""
    if stage.name == "photo" and not same_photo(Path(made.photo), Path(wanted.photo)):
        return True
    if any(made.model_key(name) != wanted.model_key(name) for name in stage.models):
        return True
    return made.subset(stage.settings) != wanted.subset(stage.settings)


def same_photo(made: Path, wanted: Path) -> bool:
    """Whether two paths are of one photo, as far as can be told without reading it: a scene may
    have been moved to another computer, its photo along with it."""
    if made == wanted:
        return True
    if made.name != wanted.name:
        return False
    both = made.is_file() and wanted.is_file()
    return not both or made.stat().st_size == wanted.stat().st_size
