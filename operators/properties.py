"""The scene settings: what a 4D scene is made with, as Blender properties of a scene."""

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
    ("DRAFT", "Draft", "Quick preview of the scene: 512 pixels, few diffusion steps"),
    ("GOOD", "Good", "Sharp enough for most screens: 1024 pixels, as many steps as the paper"),
    ("BEST", "Best", "As sharp as Full HD: 1920 pixels; takes the most time and memory"),
    (CUSTOM, "Custom", "Any other size or number of steps, set in Settings and Models"),
)


def _quality(own: Make4DSettings) -> int:
    """Index of the quality that has this size, and these steps where a model inpaints."""
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


SCENE_NETWORK = "A small network that comes with the add-on: fast, no download"


def _backends(stage: str, builtin: str) -> list[tuple[str, str, str]]:
    """Enum items of a stage's backends: built-in, then its models.

    Args:
        stage: Name of the stage.
        builtin: Tooltip of the built-in backend.
    """
    models = [(m.key, m.label, tooltip_of(m)) for m in models_for(stage)]
    return [(BUILTIN, "Built-in", builtin), *models]


def tooltip_of(spec: ModelSpec) -> Message:
    """The tooltip of a model: what it is good for, and its license."""
    note = Message(spec.note)
    return Message("{note} License: {license}", note=note, license=spec.license)


class Make4DSettings(bpy.types.PropertyGroup):
    """Settings of a scene, from which a job's settings are made."""

    photo: StringProperty(  # type: ignore[valid-type]
        name="Photo",
        description="Photograph that becomes a 4D scene",
        subtype="FILE_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    quality: EnumProperty(  # type: ignore[valid-type]
        name="Quality",
        description="Sharpness of the scene and care of its inpainting; Draft is the fastest",
        items=_QUALITY_ITEMS,
        translation_context=CONTEXT,
        get=_quality,
        set=_set_quality,
    )
    frames: IntProperty(  # type: ignore[valid-type]
        name="Frames",
        description="Length of the film; more frames fly the same path more slowly",
        default=DEFAULTS.frames,
        min=1,
        soft_max=600,
        max=MAX_FRAMES,
    )
    loop_frames: IntProperty(  # type: ignore[valid-type]
        name="Loop",
        description=(
            "Number of frames after which clouds and water are back where they began. A film of "
            "whole loops repeats seamlessly if the camera does too"
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
            "Longer side of the image. Larger is sharper, and takes more time and memory. Any "
            "other value than those of the qualities sets Quality to Custom"
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
            "Number of depth layers that the photo is cut into. Each is inpainted behind the "
            "nearer ones. 0 chooses the number automatically"
        ),
        default=DEFAULTS.layers,
        min=0,
        max=MAX_LAYERS,
    )
    fly: EnumProperty(  # type: ignore[valid-type]
        name="Fly",
        description="Direction in which the camera flies",
        items=(
            ("in", "Fly In", "Fly into the photo"),
            ("out", "Fly Out", "Fly out of the photo, into its outpainted surroundings"),
        ),
    )
    motion: BoolProperty(  # type: ignore[valid-type]
        name="Move Clouds and Water",
        description="Animate clouds and water; otherwise everything stands still",
        default=DEFAULTS.motion,
    )
    seed: IntProperty(  # type: ignore[valid-type]
        name="Seed",
        description="Random seed of the inpainted parts",
        default=DEFAULTS.seed,
        min=0,
    )
    field_of_view: FloatProperty(  # type: ignore[valid-type]
        name="Field of View",
        translation_context=CONTEXT,
        description=(
            "Field of view of the photo along its longer side; a wrong angle makes the scene too "
            "deep or too flat. Only used if the file doesn't name its lens. 0 estimates it"
        ),
        default=DEFAULTS.field_of_view,
        min=0.0,
        max=MAX_FIELD_OF_VIEW,
        subtype="ANGLE",
    )
    nearest_distance: FloatProperty(  # type: ignore[valid-type]
        name="Nearest",
        description=(
            "Distance of the nearest point of the photo, in meters. It sets the unit scale of the "
            "scene, so that objects you measure and place have their true size. The image does not "
            "change"
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
        description="What Render Animation and the button beside Still write",
        items=(
            ("FILM", "Film", "One .mp4 file"),
            (
                "IMAGES",
                "Images",
                "One PNG file per frame, in a folder: for a render farm, editing and grading",
            ),
        ),
        get=_output,
        set=_set_output,
    )
    inpaint_model: EnumProperty(  # type: ignore[valid-type]
        name="Inpainting",
        description="Method that outpaints the surroundings of the photo and inpaints hidden parts",
        items=_backends("inpaint", "Continue textures of the photo: fast, no download"),
    )
    depth_model: EnumProperty(  # type: ignore[valid-type]
        name="Depth",
        description="Depth estimation method",
        items=_backends("depth", SCENE_NETWORK),
    )
    motion_model: EnumProperty(  # type: ignore[valid-type]
        name="Motion",
        description="Method that detects moving sky and water",
        items=_backends("motion", SCENE_NETWORK),
    )
    prompt: StringProperty(  # type: ignore[valid-type]
        name="Prompt",
        description="What to inpaint where the photo shows nothing, in words; may be empty",
    )
    negative_prompt: StringProperty(  # type: ignore[valid-type]
        name="Avoid", description="What not to inpaint, in words; may be empty"
    )
    steps: IntProperty(  # type: ignore[valid-type]
        name="Steps",
        description="Number of diffusion steps; more are finer and slower. The paper uses 45",
        default=QUALITIES["DRAFT"][1],
        min=1,
        soft_max=100,
        max=MAX_STEPS,
    )
    guidance: FloatProperty(  # type: ignore[valid-type]
        name="Guidance",
        description="How closely the inpainting follows the prompt. The paper uses 10",
        default=DEFAULTS.guidance,
        min=0.0,
        soft_max=20.0,
        max=MAX_GUIDANCE,
    )
    strength: FloatProperty(  # type: ignore[valid-type]
        name="Strength",
        description=(
            "1 inpaints freely; lower values stay closer to the observed colors, interpolated "
            "smoothly into the hole"
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
            "method Neural; may be empty"
        ),
        subtype="FILE_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )


def register() -> None:
    """Register the settings with every scene."""
    bpy.utils.register_class(Make4DSettings)
    bpy.types.Scene.make_4d = bpy.props.PointerProperty(type=Make4DSettings)


def unregister() -> None:
    """Unregister the settings."""
    del bpy.types.Scene.make_4d
    bpy.utils.unregister_class(Make4DSettings)
