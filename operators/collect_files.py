"""Take Files Along: what a scene needs beside its .blend, into it or next to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.core.feature_files import features_path
from ..geometry.custom_properties import FEATURES
from ..geometry.editable_images import editable_images_of, pack_edited_images
from ..geometry.folders import PHOTOS, cache_folder, cache_folders
from ..geometry.scene_parts import SceneError, parts_of
from ..geometry.translation import translate
from ..jobs.scene_settings import file_of


class MAKE4D_OT_take_along(bpy.types.Operator):
    """Pack the pictures, and copy photo and features beside the .blend."""

    bl_idname = "make_4d.take_along"
    bl_label = "Take Files Along"
    bl_description = (
        "Pack this scene's pictures into the .blend, and copy its photo into the folder "
        "make_4d_cache beside it, so that both can be moved to another computer and rebuilt there. "
        "Rendering needs the .blend alone"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There has to be a file to go with."""
        if not bpy.data.filepath:
            cls.poll_message_set("Save the .blend first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Check the scene, then pack and copy."""
        try:
            still = parts_of(context.scene).still
            count = pack_pictures(still)
            copy_features(still)
            context.scene.make_4d.photo = copied_photo(context.scene.make_4d.photo)
        except (SceneError, OSError) as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        text = rpt_("Packed {count} pictures: save the .blend, then move both")
        self.report({"INFO"}, text.format(count=count))
        return {"FINISHED"}


def pack_pictures(still: bpy.types.Object) -> int:
    """Pack a scene's pictures that aren't yet; returns how many there are in all."""
    pack_edited_images()
    images = editable_images_of(still).values()
    for image in images:
        if image.packed_file is None and image.size[0]:
            image.pack()
    return len(images)


def copy_features(still: bpy.types.Object) -> None:
    """Copy a cloud's feature maps beside the .blend, where they lie elsewhere."""
    name = still.get(FEATURES, "")
    found = [path for f in cache_folders() if (path := features_path(f, name)).is_file()]
    target = features_path(cache_folder(), name)
    if name and found and not target.is_file():
        copy(found[0], target)


def copied_photo(photo: str) -> str:
    """Path of a photo's copy beside the .blend, relative to it; the path itself for a lost one."""
    source = Path(file_of(photo))
    if not photo or not source.is_file():
        return photo
    beside = Path(bpy.data.filepath).parent
    if beside not in source.parents:
        target = cache_folder() / PHOTOS / source.name
        copy(source, target)
        source = target
    return bpy.path.relpath(str(source))


def copy(source: Path, target: Path) -> None:
    """Copy a file into a folder that may not exist yet."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_take_along)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_take_along)
