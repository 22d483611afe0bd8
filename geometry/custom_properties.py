"""Custom properties by which the add-on finds again what it made, in this file or an old one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import bpy

ROLE = "make_4d_role"
VERSION = "make_4d_version"
CACHE = "make_4d_cache"
FEATURES = "make_4d_features"
"""On a cloud: id of the feature maps that its points look into."""
NETWORKS = "make_4d_networks"
"""On a cloud: path of the checkpoint whose networks made these features."""
MOTION_REGIONS = "make_4d_regions"
"""On a still cloud: the image of what moves."""
EDITABLE_IMAGES = "make_4d_pictures"
"""On a still cloud: the images of the run that the artist may paint in, by their names."""
LENS = "make_4d_lens"
"""On a still cloud: the wide photo's intrinsics focal, cx, cy, width, height, and its margins top,
right, bottom, left, in pixels."""
LOOP = "make_4d_loop"
"""On a moving cloud: the length of the loop that its displacements were made for, in frames."""
SETTINGS = "make_4d_settings"
"""On a still cloud: the job's settings as JSON, by which it can be made again."""

SCENE_VERSION = 1
"""Counts up when what `build_scene` makes changes in a way that other code has to know."""


def mark(data: bpy.types.ID, role: str, cache_id: str = "") -> None:
    """Say on a data-block what it is for; `cache_id` names the result that it was made from."""
    data[ROLE] = role
    data[VERSION] = SCENE_VERSION
    if cache_id:
        data[CACHE] = cache_id
