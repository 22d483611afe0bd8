"""The settings of a job: a small dataclass that travels to the worker as JSON.

Its defaults and limits are the only ones: the scene's properties and the command's options read
them from here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ...geometry.core.messages import UserError
from .registry import BUILTIN, MODEL_STAGES, MODELS, ModelSpec

MIN_SIZE, MAX_SIZE = 64, 4096
"""Pixels of the longer side."""
MAX_FRAMES = 100_000
MIN_LOOP_FRAMES = 2
MAX_LAYERS = 8
MAX_SEED = 2**31 - 1
MIN_FIELD_OF_VIEW, MAX_FIELD_OF_VIEW = 0.1, 2.6
"""Radians."""
MAX_PROMPT = 20_000
"""Characters."""
MAX_STEPS = 500
"""Diffusion models are trained with 1000."""
MAX_GUIDANCE = 50.0
MIN_STRENGTH = 0.01
DEVICES = ("auto", "cuda", "mps", "cpu")
PER_LAYER = ("layer_seeds", "layer_prompts")
MAX_LAYER_SEED = 100_000
LAYER_SEED_STEP = 1009
"""How much one step of a layer's own seed adds to the seed the layer is inpainted with."""
DIFFUSION = ("prompt", "negative_prompt", "steps", "guidance", "strength")


SIZE_RANGE = "Size must be {least} to {most} pixels."
FRAMES_RANGE = "Frames must be {least} to {most}."
LOOP_RANGE = "The loop must have {least} to {most} frames."
LAYERS_RANGE = "Layers must be {least} (automatic) to {most}."
FLY_CHOICE = "Fly must be one of {choices}."
MARGIN_RANGE = "The margin must be {least} to {most} of the size."
FIELD_OF_VIEW_RANGE = "The field of view must be 6 to 148 degrees, or 0 (automatic)."
LAYER_DEPTH_CHOICE = "Layer depth must be one of {choices}."
SEED_RANGE = "The seed must be {least} to {most}."
LAYER_SEED_RANGE = "A layer's seed must be {least} to {most}."
NO_MODEL = "There is no {stage} model '{key}'. Choose one of {keys}."
PROMPT_LENGTH = "A prompt can have at most {most} characters."
STEPS_RANGE = "Steps must be {least} to {most}."
GUIDANCE_RANGE = "The guidance must be {least} to {most}."
STRENGTH_RANGE = "The strength must be {least} to {most}."


class SettingsError(UserError, ValueError):
    """A setting that can't be used; its text is one sentence for the artist."""


