"""The rig of a 4D scene: find it, and make the parts that the artist has deleted."""

from __future__ import annotations

import bpy
import numpy as np

from . import photo_view
from .camera_rig import Rig, complete_rig
from .core.camera import Intrinsics
from .core.camera_path import PathError
from .core.travel import Values
from .custom_properties import CACHE, mark
from .scene_parts import SceneError, SceneParts

MISSING_PART = {
    "path": "The camera's path was deleted: press Re-make Path to restore it.",
    "camera": "The camera was deleted: press Re-make Path to restore it.",
    "target": "The camera's target was deleted: press Re-make Path to restore it.",
}
NO_LENS = "The scene doesn't store the photo's lens: make it again from the photo."


def photo_lens(still: bpy.types.Object) -> Intrinsics:
    """Return the photo's intrinsics that a still cloud stores; raises SceneError without them."""
    try:
        return photo_view.photo_lens(still)
    except KeyError as error:
        raise SceneError(NO_LENS) from error


def photo_matrix(still: bpy.types.Object) -> Values:
    """Return the matrix (4, 4) from the photo's axes to the scene's, that of the still cloud."""
    return np.array(still.matrix_world, float)


def existing_rig(parts: SceneParts) -> Rig:
    """Return the rig of a scene; raises SceneError if a part or a constraint is missing."""
    if parts.path is None or parts.camera is None or parts.target is None:
        missing = [n for n in ("path", "camera", "target") if getattr(parts, n) is None]
        raise SceneError(MISSING_PART[missing[0]])
    rig = Rig(parts.path, parts.camera, parts.target)
    try:
        _ = rig.follow, rig.track
    except PathError as error:
        raise SceneError(error.message) from error
    return rig


def ensure_rig(scene: bpy.types.Scene, parts: SceneParts) -> Rig:
    """Return the rig of a scene after making its missing parts; raises SceneError.

    A new camera becomes the active camera of a scene that has none.
    """
    name = parts.still.name.removesuffix(" Still")
    lens = photo_lens(parts.still) if parts.camera is None else None
    rig = complete_rig(name, lens, parts.path, parts.camera, parts.target)
    made = {"path": rig.curve, "camera": rig.camera, "target": rig.target}
    collection = parts.still.users_collection[0]
    for role, part in made.items():
        if getattr(parts, role) is None:
            mark(part, role, parts.still.get(CACHE, ""))
            collection.objects.link(part)
    scene.camera = scene.camera or rig.camera
    return rig
