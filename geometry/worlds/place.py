"""What a kind of world tells the generator: where its camera may stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..landscapes.materials import Air
from ..landscapes.terrain import Height
from .draw import Draw


@dataclass(frozen=True)
class Place:
    """A world that was built into Blender's scene, seen from x = y = 0 along +y.

    Attributes:
        height: Its ground's height in meters at positions x, y.
        eye: Lowest and highest camera above the ground at the origin, in meters.
        pitch: Lowest and highest angle of the camera above the horizontal, in degrees.
        yaw: Largest angle to either side of +y, in degrees.
        shift: Largest distance of the camera to either side of the origin, in meters.
        floor: Height of the lowest visible surface, such as a water level, in meters; the camera
            stays above it.
        field_of_view: Range across the longer side of the picture, in degrees.
        foreground: Whether things may be placed close to the camera.
    """

    height: Height
    eye: tuple[float, float] = (1.2, 2.5)
    pitch: tuple[float, float] = (-12.0, 8.0)
    yaw: float = 12.0
    shift: float = 0.6
    floor: float = -1e6
    field_of_view: tuple[float, float] = (30.0, 85.0)
    foreground: bool = True


@dataclass(frozen=True)
class WorldKind:
    """A kind of world.

    Attributes:
        name: Its name in the command and in sheets.
        build: Builds one into Blender's empty scene.
        weight: How often it is made, relative to the others.
    """

    name: str
    build: Callable[[Draw, Air], Place]
    weight: float = 1.0


@dataclass(frozen=True)
class Foreground:
    """A kind of thing close to the camera, in front of any world.

    Attributes:
        name: Its name.
        add: Adds one to the scene, before the camera of a place.
        weight: How often it is added, relative to the others.
    """

    name: str
    add: Callable[[Draw, Air, Place], Any]
    weight: float = 1.0