@dataclass(frozen=True)
class JobSettings:
    """Settings of one job.

    Attributes:
        photo: Path of the photo.
        size: Longer side of the film in pixels.
        frames: Length of the film.
        loop_frames: Frames after which the motion repeats.
        layers: Number of depth layers, 0 to choose it automatically.
        fly: Direction of the camera, "in" or "out".
        motion: Whether clouds and water move.
        seed: Seed of everything random.
        margin: Outpainted border as a fraction of `size`.
        field_of_view: Radians across the longer side, for photos that don't record their lens; 0 to
            estimate it.
        layer_depth: "aligned" (inpainted depth is fitted to observed depth) or "paper" (eq. 5).
        inpaint_model, depth_model, motion_model: Keys of the registry, or BUILTIN.
        prompt, negative_prompt, steps, guidance, strength: Options of a diffusion model. The paper
            uses 45 steps with a guidance of 10.
        networks: Path of the checkpoint with the paper's feature and decoder networks, or empty.
        layer_seeds: For each layer, nearest first, a number that changes how it is inpainted;
            missing entries are 0.
        layer_prompts: For each layer, nearest first, the prompt to use in place of `prompt`;
            missing entries are empty.
        edits: Path of a folder of edits (see `geometry.core.editable_images` and `motion_edits`),
            or empty.
    """

    photo: str
    size: int = 512
    frames: int = 60
    loop_frames: int = 60
    layers: int = 3
    fly: str = "in"
    motion: bool = True
    seed: int = 0
    margin: float = 0.25
    field_of_view: float = 0.0
    layer_depth: str = "aligned"
    inpaint_model: str = BUILTIN
    depth_model: str = BUILTIN
    motion_model: str = BUILTIN
    prompt: str = ""
    negative_prompt: str = ""
    steps: int = 45
    guidance: float = 10.0
    strength: float = 1.0
    networks: str = ""
    layer_seeds: tuple[int, ...] = ()
    layer_prompts: tuple[str, ...] = ()
    edits: str = ""

    def validate(self) -> None:
        """Raise SettingsError for the first setting that is out of range."""
        _check_range(self.size, MIN_SIZE, MAX_SIZE, SIZE_RANGE)
        _check_range(self.frames, 1, MAX_FRAMES, FRAMES_RANGE)
        _check_range(self.loop_frames, MIN_LOOP_FRAMES, MAX_FRAMES, LOOP_RANGE)
        _check_range(self.layers, 0, MAX_LAYERS, LAYERS_RANGE)
        _check_choice(self.fly, ("in", "out"), FLY_CHOICE)
        _check_range(self.margin, 0.0, 1.0, MARGIN_RANGE)
        if self.field_of_view:
            limits = MIN_FIELD_OF_VIEW, MAX_FIELD_OF_VIEW
            _check_range(self.field_of_view, *limits, FIELD_OF_VIEW_RANGE)
        _check_choice(self.layer_depth, ("aligned", "paper"), LAYER_DEPTH_CHOICE)
        _check_range(self.seed, 0, MAX_SEED, SEED_RANGE)
        for seed in self.layer_seeds:
            _check_range(seed, 0, MAX_LAYER_SEED, LAYER_SEED_RANGE)
        self._validate_models()

    def _validate_models(self) -> None:
        for stage in MODEL_STAGES:
            keys = [BUILTIN, *(m.key for m in MODELS if m.stage == stage)]
            if self.model_key(stage) not in keys:
                raise SettingsError(
                    NO_MODEL, stage=stage, key=self.model_key(stage), keys=", ".join(keys)
                )
        for prompt in (self.prompt, self.negative_prompt, *self.layer_prompts):
            _check_range(len(prompt), 0, MAX_PROMPT, PROMPT_LENGTH)
        _check_range(self.steps, 1, MAX_STEPS, STEPS_RANGE)
        _check_range(self.guidance, 0.0, MAX_GUIDANCE, GUIDANCE_RANGE)
        _check_range(self.strength, MIN_STRENGTH, 1.0, STRENGTH_RANGE)

    def model_key(self, stage: str) -> str:
        """Return the key of the model chosen for `inpaint`, `depth` or `motion`, or BUILTIN."""
        return str(getattr(self, f"{stage}_model"))

    def models(self) -> tuple[ModelSpec, ...]:
        """Return the pretrained models that the job uses."""
        chosen = {self.model_key(stage) for stage in MODEL_STAGES}
        return tuple(spec for spec in MODELS if spec.key in chosen)

    @property
    def needs_torch(self) -> bool:
        """Whether any network runs in this job."""
        return bool(self.models() or self.networks)

    def effective(self) -> JobSettings:
        """Return the same job with the settings that don't affect it at their defaults.

        A prompt that the built-in backend never reads, or a layer's seed of 0, is then no change.
        """
        changes: dict[str, Any] = {name: _trimmed(getattr(self, name)) for name in PER_LAYER}
        if self.inpaint_model == BUILTIN:
            unused = (*DIFFUSION, "layer_prompts")
            changes |= {f.name: f.default for f in fields(self) if f.name in unused}
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> JobSettings:
        """Invert `to_json`; raises TypeError for unknown keys."""
        tuples = {name: tuple(record[name]) for name in PER_LAYER if name in record}
        return cls(**(record | tuples))

    def seed_of(self, layer: int) -> int:
        """Return the seed that a layer is inpainted with."""
        own = self.layer_seeds[layer] if layer < len(self.layer_seeds) else 0
        return self.seed + layer + LAYER_SEED_STEP * own

    def prompt_of(self, layer: int) -> str:
        """Return the prompt that a layer is inpainted with."""
        own = self.layer_prompts[layer] if layer < len(self.layer_prompts) else ""
        return own or self.prompt

    def subset(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return the named settings alone; raises ValueError for a name that is no setting."""
        if unknown := set(names) - SETTING_NAMES:
            raise ValueError(f"unknown settings: {sorted(unknown)}")
        return {name: getattr(self, name) for name in names}


SETTING_NAMES = frozenset(field.name for field in fields(JobSettings))
DEFAULTS = JobSettings(photo="")
"""What a new scene and the command start with."""


@dataclass(frozen=True)
class Resources:
    """What a job may use; none of it changes the result.

    Attributes:
        models_folder: Where downloaded models are stored.
        use_hub_cache: Whether to look into the user's Hugging Face cache too.
        device: One of DEVICES.
        keep_models: Whether models stay in memory for the next stage and job.
    """

    models_folder: str = ""
    use_hub_cache: bool = True
    device: str = "auto"
    keep_models: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary."""
        return asdict(self)


def _trimmed(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return values of layers without trailing zeros and empty texts."""
    while values and not values[-1]:
        values = values[:-1]
    return values


def _check_range(value: float, least: float, most: float, template: str) -> None:
    if not least <= value <= most:
        raise SettingsError(template, least=least, most=most)


def _check_choice(value: str, choices: tuple[str, ...], template: str) -> None:
    if value not in choices:
        raise SettingsError(template, choices=", ".join(choices))
