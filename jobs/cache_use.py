"""Which files of the stage caches the open scenes refer to, and clearing the others."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..geometry.core.feature_files import features_path, is_feature_id
from ..geometry.custom_properties import FEATURES
from ..geometry.folders import cache_folders
from ..ml.common.cache_files import clear


def clear_caches(scene_files_too: bool) -> int:
    """Clear all caches of the open file; returns the bytes freed.

    Args:
        scene_files_too: Whether to delete the files of scenes that aren't open, too.
    """
    in_use = files_in_use() if scene_files_too else None
    return sum(clear(folder, in_use) for folder in cache_folders())


def files_in_use() -> set[Path]:
    """Return the editable images and feature maps that the open file refers to."""
    images = {
        Path(bpy.path.abspath(image.filepath, library=image.library))
        for image in bpy.data.images
        if image.filepath
    }
    ids = {str(cloud.get(FEATURES, "")) for cloud in bpy.data.objects}
    folders = cache_folders()
    return images | {
        features_path(folder, each) for folder in folders for each in ids if is_feature_id(each)
    }
