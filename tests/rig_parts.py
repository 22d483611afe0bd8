"""Shared by tests of the camera path: a small 4D scene, poses, and a curved path."""

from __future__ import annotations

import bpy
import numpy as np
from make_4d.geometry.build import build_scene
from make_4d.geometry.camera_rig import Rig, set_path
from make_4d.geometry.core.camera import blender_from_camera
from make_4d.geometry.core.camera_path import CameraPath
from make_4d.geometry.rig_keys import Timing
from make_4d.geometry.scene_parts import SceneParts, parts_of
from make_4d.geometry.scene_rig import existing_rig

PHOTO_POSE = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], float)
BENT = CameraPath.through(
    [[0, 0, 0], [0.1, 0, 0.4], [0.3, -0.05, 0.6]], [[0, 0, 1], [0.1, 0, 1], [0.2, 0.05, 1]]
)
RING = CameraPath.through(
    [[0, 0, 0], [0.2, 0, 0.2], [0, 0, 0.4], [-0.2, 0, 0.2]], [[0, 0, 1]] * 4, closed=True
)


def made(scene_data) -> SceneParts:
    """Build a scene in an empty file and return its parts."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    build_scene(scene_data, "photo", bpy.context.scene)
    return parts_of(bpy.context.scene)


def lay(path: CameraPath, **timing) -> Rig:
    """Set the scene's rig to `path` over its frames, and return the rig."""
    scene = bpy.context.scene
    rig = existing_rig(parts_of(scene))
    set_path(rig, path, Timing(scene.frame_start, scene.frame_end, **timing))
    return rig


def pose(frame: float, name: str = "") -> np.ndarray:
    """Return the evaluated world matrix (4, 4) of the camera, or of an object, at a frame."""
    scene = bpy.context.scene
    scene.frame_set(int(np.floor(frame)), subframe=frame % 1)
    obj = bpy.data.objects[name] if name else scene.camera
    return np.array(obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world)


def place(frame: float) -> np.ndarray:
    """Return the camera's position (3,) at a frame."""
    return pose(frame)[:3, 3]


def in_blender(vectors) -> np.ndarray:
    """Convert vectors (..., 3) from the camera frame to Blender's axes."""
    return blender_from_camera(np.asarray(vectors, float))
