"""The viewport's clouds, read again only where their evaluated points changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import extract
from .extract import Cloud

if TYPE_CHECKING:
    import bpy


class CloudCache:
    """Points of visible objects, kept between changes of the scene.

    Objects are identified by the session's unique id of their original data-block. Instances are
    always read: whether their points changed depends on more than one object.
    """

    def __init__(self) -> None:
        self._clouds: dict[int, Cloud] = {}

    def note_updates(self, depsgraph: bpy.types.Depsgraph) -> None:
        """Forget the points that the depsgraph has evaluated anew.

        Call it while the depsgraph's updates are valid: in `RenderEngine.view_update`.
        """
        for update in depsgraph.updates:
            if update.is_updated_geometry:
                self._clouds.pop(update.id.original.session_uid, None)

    def read(self, depsgraph: bpy.types.Depsgraph) -> list[Cloud]:
        """All visible clouds at their present places."""
        known, self._clouds = self._clouds, {}
        clouds = []
        for instance in filter(extract.is_cloud, depsgraph.object_instances):
            uid = None if instance.is_instance else instance.object.original.session_uid
            cloud = extract.placed_cloud(instance, None if uid is None else known.get(uid))
            if cloud is None:
                continue
            clouds.append(cloud)
            if uid is not None:
                self._clouds[uid] = cloud
        return clouds
