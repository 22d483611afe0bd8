"""Custom properties by which the add-on recognizes the data-blocks that it made.

A property that is renamed here gets a step in `upgrade`, so that older files keep working.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import bpy

ROLE = "make_4d_role"
"""What a data-block is for, such as "still" or "camera"."""
VERSION = "make_4d_version"
"""SCENE_VERSION when the data-block was made; on a node group, that group's own version."""
CACHE = "make_4d_cache"
"""Id of the worker's result that a data-block was made from."""
FEATURES = "make_4d_features"
"""On a cloud: id of the feature maps from which its points get their features."""
NETWORKS = "make_4d_networks"
"""On a cloud: path of the checkpoint whose networks made these features."""
MOTION_REGIONS = "make_4d_motion_regions"
"""On a still cloud: the image of the motion regions."""
EDITABLE_IMAGES = "make_4d_editable_images"
"""On a still cloud: the images of the run that the artist may paint in, by their names."""
LENS = "make_4d_lens"
"""On a still cloud, nine numbers in pixels: the outpainted photo's intrinsics focal, cx, cy, width,
height, and its margins top, right, bottom, left."""
LOOP = "make_4d_loop"
"""On a moving cloud: length in frames of the loop that its displacements were made for."""
SETTINGS = "make_4d_settings"
"""On a still cloud: the job settings as JSON, from which the scene can be made again."""

SCENE_COLLECTION_ROLE = "collection"
"""Role of the collection that holds the objects of a 4D scene."""

SCENE_VERSION = 2
"""Version of everything that `build_scene` makes. It rises with each step in `upgrade`."""


def mark(data: bpy.types.ID, role: str, cache_id: str = "") -> None:
    """Store on a data-block what it is for and which version of the add-on made it.

    cache_id: id of the worker's result that it was made from, if any.
    """
    data[ROLE] = role
    data[VERSION] = SCENE_VERSION
    if cache_id:
        data[CACHE] = cache_id
