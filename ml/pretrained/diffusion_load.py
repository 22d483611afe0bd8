"""Loads an inpainting pipeline from a folder in the hub's layout, and refuses what isn't one.

Nothing here opens a socket, unpickles, or runs code of the folder: the components' classes are
named here, and weights are read from safetensors alone.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import safe_open

from ..common.errors import ModelError
from ..common.registry import ModelSpec
from ..models.device import is_out_of_memory

PIPELINES = ("StableDiffusionInpaintPipeline", "StableDiffusionXLInpaintPipeline")
NETWORKS = {
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
}
TOKENIZERS = ("tokenizer", "tokenizer_2")
LEFT_OUT = ("safety_checker", "feature_extractor", "image_encoder")
"""Components that inpainting doesn't need; folders name them even where they are absent."""


class WatchedDDIM(diffusers.DDIMScheduler):
    """DDIM that keeps its last prediction of the finished latents, for previews."""

    predicted: torch.Tensor | None = None

    def step(self, *arguments: Any, **options: Any) -> Any:
        """As DDIMScheduler.step with return_dict=False."""
        result = super().step(*arguments, **options)
        self.predicted = result[1]
        return result


def load_pipeline(folder: Path, spec: ModelSpec, dtype: torch.dtype) -> Any:
    """The diffusers pipeline of `folder` in the computer's memory, with a DDIM scheduler.

    Raises ModelError where the folder holds no inpainting model or a damaged one; errors of memory
    pass through.
    """
    keep_quiet()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            index = _checked_index(folder, spec)
            pipeline = _assembled(folder, spec, dtype, index)
        _check_fit(pipeline, spec)
    except Exception as error:
        if isinstance(error, ModelError) or is_out_of_memory(error):
            raise
        raise ModelError(
            "{label} can't be loaded because its files don't fit together or are damaged; "
            "press Download again.",
            label=spec.label,
        ) from error
    return pipeline


def keep_quiet() -> None:
    """No progress bars and warnings of the libraries: progress is the worker's to tell."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity(diffusers.utils.logging.CRITICAL)
    diffusers.utils.logging.disable_progress_bar()


def _checked_index(folder: Path, spec: ModelSpec) -> dict[str, Any]:
    """The folder's model_index.json, of a known pipeline whose files are there and whole."""
    file = folder / "model_index.json"
    if not file.is_file():
        raise ModelError(
            "{label} is not in its folder; press Download in the Models panel.", label=spec.label
        )
    index = json.loads(file.read_text(encoding="utf-8"))
    if index.get("_class_name") not in PIPELINES:
        raise _another_kind(spec)
    networks = {name: kind for name, kind in NETWORKS.items() if name in index}
    for name, kind in networks.items():
        if tuple(index[name]) != kind:
            raise ValueError(f"{name} is a {index[name]}")
        for weights in weight_files(folder / name, spec.variant):
            _check_weights(weights, spec)
    _check_tokenizers(folder, index)
    return index


def _another_kind(spec: ModelSpec) -> ModelError:
    return ModelError(
        "{label} can't paint into a photo because its folder holds another kind of model; "
        "press Download again or choose another model.",
        label=spec.label,
    )


def weight_files(folder: Path, variant: str) -> list[Path]:
    """The safetensors of a network in `folder`, of the variant where there are any."""
    files = sorted(folder.glob("*.safetensors"))
    chosen = [file for file in files if variant and f".{variant}" in file.name]
    return chosen or [file for file in files if file.name.count(".") == 1]


def _check_weights(file: Path, spec: ModelSpec) -> None:
    """Read a weight file's table of contents, which tells its length too."""
    try:
        with safe_open(file, framework="pt") as weights:
            weights.keys()
    except Exception as error:
        raise ModelError(
            "{label} can't be loaded because {file} is damaged; press Download again.",
            label=spec.label,
            file=f"{file.parent.name}/{file.name}",
        ) from error


def _check_tokenizers(folder: Path, index: dict[str, Any]) -> None:
    """transformers makes an empty tokenizer of a folder that isn't there, so look first."""
    for name in TOKENIZERS:
        if name in index and not any(
            (folder / name / file).is_file() for file in ("vocab.json", "tokenizer.json")
        ):
            raise FileNotFoundError(f"{name} has no words")


def _assembled(folder: Path, spec: ModelSpec, dtype: torch.dtype, index: dict[str, Any]) -> Any:
    parts: dict[str, Any] = {name: None for name in LEFT_OUT if name in index}
    for name in NETWORKS:
        if name in index:
            parts[name] = _network(folder / name, spec.variant, dtype, NETWORKS[name])
    if "safety_checker" in parts:
        parts["requires_safety_checker"] = False
    if "text_encoder_2" in parts:
        parts["add_watermarker"] = False
    pipeline = diffusers.AutoPipelineForInpainting.from_pretrained(
        str(folder), local_files_only=True, use_safetensors=True, dtype=dtype, **parts
    )
    # Latents have no bounds, so nothing is clipped where the model's own scheduler doesn't say.
    pipeline.scheduler = WatchedDDIM.from_config(pipeline.scheduler.config, clip_sample=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _network(folder: Path, variant: str, dtype: torch.dtype, kind: tuple[str, str]) -> Any:
    """One network, complete: a weight that its files lack would be a random one."""
    chosen = weight_files(folder, variant)
    named = variant if variant and any(f".{variant}" in file.name for file in chosen) else None
    library = diffusers if kind[0] == "diffusers" else transformers
    network, report = getattr(library, kind[1]).from_pretrained(
        str(folder),
        local_files_only=True,
        use_safetensors=True,
        variant=named,
        output_loading_info=True,
        dtype=dtype,
    )
    if report["missing_keys"]:
        raise ValueError(f"{folder.name} lacks {sorted(report['missing_keys'])[:3]}")
    return network.eval()


def _check_fit(pipeline: Any, spec: ModelSpec) -> None:
    """Refuse networks that can't work together on inpainting.

    An inpainting U-Net sees latents, mask and the latents of what is known: 2 C + 1 channels.
    """
    if pipeline.unet.config.in_channels != 2 * pipeline.vae.config.latent_channels + 1:
        raise _another_kind(spec)
    encoders = [getattr(pipeline, name, None) for name in ("text_encoder", "text_encoder_2")]
    width = sum(encoder.config.hidden_size for encoder in encoders if encoder is not None)
    if pipeline.unet.config.cross_attention_dim != width:
        raise ValueError(f"the text's {width} channels don't fit the U-Net")
    for name, encoder in zip(TOKENIZERS, encoders, strict=True):
        if encoder is not None:
            tokenizer = getattr(pipeline, name)
            length = encoder.config.max_position_embeddings
            tokenizer.model_max_length = min(tokenizer.model_max_length, length)
