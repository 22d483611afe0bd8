"""The parts of a 4D scene, found by their marks, whatever the artist has named them."""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from .custom_properties import CACHE, ROLE


class SceneError(Exception):
    """A part is missing; the text is one sentence for the artist."""


@dataclass(frozen=True)
class SceneParts:
    """Objects of a 4D scene; None where there is none, or the artist has deleted it."""

    still: bpy.types.Object
    moving: bpy.types.Object | None
    path: bpy.types.Object | None
    camera: bpy.types.Object | None
    target: bpy.types.Object | None


def parts_of(scene: bpy.types.Scene, one: bpy.types.Object | None = None) -> SceneParts:
    """The parts of a scene; of several 4D results in it, those that belong to `one`, else to the
    active object.

    Raises SceneError where the scene has no still cloud.
    """
    stills = [o for o in scene.objects if o.get(ROLE) == "still" and o.type == "POINTCLOUD"]
    if not stills:
        raise SceneError("This scene has no 4D photo: choose a photo and press Make 4D first.")
    result = _chosen_result(stills, one)
    own = {o.get(ROLE): o for o in scene.objects if o.get(CACHE, "") == result}
    return SceneParts(
        next(o for o in stills if o.get(CACHE, "") == result),
        *(own.get(role) for role in ("moving", "path", "camera", "target")),
    )


def _chosen_result(stills: list[bpy.types.Object], one: bpy.types.Object | None) -> str:
    """Id of the result that an object, or the active one, belongs to, else the first still's."""
    layer = bpy.context.view_layer
    active = one or (layer.objects.active if layer else None)
    observed = [still.get(CACHE, "") for still in stills]
    if active is not None and active.get(ROLE) and active.get(CACHE, "") in observed:
        return str(active[CACHE])
    return str(observed[0])
