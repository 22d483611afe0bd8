"""The settings of a 4D scene as Blender properties, kept with the scene."""

from __future__ import annotations

import math

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..ml.settings import MAX_LAYERS, MAX_SIZE, MIN_SIZE, JobSettings


class Make4DSettings(bpy.types.PropertyGroup):
    """What the artist asks for."""

    photo: StringProperty(  # type: ignore[valid-type]
        name="Photo", description="The photograph that becomes a 4D scene", subtype="FILE_PATH"
    )
    frames: IntProperty(  # type: ignore[valid-type]
        name="Frames",
        description="Length of the flight: more frames fly the same way more slowly",
        default=60,
        min=1,
        soft_max=600,
        max=100_000,
    )
    size: IntProperty(  # type: ignore[valid-type]
        name="Size",
        description="Longer side of the picture: larger is sharper and takes more time and memory",
        default=512,
        min=MIN_SIZE,
        soft_max=1920,
        max=MAX_SIZE,
        subtype="PIXEL",
    )
    layers: IntProperty(  # type: ignore[valid-type]
        name="Layers",
        description=(
            "Depth layers that the photo is cut into; each is painted on behind the one before it. "
            "0 chooses the number from the photo"
        ),
        default=3,
        min=0,
        max=MAX_LAYERS,
    )
    fly: EnumProperty(  # type: ignore[valid-type]
        name="Fly",
        description="Which way the camera flies",
        items=(
            ("in", "In", "Fly into the photo"),
            ("out", "Out", "Fly out of the photo, into its painted-on surroundings"),
        ),
    )
    motion: BoolProperty(  # type: ignore[valid-type]
        name="Move Clouds and Water",
        description="Let clouds drift and water run; without it everything stands still",
        default=True,
    )
    seed: IntProperty(  # type: ignore[valid-type]
        name="Seed",
        description="Another number paints the invented parts differently",
        default=0,
        min=0,
    )
    field_of_view: FloatProperty(  # type: ignore[valid-type]
        name="Field of View",
        description="Across the photo's longer side, where the file does not name its lens",
        default=math.radians(55.0),
        min=0.1,
        max=2.6,
        subtype="ANGLE",
    )


def job_settings(scene: bpy.types.Scene) -> JobSettings:
    """The scene's settings as the worker takes them; raises SettingsError where one is unusable."""
    own = scene.make_4d
    settings = JobSettings(
        photo=bpy.path.abspath(own.photo) if own.photo else "",
        size=own.size,
        frames=own.frames,
        layers=own.layers,
        fly=own.fly,
        motion=own.motion,
        seed=own.seed,
        field_of_view=own.field_of_view,
    )
    settings.validate()
    return settings


def remember_settings(scene: bpy.types.Scene, settings: JobSettings) -> None:
    """Note on a scene what it was made of, so that its panel shows it and can make it again."""
    own = scene.make_4d
    for name in ("photo", "size", "frames", "layers", "fly", "motion", "seed", "field_of_view"):
        setattr(own, name, getattr(settings, name))


def register() -> None:
    """Register the settings and hang them on the scene."""
    bpy.utils.register_class(Make4DSettings)
    bpy.types.Scene.make_4d = bpy.props.PointerProperty(type=Make4DSettings)


def unregister() -> None:
    """Remove the settings."""
    del bpy.types.Scene.make_4d
    bpy.utils.unregister_class(Make4DSettings)
