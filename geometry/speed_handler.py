"""A handler that keeps time right while the artist keyframes speed, loop length or direction."""

from __future__ import annotations

import bpy

from .custom_properties import ROLE
from .speed_curves import correct_time


@bpy.app.handlers.persistent
def follow_speed(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Correct the moving clouds' time after an action or one of the clouds has changed."""
    if not affects_motion(depsgraph) or bpy.app.is_job_running("RENDER"):
        return
    for cloud in scene.objects:
        if cloud.get(ROLE) == "moving" and cloud.library is None:
            correct_time(cloud, scene)


def affects_motion(depsgraph: bpy.types.Depsgraph) -> bool:
    """Whether what was updated can have changed how fast a cloud moves."""
    if depsgraph.id_type_updated("ACTION"):
        return True
    if not depsgraph.id_type_updated("OBJECT"):
        return False
    return any(
        isinstance(update.id, bpy.types.Object) and update.id.get(ROLE) == "moving"
        for update in depsgraph.updates
    )


def register() -> None:
    """Add the handler."""
    bpy.app.handlers.depsgraph_update_post.append(follow_speed)


def unregister() -> None:
    """Remove the handler."""
    bpy.app.handlers.depsgraph_update_post.remove(follow_speed)
