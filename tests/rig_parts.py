"""What tests of the camera's path share: a small 4D scene, poses, and a path that bends."""

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
    """The parts of a flight's scene, in an empty file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    build_scene(scene_data, "photo", bpy.context.scene)
    return parts_of(bpy.context.scene)


def lay(path: CameraPath, **timing) -> Rig:
    """The scene's rig with `path` laid over its frames."""
    scene = bpy.context.scene
    rig = existing_rig(parts_of(scene))
    set_path(rig, path, Timing(scene.frame_start, scene.frame_end, **timing))
    return rig


def pose(frame: float, name: str = "") -> np.ndarray:
    """World matrix (4, 4) of the scene's camera, or an object by name, as evaluated at a frame."""
    scene = bpy.context.scene
    scene.frame_set(int(np.floor(frame)), subframe=frame % 1)
    thing = bpy.data.objects[name] if name else scene.camera
    return np.array(thing.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world)


def place(frame: float) -> np.ndarray:
    """The camera's place (3,) at a frame."""
    return pose(frame)[:3, 3]


def in_blender(vectors) -> np.ndarray:
    """Vectors (..., 3) of the camera frame in Blender's axes."""
    return blender_from_camera(np.asarray(vectors, float))
