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


@dataclass(frozen=True)
class Manner:
    """A way to take pictures other than the place's own; None is what the place says.

    Attributes:
        chance: Share of the pictures.
        eye: Lowest and highest camera above the ground, in meters.
        pitch: Lowest and highest angle above the horizontal, in degrees.
        field_of_view: Range across the longer side of the picture, in degrees.
    """

    chance: float
    eye: tuple[float, float] | None = None
    pitch: tuple[float, float] | None = None
    field_of_view: tuple[float, float] | None = None


DRONE = Manner(0.1, eye=(4.0, 50.0), pitch=(-45.0, -6.0))
ZOOM = Manner(0.2, pitch=(-3.5, 2.0), field_of_view=(8.0, 26.0))
"""Far things through a long lens: waves and grass look alike from front to back."""
NEAR = Manner(0.14, eye=(1.1, 1.8), pitch=(-18.0, -4.0), field_of_view=(42.0, 74.0))
"""The ground before one's feet and what stands on it."""
AS_PLACE = Manner(1.0 - DRONE.chance - ZOOM.chance - NEAR.chance)
MANNERS = (DRONE, ZOOM, NEAR, AS_PLACE)


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
    manner = AS_PLACE
    if place.foreground:  # kinds that are seen from the air anyway have none
        manner = draw.choice(MANNERS, [manner.chance for manner in MANNERS])
    across = math.radians(draw.uniform(*(manner.field_of_view or place.field_of_view)))
    focal = max(size) / 2 / math.tan(across / 2)
    x = draw.uniform(-place.shift, place.shift)
    eye = draw.log_uniform(*(manner.eye or place.eye))
    ground = float(place.height(np.array([x]), np.array([0.0]))[0])
    z = max(ground, place.floor) + eye
    half = math.atan(size[1] / 2 / focal)
    lowest = half - math.atan2(eye, 1.0)
    pitch = max(math.radians(draw.uniform(*(manner.pitch or place.pitch))), lowest)
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
