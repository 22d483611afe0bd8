"""Load an inpainting pipeline from a folder in the hub's layout, and reject anything else.

Nothing here opens a socket, unpickles, or runs code from the folder: the classes of the components
are named here, and weights are read from safetensors only.
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

DAMAGED = (
    "{label} can't be loaded because its files don't fit together or are damaged; press Download "
    "again."
)
DAMAGED_FILE = "{label} can't be loaded because {file} is damaged; press Download again."
NOT_FOUND = "{label} is not in its folder; press Download in the Models panel."
WRONG_KIND = (
    "{label} can't inpaint because its folder holds another kind of model; press Download again or "
    "choose another model."
)

PIPELINES = ("StableDiffusionInpaintPipeline", "StableDiffusionXLInpaintPipeline")
"""Supported pipeline classes."""
NETWORKS = {
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
}
"""Library and class of each network."""
TOKENIZERS = ("tokenizer", "tokenizer_2")
OMITTED_COMPONENTS = ("safety_checker", "feature_extractor", "image_encoder")
"""Components that inpainting doesn't need. Folders name them even if they are absent."""


class PreviewDDIM(diffusers.DDIMScheduler):
    """DDIM that keeps its last prediction of the final latents, for previews."""

    predicted: torch.Tensor | None = None

    def step(self, *arguments: Any, **options: Any) -> Any:
        """Same as DDIMScheduler.step with return_dict=False."""
        result = super().step(*arguments, **options)
        self.predicted = result[1]
        return result


def load_pipeline(folder: Path, spec: ModelSpec, dtype: torch.dtype) -> Any:
    """Load a diffusers pipeline into the computer's memory, with a DDIM scheduler.

    Args:
        folder: The model's folder in the hub's layout.
        spec: The model's registry entry.
        dtype: Precision of the networks.

    Raises ModelError if the folder holds no inpainting model or a damaged one. Out-of-memory errors
    pass through.
    """
    silence_libraries()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            index = _checked_index(folder, spec)
            pipeline = _assemble(folder, spec, dtype, index)
        _check_compatibility(pipeline, spec)
    except Exception as error:
        if isinstance(error, ModelError) or is_out_of_memory(error):
            raise
        raise ModelError(DAMAGED, label=spec.label) from error
    return pipeline


def silence_libraries() -> None:
    """Disable progress bars and warnings of the libraries; the worker reports progress itself."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity(diffusers.utils.logging.CRITICAL)
    diffusers.utils.logging.disable_progress_bar()


def _checked_index(folder: Path, spec: ModelSpec) -> dict[str, Any]:
    """Return the folder's model_index.json if its pipeline is supported and complete."""
    file = folder / "model_index.json"
    if not file.is_file():
        raise ModelError(NOT_FOUND, label=spec.label)
    index = json.loads(file.read_text(encoding="utf-8"))
    if index.get("_class_name") not in PIPELINES:
        raise _wrong_kind(spec)
    networks = {name: class_path for name, class_path in NETWORKS.items() if name in index}
    for name, class_path in networks.items():
        if tuple(index[name]) != class_path:
            raise ValueError(f"{name} is a {index[name]}")
        for weights in weight_files(folder / name, spec.variant):
            _check_weights(weights, spec)
    _check_tokenizers(folder, index)
    return index


def _wrong_kind(spec: ModelSpec) -> ModelError:
    return ModelError(WRONG_KIND, label=spec.label)


def weight_files(folder: Path, variant: str) -> list[Path]:
    """Return the safetensors files of a network, those of the variant if there are any."""
    files = sorted(folder.glob("*.safetensors"))
    variant_files = [file for file in files if variant and f".{variant}" in file.name]
    return variant_files or [file for file in files if file.name.count(".") == 1]


def _check_weights(file: Path, spec: ModelSpec) -> None:
    """Read a weight file's header, which gives its length; raise ModelError if it is damaged."""
    try:
        with safe_open(file, framework="pt") as weights:
            weights.keys()
    except Exception as error:
        name = f"{file.parent.name}/{file.name}"
        raise ModelError(DAMAGED_FILE, label=spec.label, file=name) from error


def _check_tokenizers(folder: Path, index: dict[str, Any]) -> None:
    """Raise FileNotFoundError for a missing tokenizer, which transformers would leave empty."""
    for name in TOKENIZERS:
        if name in index and not any(
            (folder / name / file).is_file() for file in ("vocab.json", "tokenizer.json")
        ):
            raise FileNotFoundError(f"{name} has no words")


def _assemble(folder: Path, spec: ModelSpec, dtype: torch.dtype, index: dict[str, Any]) -> Any:
    """Assemble the pipeline from its networks."""
    components: dict[str, Any] = {name: None for name in OMITTED_COMPONENTS if name in index}
    for name in NETWORKS:
        if name in index:
            components[name] = _network(folder / name, spec.variant, dtype, NETWORKS[name])
    if "safety_checker" in components:
        components["requires_safety_checker"] = False
    if "text_encoder_2" in components:
        components["add_watermarker"] = False
    pipeline = diffusers.AutoPipelineForInpainting.from_pretrained(
        str(folder), local_files_only=True, use_safetensors=True, dtype=dtype, **components
    )
    # Latents are unbounded, so nothing is clipped unless the model's own scheduler says so.
    pipeline.scheduler = PreviewDDIM.from_config(pipeline.scheduler.config, clip_sample=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _network(folder: Path, variant: str, dtype: torch.dtype, class_path: tuple[str, str]) -> Any:
    """Load one complete network; weights missing from its files would be random otherwise."""
    files = weight_files(folder, variant)
    used_variant = (
        variant if variant and any(f".{variant}" in file.name for file in files) else None
    )
    library = diffusers if class_path[0] == "diffusers" else transformers
    network, loading_info = getattr(library, class_path[1]).from_pretrained(
        str(folder),
        local_files_only=True,
        use_safetensors=True,
        variant=used_variant,
        output_loading_info=True,
        dtype=dtype,
    )
    if loading_info["missing_keys"]:
        raise ValueError(f"{folder.name} lacks {sorted(loading_info['missing_keys'])[:3]}")
    return network.eval()


def _check_compatibility(pipeline: Any, spec: ModelSpec) -> None:
    """Reject networks that can't be combined for inpainting.

    An inpainting U-Net receives latents, mask and the latents of the observed part: 2 C + 1
    channels.
    """
    if pipeline.unet.config.in_channels != 2 * pipeline.vae.config.latent_channels + 1:
        raise _wrong_kind(spec)
    encoders = [getattr(pipeline, name, None) for name in ("text_encoder", "text_encoder_2")]
    width = sum(encoder.config.hidden_size for encoder in encoders if encoder is not None)
    if pipeline.unet.config.cross_attention_dim != width:
        raise ValueError(f"the text's {width} channels don't fit the U-Net")
    for name, encoder in zip(TOKENIZERS, encoders, strict=True):
        if encoder is not None:
            tokenizer = getattr(pipeline, name)
            length = encoder.config.max_position_embeddings
            tokenizer.model_max_length = min(tokenizer.model_max_length, length)
