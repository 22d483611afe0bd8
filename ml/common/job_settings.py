"""What an artist asks of a job: one small dataclass that travels to the worker as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ...geometry.core.messages import UserError
from .registry import BUILTIN, MODELS, STAGES, ModelSpec

MIN_SIZE, MAX_SIZE = 64, 4096
MAX_LAYERS = 8
MAX_PROMPT = 20_000
MAX_STEPS = 500  # of the 1000 that diffusion models are trained with
DEVICES = ("auto", "cuda", "mps", "cpu")
PER_LAYER = ("layer_seeds", "layer_prompts")
MAX_LAYER_SEED = 100_000
LAYER_SEEDS = 1009
"""By so much a layer's seed differs from that of its next painting."""
DIFFUSION = ("prompt", "negative_prompt", "steps", "guidance", "strength")


class SettingsError(UserError, ValueError):
    """A setting that can't be used; its text is one sentence for the artist."""


@dataclass(frozen=True)
class JobSettings:
    """Settings of one job.

    photo: path of the photograph; size: longer side of the film in pixels; frames: length of the
    film; loop_frames: frames after which the motion repeats; layers: number of depth layers, 0 for
    automatic; fly: 'in' or 'out'; motion: whether clouds and water move; seed: of everything
    random; margin: outpainted border as a share of `size`; field_of_view: radians across the
    longer side where the photo does not tell its lens; layer_depth: 'aligned' (invented depth
    fitted to what was seen) or 'paper' (eq. 5).

    inpaint_model, depth_model, motion_model: keys of the registry, or BUILTIN. prompt,
    negative_prompt, steps, guidance, strength: of a diffusion model; the paper takes 45 steps with
    a guidance of 10. networks: path of the paper's feature and decoder networks, or empty.
    layer_seeds, layer_prompts: for each layer from the nearest on, a number that paints it anew and
    what to paint behind it in place of the prompt; those missing are 0 and empty.
    edits: path of a folder of edits (see `geometry.core.pictures` and `motion_edits`), or empty.
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
    field_of_view: float = math.radians(55.0)
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
        """Raise SettingsError where a setting is out of its range."""
        sizes = {"least": MIN_SIZE, "most": MAX_SIZE}
        size_fits = MIN_SIZE <= self.size <= MAX_SIZE
        _check(size_fits, "Size must be {least} to {most} pixels.", **sizes)
        _check(1 <= self.frames <= 100_000, "Frames must be 1 to 100000.")
        _check(2 <= self.loop_frames <= 100_000, "The loop needs 2 to 100000 frames.")
        layers_fit = 0 <= self.layers <= MAX_LAYERS
        _check(layers_fit, "Layers must be 0 (automatic) to {most}.", most=MAX_LAYERS)
        _check(self.fly in ("in", "out"), "Fly must be 'in' or 'out'.")
        _check(0.0 <= self.margin <= 1.0, "The margin must be 0 to 1 of the size.")
        _check(0.1 <= self.field_of_view <= 2.6, "The field of view must be 6 to 150 degrees.")
        _check(self.layer_depth in ("aligned", "paper"), "Layer depth must be aligned or paper.")
        _check(0 <= self.seed < 2**31, "The seed must be 0 to 2147483647.")
        seeds_fit = all(0 <= number <= MAX_LAYER_SEED for number in self.layer_seeds)
        _check(seeds_fit, "A layer's seed must be 0 to {most}.", most=MAX_LAYER_SEED)
        self._validate_models()

    def _validate_models(self) -> None:
        for stage in STAGES:
            observed = [BUILTIN, *(m.key for m in MODELS if m.stage == stage)]
            key = self.model_key(stage)
            names = {"stage": stage, "key": key, "observed": ", ".join(observed)}
            _check(key in observed, "There is no {stage} model '{key}': choose {known}.", **names)
        prompts = (self.prompt, self.negative_prompt, *self.layer_prompts)
        longest = max(map(len, prompts))
        _check(
            longest <= MAX_PROMPT, "A prompt may have {most} characters at most.", most=MAX_PROMPT
        )
        _check(1 <= self.steps <= MAX_STEPS, "Steps must be 1 to {most}.", most=MAX_STEPS)
        _check(0.0 <= self.guidance <= 50.0, "The guidance must be 0 to 50.")
        _check(0.01 <= self.strength <= 1.0, "The strength must be 0.01 to 1.")

    def model_key(self, stage: str) -> str:
        """Key of the model chosen for `inpaint`, `depth` or `motion`; BUILTIN for none."""
        return str(getattr(self, f"{stage}_model"))

    def models(self) -> tuple[ModelSpec, ...]:
        """The pretrained models that the job needs."""
        chosen = {self.model_key(stage) for stage in STAGES}
        return tuple(spec for spec in MODELS if spec.key in chosen)

    @property
    def needs_torch(self) -> bool:
        """Whether any network runs in this job."""
        return bool(self.models() or self.networks)

    def effective(self) -> JobSettings:
        """The same job, with settings that don't matter to it at their defaults.

        So that neither a prompt which the built-in way never reads nor a layer's seed of 0 counts
        as a change.
        """
        changes: dict[str, Any] = {name: _trimmed(getattr(self, name)) for name in PER_LAYER}
        if self.inpaint_model == BUILTIN:
            words = (*DIFFUSION, "layer_prompts")
            changes |= {f.name: f.default for f in fields(self) if f.name in words}
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> JobSettings:
        """The inverse of `to_json`; unknown keys are refused with a TypeError."""
        several = {name: tuple(record[name]) for name in PER_LAYER if name in record}
        return cls(**(record | several))

    def seed_of(self, layer: int) -> int:
        """The seed with which a layer is painted."""
        extra = self.layer_seeds[layer] if layer < len(self.layer_seeds) else 0
        return self.seed + layer + LAYER_SEEDS * extra

    def prompt_of(self, layer: int) -> str:
        """What to paint in a layer, in words."""
        own = self.layer_prompts[layer] if layer < len(self.layer_prompts) else ""
        return own or self.prompt

    def subset(self, names: tuple[str, ...]) -> dict[str, Any]:
        """The named settings alone, for a stage's cache key."""
        observed = {field.name for field in fields(self)}
        assert observed.issuperset(names), f"unknown settings {set(names) - observed}"
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Resources:
    """What a job may use, none of which changes its result.

    models_folder: where downloaded models lie; use_hub_cache: look into the user's Hugging Face
    cache too; device: of DEVICES; keep_models: keep models in memory for the next stage and job.
    """

    models_folder: str = ""
    use_hub_cache: bool = True
    device: str = "auto"
    keep_models: bool = False

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)


def _trimmed(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Values of layers without the zeros and blanks that they end in."""
    while values and not values[-1]:
        values = values[:-1]
    return values


def _check(condition: bool, message: str, **values: object) -> None:
    if not condition:
        raise SettingsError(message, **values)
