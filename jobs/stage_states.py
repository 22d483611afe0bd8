"""Which stages of a 4D scene are up to date with its settings and edits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..geometry.core.editable_images import stage_of
from ..geometry.editable_images import (
    EDITED,
    FRESH,
    PAINTED,
    Checksums,
    editable_images_of,
    state_of,
)
from ..geometry.scene_parts import SceneError, parts_of
from ..ml.common.job_settings import JobSettings, SettingsError
from ..ml.stages.table import Stage, stages_for
from .edits import made_with, with_layers
from .scene_settings import file_of, job_settings

STALE = "stale"
NOT_REBUILT = ("photo", "cruise", "lift")
"""Stages that are not shown: the photo is no result, the camera belongs to the artist, and the last
stage always runs."""


def needs_rebuild(states: dict[str, str]) -> bool:
    """Whether Rebuild would change a scene whose stages have these states."""
    return any(state in (STALE, PAINTED) for state in states.values())


def is_of_chosen_photo(scene: bpy.types.Scene) -> bool:
    """Whether a scene is a 4D scene made of the photo that is chosen in it."""
    try:
        made = made_with(parts_of(scene).still)
    except (SceneError, SettingsError):
        return False
    return is_same_photo(Path(made.photo), Path(file_of(scene.make_4d.photo)))


def states(scene: bpy.types.Scene, checksums: Checksums | None = None) -> dict[str, str]:
    """Return the state of each stage in pipeline order, empty where there is no 4D scene.

    States:
        FRESH: up to date.
        EDITED: up to date, with edits of the artist in it.
        PAINTED: edited since the scene was built.
        STALE: a setting was changed, or a stage that it needs is PAINTED or STALE.
    """
    try:
        still = parts_of(scene).still
        made, chosen = made_with(still), with_layers(job_settings(scene), still)
    except (SceneError, SettingsError):
        return {}
    edited = edited_stages(still, checksums)
    result: dict[str, str] = {}
    for stage in stages_for(chosen):
        is_stale = any(result.get(need) in (STALE, PAINTED) for need in stage.needs)
        is_stale |= differs(stage, made.effective(), chosen.effective())
        result[stage.name] = STALE if is_stale else edited.get(stage.name, FRESH)
    return {name: state for name, state in result.items() if name not in NOT_REBUILT}


def edited_stages(still: bpy.types.Object, checksums: Checksums | None = None) -> dict[str, str]:
    """Return PAINTED or EDITED for every stage whose images the artist has painted in.

    PAINTED counts where a stage has images in both states.
    """
    result: dict[str, str] = {}
    for name, image in editable_images_of(still).items():
        state = state_of(image, checksums)
        if state == PAINTED or (state == EDITED and stage_of(name) not in result):
            result[stage_of(name)] = state
    return result


def differs(stage: Stage, made: JobSettings, chosen: JobSettings) -> bool:
    """Whether the settings, the models or the photo that a stage depends on have changed."""
    if stage.name == "photo" and not is_same_photo(Path(made.photo), Path(chosen.photo)):
        return True
    if any(made.model_key(name) != chosen.model_key(name) for name in stage.models):
        return True
    return _as_properties(made.subset(stage.settings)) != _as_properties(
        chosen.subset(stage.settings)
    )


def is_same_photo(made: Path, chosen: Path) -> bool:
    """Whether two paths lead to the same photo, as far as can be told without reading it.

    The scene may have been moved to another computer together with its photo.
    """
    if made == chosen:
        return True
    if made.name != chosen.name:
        return False
    both = made.is_file() and chosen.is_file()
    return not both or made.stat().st_size == chosen.stat().st_size


def _as_properties(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as Blender's properties hold them: numbers in single precision.

    The command's settings are more precise than those that its scene can store.
    """
    return {
        name: np.float32(value) if isinstance(value, float) else value
        for name, value in settings.items()
    }
