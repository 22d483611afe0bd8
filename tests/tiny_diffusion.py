"""Tiny inpainting models of diffusers' and transformers' own classes, in the hub's layout.

`save_tiny_sd` writes a folder that loads like Stable Diffusion's inpainting models, with about ten
thousand random weights: the result is noise, but every step is the real one.
"""

from __future__ import annotations

import contextlib
import gc
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from make_4d.ml.common.registry import ModelSpec
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

TOKENS = 77
WIDTH = 16
HEADS = 2
TIME_WIDTH = 4
SCHEDULERS: dict[str, Any] = {
    "ddim": DDIMScheduler,
    "pndm": PNDMScheduler,
    "euler": EulerDiscreteScheduler,
}


def tiny_spec(native_size: int = 64, memory_mb: int = 8, **changes: Any) -> ModelSpec:
    """Return a registry entry for a tiny model; `changes` replace fields of ModelSpec."""
    fields: dict[str, Any] = {
        "key": "tiny",
        "stage": "inpaint",
        "label": "Tiny Inpainting",
        "hub_id": "nobody/tiny",
        "revision": "0" * 40,
        "license": "MIT",
        "license_url": "",
        "download_mb": 1,
        "memory_mb": memory_mb,
        "native_size": native_size,
        "files": ("*.json", "*.safetensors", "*.txt"),
    }
    return ModelSpec(**(fields | changes))


@contextlib.contextmanager
def fast_tests() -> Iterator[None]:
    """Run on one thread, which is faster for tiny networks, and keep the garbage collector from
    scanning the libraries whenever a model is freed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    torch.set_num_threads(threads)


def save_tiny_sd(
    folder: Path,
    variant: str = "",
    sdxl: bool = False,
    prediction: str = "epsilon",
    scheduler: str = "pndm",
    factor: int = 8,
    in_channels: int = 9,
    seed: int = 0,
    safety_entry: bool = True,
) -> Path:
    """Save a tiny inpainting pipeline in `folder` and return the folder.

    Args:
        folder: Where to save.
        variant: "fp16" writes half-precision files of that name, "" plain single-precision ones.
        sdxl: Save a StableDiffusionXLInpaintPipeline with two text encoders.
        prediction: `epsilon` or `v_prediction`, stored in the scheduler's configuration.
        scheduler: A key of SCHEDULERS.
        factor: Pixels per latent, a power of 2.
        in_channels: Input channels of the U-Net: 9 for inpainting, 4 for text to image.
        seed: Seed of the weights.
        safety_entry: Name an absent safety checker, like SD 1.5's model_index.json after a download
            without it.
    """
    torch.manual_seed(seed)
    parts: dict[str, Any] = {
        "vae": _autoencoder(factor, sdxl),
        "unet": _unet(in_channels, sdxl),
        "scheduler": _scheduler(scheduler, prediction),
        "text_encoder": CLIPTextModel(_text_config()).eval(),
        "tokenizer": tiny_tokenizer(),
    }
    if sdxl:
        parts["text_encoder_2"] = CLIPTextModelWithProjection(_text_config()).eval()
        parts["tokenizer_2"] = parts["tokenizer"]
        pipeline: Any = StableDiffusionXLInpaintPipeline(**parts, add_watermarker=False)
    else:
        absent = {"safety_checker": None, "feature_extractor": None}
        pipeline = StableDiffusionInpaintPipeline(**parts, **absent, requires_safety_checker=False)
    if variant:
        pipeline.to(torch.float16)
    _save(pipeline, folder, variant)
    if safety_entry and not sdxl:
        _name_safety_checker(folder)
    return folder


def tiny_tokenizer() -> CLIPTokenizer:
    """CLIP's tokenizer with one token per byte and no merges, so that it accepts any script."""
    with tempfile.TemporaryDirectory() as name:
        _write_vocabulary(Path(name))
        return CLIPTokenizer.from_pretrained(name, model_max_length=TOKENS)


def byte_characters() -> list[str]:
    """Return the printable character that byte-level BPE assigns to each of the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    remaining = [byte for byte in range(256) if byte not in printable]
    table = {byte: chr(byte) for byte in printable}
    table |= {byte: chr(256 + i) for i, byte in enumerate(remaining)}
    return [table[byte] for byte in range(256)]


def _autoencoder(factor: int, sdxl: bool) -> AutoencoderKL:
    levels = factor.bit_length()
    return AutoencoderKL(
        block_out_channels=(8,) * levels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=1,
        norm_num_groups=2,
        latent_channels=4,
        sample_size=64,
        force_upcast=sdxl,
    ).eval()


def _unet(in_channels: int, sdxl: bool) -> UNet2DConditionModel:
    extra: dict[str, Any] = {}
    if sdxl:
        extra = {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": TIME_WIDTH,
            "projection_class_embeddings_input_dim": WIDTH + 6 * TIME_WIDTH,
        }
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=in_channels,
        out_channels=4,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=2,
        attention_head_dim=HEADS,
        cross_attention_dim=2 * WIDTH if sdxl else WIDTH,
        **extra,
    ).eval()


def _scheduler(name: str, prediction: str) -> Any:
    return SCHEDULERS[name](
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        num_train_timesteps=1000,
        steps_offset=1,
        prediction_type=prediction,
        **({"skip_prk_steps": True} if name == "pndm" else {}),
    )


def _text_config() -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=514,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        projection_dim=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        max_position_embeddings=TOKENS,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
    )


def _write_vocabulary(folder: Path) -> None:
    characters = byte_characters()
    tokens = [
        *characters,
        *(f"{character}</w>" for character in characters),
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    vocabulary = {word: i for i, word in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")


def _save(pipeline: Any, folder: Path, variant: str) -> None:
    """Save with the tokenizers' files like the hub's older repositories."""
    pipeline.save_pretrained(str(folder), safe_serialization=True, variant=variant or None)
    for tokens in folder.glob("tokenizer*"):
        (tokens / "tokenizer.json").unlink()
        _write_vocabulary(tokens)


def _name_safety_checker(folder: Path) -> None:
    index = folder / "model_index.json"
    record = json.loads(index.read_text(encoding="utf-8"))
    record["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    record["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    record["requires_safety_checker"] = True
    index.write_text(json.dumps(record, indent=2), encoding="utf-8")
