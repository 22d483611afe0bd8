"""The settings of a 4D scene as Blender properties, kept with the scene."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..geometry.core.messages import Message
from ..geometry.output import OUTPUTS, output_of, set_output
from ..geometry.translation import CONTEXT
from ..ml.common.job_settings import (
    DEFAULTS,
    MAX_FIELD_OF_VIEW,
    MAX_FRAMES,
    MAX_GUIDANCE,
    MAX_LAYERS,
    MAX_SIZE,
    MAX_STEPS,
    MIN_FIELD_OF_VIEW,
    MIN_LOOP_FRAMES,
    MIN_SIZE,
    MIN_STRENGTH,
)
from ..ml.common.registry import BUILTIN, ModelSpec, models_for

CATEGORY = "Make 4D"
"""The tab of the sidebar that shows these settings."""

QUALITIES = {
    "DRAFT": (DEFAULTS.size, 20),
    "GOOD": (1024, DEFAULTS.steps),
    "BEST": (1920, DEFAULTS.steps),
}
"""Size in pixels and steps of a diffusion model at each quality; the default is the paper's."""
CUSTOM = "CUSTOM"
_QUALITY_ITEMS = (
    ("DRAFT", "Draft", "Quick, to see what the flight will be like: 512 pixels, coarse painting"),
    ("GOOD", "Good", "Sharp enough for most screens: 1024 pixels, painted with the paper's care"),
    ("BEST", "Best", "As sharp as Full HD: 1920 pixels, takes the most time and memory"),
    (CUSTOM, "Custom", "A size or a number of steps of your own, set in Settings and Models"),
)


def _quality(own: Make4DSettings) -> int:
    """Index of the quality that size and steps amount to; steps count where a model paints."""
    for index, (size, steps) in enumerate(QUALITIES.values()):
        if own.size == size and (own.inpaint_model == BUILTIN or own.steps == steps):
            return index
    return len(QUALITIES)


def _set_quality(own: Make4DSettings, index: int) -> None:
    if index < len(QUALITIES):
        own.size, own.steps = list(QUALITIES.values())[index]


def _output(own: Make4DSettings) -> int:
    return OUTPUTS.index(output_of(own.id_data))


def _set_output(own: Make4DSettings, index: int) -> None:
    set_output(own.id_data, OUTPUTS[index])


def _ways(stage: str, builtin: str) -> list[tuple[str, str, str]]:
    """Items of a choice between the built-in way and the models of a stage."""
    models = [(m.key, m.label, tooltip_of(m)) for m in models_for(stage)]
    return [(BUILTIN, "Built-in", builtin), *models]


def tooltip_of(spec: ModelSpec) -> Message:
    """What a model is good for, and its license."""
    note = Message(spec.note)
    return Message("{note} License: {license}", note=note, license=spec.license)


