"""The camera's rig of a 4D scene: found, and completed where the artist has deleted a part."""

from __future__ import annotations

import bpy
import numpy as np
from bpy.app.translations import pgettext_rpt as rpt_

from .camera_rig import Rig, complete_rig
from .core.camera import Intrinsics
from .core.travel import Values
from .custom_properties import CACHE, LENS, mark
from .photo_view import outpainted_lens
from .rig_paths import PathError
from .scene_parts import SceneError, SceneParts

GONE = {
    "path": "The camera's path is gone: press Re-make Path to get it back.",
    "camera": "The camera is gone: press Re-make Path to get it back.",
    "target": "The camera's target is gone: press Re-make Path to get it back.",
}


def photo_lens(still: bpy.types.Object) -> Intrinsics:
    """The photo's intrinsics, as a still cloud tells them; SceneError where it doesn't."""
    try:
        outpainted, margins = outpainted_lens(still), [-round(value) for value in still[LENS][5:9]]
    except KeyError as error:
        message = "The scene doesn't tell the photo's lens: make it again from the photo."
        raise SceneError(message) from error
    return outpainted.padded(*margins)


def photo_matrix(still: bpy.types.Object) -> Values:
    """The matrix (4, 4) that takes the photo's axes to the scene's: the still cloud's place."""
    return np.array(still.matrix_world, float)


def existing_rig(parts: SceneParts) -> Rig:
    """The rig of a scene; raises SceneError where a part or a constraint of it is missing."""
    if parts.path is None or parts.camera is None or parts.target is None:
        missing = [n for n in ("path", "camera", "target") if getattr(parts, n) is None]
        raise SceneError(rpt_(GONE[missing[0]]))
    rig = Rig(parts.path, parts.camera, parts.target)
    try:
        _ = rig.follow, rig.track
    except PathError as error:
        raise SceneError(str(error)) from error
    return rig


def ensure_rig(scene: bpy.types.Scene, parts: SceneParts) -> Rig:
    """The rig of a scene, with what is missing made anew; raises SceneError.

    A new camera becomes the scene's where it has none.
    """
    name = parts.still.name.removesuffix(" Still")
    lens = photo_lens(parts.still) if parts.camera is None else None
    rig = complete_rig(name, lens, parts.path, parts.camera, parts.target)
    made = {"path": rig.curve, "camera": rig.camera, "target": rig.target}
    home = parts.still.users_collection[0]
    for role, thing in made.items():
        if getattr(parts, role) is None:
            mark(thing, role, parts.still.get(CACHE, ""))
            home.objects.link(thing)
    scene.camera = scene.camera or rig.camera
    return rig
