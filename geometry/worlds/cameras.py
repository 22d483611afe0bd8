"""Random cameras for a place, and the cameras of its samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from .draw import Draw
from .place import Place

SHAPES = ((4, 3), (3, 2), (16, 9), (1, 1), (3, 4), (2, 3))
SHAPE_WEIGHTS = (5, 4, 2, 1.5, 3, 1)
"""Aspect ratios of the pictures, and how often they come."""
DRONE_CHANCE = 0.12
DRONE_EYE, DRONE_PITCH = (4.0, 40.0), (-45.0, -6.0)
"""How often a camera flies, how high in meters, and its angle above the horizontal in degrees."""


@dataclass(frozen=True)
class Shot:
    """A camera and its picture.

    Attributes:
        size: Width and height in pixels.
        focal: Focal length in pixels.
        position: In meters, Blender's axes.
        pitch, yaw, roll: In radians; upward, to the right, clockwise in the picture.
        eye: Height above the ground, in meters.
    """

    size: tuple[int, int]
    focal: float
    position: tuple[float, float, float]
    pitch: float
    yaw: float
    roll: float
    eye: float

    @property
    def pose(self) -> Matrix:
        """Camera-to-world (4, 4) in Blender's axes."""
        turn = Matrix.Rotation(-self.yaw, 4, "Z") @ Matrix.Rotation(
            math.pi / 2 + self.pitch, 4, "X"
        )
        return Matrix.Translation(self.position) @ turn @ Matrix.Rotation(self.roll, 4, "Z")


def draw_size(draw: Draw, pixels: int) -> tuple[int, int]:
    """Return width and height, of about `pixels` pixels, even numbers, at a random aspect ratio."""
    across, down = draw.choice(SHAPES, SHAPE_WEIGHTS)
    scale = math.sqrt(pixels / (across * down))
    return 2 * round(across * scale / 2), 2 * round(down * scale / 2)


def draw_shot(draw: Draw, place: Place, size: tuple[int, int]) -> Shot:
    """Return a random camera for a place.

    It looks down only as far as the ground reaches: ground begins 0.7 meters before the origin.
    """
    across = math.radians(draw.uniform(*place.field_of_view))
    focal = max(size) / 2 / math.tan(across / 2)
    x = draw.uniform(-place.shift, place.shift)
    # Kinds that are seen from the air anyway have no foreground.
    flies = place.foreground and draw.chance(DRONE_CHANCE)
    eye = draw.log_uniform(*(DRONE_EYE if flies else place.eye))
    ground = float(place.height(np.array([x]), np.array([0.0]))[0])
    z = max(ground, place.floor) + eye
    half = math.atan(size[1] / 2 / focal)
    lowest = half - math.atan2(eye, 1.0)
    pitch = max(math.radians(draw.uniform(*(DRONE_PITCH if flies else place.pitch))), lowest)
    roll = math.radians(draw.rng.normal(0, 5 if draw.chance(0.15) else 1.2))
    yaw = math.radians(draw.uniform(-place.yaw, place.yaw))
    return Shot(size, focal, (x, 0.0, z), pitch, yaw, roll, eye)


def aim(scene: Any, shot: Shot) -> None:
    """Give the scene the camera and the size of a shot."""
    lens = scene.camera.data
    lens.sensor_fit, lens.sensor_width = "HORIZONTAL", 36.0
    lens.lens = shot.focal / shot.size[0] * 36.0
    lens.clip_start, lens.clip_end = 0.05, 1e6
    scene.camera.matrix_world = shot.pose
    scene.render.resolution_x, scene.render.resolution_y = shot.size
    scene.render.resolution_percentage = 100


def add_camera(scene: Any) -> None:
    """Add a camera to a scene."""
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