class Make4DSettings(bpy.types.PropertyGroup):
    """What the artist asks for."""

    photo: StringProperty(  # type: ignore[valid-type]
        name="Photo",
        description="The photograph that becomes a 4D scene",
        subtype="FILE_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    quality: EnumProperty(  # type: ignore[valid-type]
        name="Quality",
        description="How sharp and how carefully painted the scene is: Draft is quickest",
        items=_QUALITY_ITEMS,
        translation_context=CONTEXT,
        get=_quality,
        set=_set_quality,
    )
    frames: IntProperty(  # type: ignore[valid-type]
        name="Frames",
        description="Length of the flight: more frames fly the same way more slowly",
        default=DEFAULTS.frames,
        min=1,
        soft_max=600,
        max=MAX_FRAMES,
    )
    loop_frames: IntProperty(  # type: ignore[valid-type]
        name="Loop",
        description=(
            "Frames after which clouds and water are where they began. A film of one or more whole "
            "loops repeats without a seam where the camera does too"
        ),
        default=DEFAULTS.loop_frames,
        min=MIN_LOOP_FRAMES,
        soft_min=24,
        soft_max=600,
        max=MAX_FRAMES,
    )
    size: IntProperty(  # type: ignore[valid-type]
        name="Size",
        description=(
            "Longer side of the picture: larger is sharper and takes more time and memory. Another "
            "number than a quality's makes the quality Custom"
        ),
        default=DEFAULTS.size,
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
        default=DEFAULTS.layers,
        min=0,
        max=MAX_LAYERS,
    )
    fly: EnumProperty(  # type: ignore[valid-type]
        name="Fly",
        description="Which way the camera flies",
        items=(
            ("in", "Fly In", "Fly into the photo"),
            ("out", "Fly Out", "Fly out of the photo, into its painted-on surroundings"),
        ),
    )
    motion: BoolProperty(  # type: ignore[valid-type]
        name="Move Clouds and Water",
        description="Let clouds drift and water run; without it everything stands still",
        default=DEFAULTS.motion,
    )
    seed: IntProperty(  # type: ignore[valid-type]
        name="Seed",
        description="Another number paints the invented parts differently",
        default=DEFAULTS.seed,
        min=0,
    )
    field_of_view: FloatProperty(  # type: ignore[valid-type]
        name="Field of View",
        translation_context=CONTEXT,
        description=(
            "How wide the camera saw, across the photo's longer side: a wrong angle makes the "
            "scene too deep or too flat. Counts where the file does not name its lens"
        ),
        default=DEFAULTS.field_of_view,
        min=MIN_FIELD_OF_VIEW,
        max=MAX_FIELD_OF_VIEW,
        subtype="ANGLE",
    )
    nearest_distance: FloatProperty(  # type: ignore[valid-type]
        name="Nearest",
        description=(
            "How far the photo's nearest thing is, in meters: it sets the scene's unit scale, so "
            "that what you measure and place has its true size. The picture stays as it is"
        ),
        min=0.001,
        soft_max=100.0,
        max=100_000.0,
        precision=2,
        get=lambda self: self.id_data.unit_settings.scale_length,
        set=lambda self, meters: setattr(self.id_data.unit_settings, "scale_length", meters),
    )
    output: EnumProperty(  # type: ignore[valid-type]
        name="Output",
        description="What Ctrl-F12 and the button beside Still write",
        items=(
            ("FILM", "Film", "One .mp4"),
            (
                "PICTURES",
                "Pictures",
                "A PNG for every frame, in a folder: for a render farm, for cutting and grading",
            ),
        ),
        get=_output,
        set=_set_output,
    )
    inpaint_model: EnumProperty(  # type: ignore[valid-type]
        name="Painting",
        description="What paints the surroundings of the photo and what its things hide",
        items=_ways("inpaint", "Continues textures of the photo: quick, needs no download"),
    )
    depth_model: EnumProperty(  # type: ignore[valid-type]
        name="Depth",
        description="What tells how far away things are",
        items=_ways("depth", "Sky, ground and what stands on it: quick, needs no download"),
    )
    motion_model: EnumProperty(  # type: ignore[valid-type]
        name="Motion",
        description="What finds sky and water, which move",
        items=_ways("motion", "By colors and textures: quick, needs no download"),
    )
    prompt: StringProperty(  # type: ignore[valid-type]
        name="Prompt",
        description="What to paint where the photo shows nothing, in words; may be empty",
    )
    negative_prompt: StringProperty(  # type: ignore[valid-type]
        name="Avoid", description="What not to paint, in words; may be empty"
    )
    steps: IntProperty(  # type: ignore[valid-type]
        name="Steps",
        description="More steps paint more carefully and take longer; the paper takes 45",
        default=QUALITIES["DRAFT"][1],
        min=1,
        soft_max=100,
        max=MAX_STEPS,
    )
    guidance: FloatProperty(  # type: ignore[valid-type]
        name="Guidance",
        description="How closely the painting follows the prompt; the paper takes 10",
        default=DEFAULTS.guidance,
        min=0.0,
        soft_max=20.0,
        max=MAX_GUIDANCE,
    )
    strength: FloatProperty(  # type: ignore[valid-type]
        name="Strength",
        description=(
            "1 invents freely; less stays closer to the colors of what is known, drawn smoothly "
            "into the hole"
        ),
        default=DEFAULTS.strength,
        min=MIN_STRENGTH,
        max=1.0,
        subtype="FACTOR",
    )
    networks: StringProperty(  # type: ignore[valid-type]
        name="Networks",
        description=(
            "Checkpoint of the paper's feature and decoder networks (3D Moments), for the render "
            "method Neural; empty for none"
        ),
        subtype="FILE_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )


@bpy.app.handlers.persistent
def _keep_paths(*_: object) -> None:
    """Saved elsewhere, paths relative to the file lead nowhere: Blender mends its own alone."""
    for scene in bpy.data.scenes:
        for name in ("photo", "networks"):
            path = getattr(scene.make_4d, name)
            if path.startswith("//") and bpy.data.filepath and scene.library is None:
                setattr(scene.make_4d, name, bpy.path.abspath(path))


def register() -> None:
    """Register the settings and hang them on the scene."""
    bpy.app.handlers.save_pre.append(_keep_paths)
    bpy.utils.register_class(Make4DSettings)
    bpy.types.Scene.make_4d = bpy.props.PointerProperty(type=Make4DSettings)


def unregister() -> None:
    """Remove the settings."""
    bpy.app.handlers.save_pre.remove(_keep_paths)
    del bpy.types.Scene.make_4d
    bpy.utils.unregister_class(Make4DSettings)
