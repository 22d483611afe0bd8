"""Collect what a scene needs besides its .blend, inside the file or next to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import bpy

from ..geometry.core.feature_files import features_path, find_features
from ..geometry.custom_properties import FEATURES
from ..geometry.editable_images import editable_images_of, pack_edited_images
from ..geometry.folders import PHOTOS, cache_folder, cache_folders
from ..geometry.scene_parts import parts_of
from .scene_settings import file_of


def collect_files(scene: bpy.types.Scene) -> int:
    """Pack a scene's editable images, and copy its photo and features beside the .blend.

    The .blend must have been saved. Returns the number of packed images. Raises SceneError where
    the scene is no 4D scene, OSError where a file can't be copied.
    """
    still = parts_of(scene).still
    count = pack_images(still)
    copy_features(still)
    scene.make_4d.photo = copy_photo(scene.make_4d.photo)
    return count


def pack_images(still: bpy.types.Object) -> int:
    """Pack the editable images of a result; returns how many it has."""
    pack_edited_images()
    images = editable_images_of(still).values()
    for image in images:
        if image.packed_file is None and image.size[0]:
            image.pack()
    return len(images)


def copy_features(still: bpy.types.Object) -> None:
    """Copy a cloud's feature maps into the cache beside the .blend, if they are elsewhere."""
    name = still.get(FEATURES, "")
    source = find_features(cache_folders(), name)
    if source is None:
        return
    target = features_path(cache_folder(), name)
    if not target.is_file():
        copy_file(source, target)


def copy_photo(photo: str) -> str:
    """Copy a photo beside the .blend unless it is there already.

    Returns its path relative to the .blend; the path as it was if the file is missing.
    """
    source = Path(file_of(photo))
    if not photo or not source.is_file():
        return photo
    folder = Path(bpy.data.filepath).parent
    if folder not in source.parents:
        target = cache_folder() / PHOTOS / source.name
        copy_file(source, target)
        source = target
    return bpy.path.relpath(str(source))


def copy_file(source: Path, target: Path) -> None:
    """Copy a file into a folder, which is made if it doesn't exist yet."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
