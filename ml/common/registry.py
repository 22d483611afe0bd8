"""The registry of pretrained models: plain data, the same for Blender and the worker.

A revision is a commit of the model's repository on the hub, so that the files loaded are those
chosen here, whatever its owners change later; the hub names every large file of a commit by its
SHA-256.
"""

from __future__ import annotations

from dataclasses import dataclass

MODEL_STAGES = ("inpaint", "depth", "motion")
"""Kinds of models: what they are for, also the name of their setting without `_model`."""
BUILTIN = "builtin"
"""The backend of every stage that needs no model."""


@dataclass(frozen=True)
class ModelSpec:
    """One pretrained model.

    Attributes:
        key: Name in settings and on the command line.
        stage: "inpaint", "depth" or "motion".
        label: Name for the artist.
        hub_id, revision: Repository and commit on the hub.
        license: Name of the license, SPDX if it has one.
        license_url: Its text.
        download_mb: Size of `files`.
        memory_mb: GPU memory in half precision, at the native size.
        native_size: Side in pixels that it was trained with.
        files: Patterns of the files needed from the repository.
        variant: Kind of weight files, "fp16" or empty for the plain ones.
        note: What it is good for, in one line.
    """

    key: str
    stage: str
    label: str
    hub_id: str
    revision: str
    license: str
    license_url: str
    download_mb: int
    memory_mb: int
    native_size: int
    files: tuple[str, ...]
    variant: str = ""
    note: str = ""


# The files of a pipeline that inpainting needs, in half precision.
_PIPELINE = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "tokenizer/*.json",
    "tokenizer/*.txt",
    "text_encoder/config.json",
    "text_encoder/model.fp16.safetensors",
    "unet/config.json",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.fp16.safetensors",
)
_SECOND_TEXT_ENCODER = (
    "tokenizer_2/*.json",
    "tokenizer_2/*.txt",
    "text_encoder_2/config.json",
    "text_encoder_2/model.fp16.safetensors",
)
_NETWORK = ("config.json", "preprocessor_config.json", "model.safetensors")

_APACHE = "https://www.apache.org/licenses/LICENSE-2.0"

MODELS: tuple[ModelSpec, ...] = (
    # The paper's model, from a mirror: stabilityai/stable-diffusion-2-inpainting left the hub.
    ModelSpec(
        key="sd2-inpaint",
        stage="inpaint",
        label="Stable Diffusion 2 Inpainting",
        hub_id="sd2-community/stable-diffusion-2-inpainting",
        revision="5f74973cbb64c8568780732c17f43eb269d63a0d",
        license="CreativeML Open RAIL++-M",
        license_url="https://github.com/Stability-AI/stablediffusion/blob/main/LICENSE-MODEL",
        download_mb=2582,
        memory_mb=4000,
        native_size=512,
        files=_PIPELINE,
        variant="fp16",
        note="The paper's model; works at 512 pixels.",
    ),
    ModelSpec(
        key="sd15-inpaint",
        stage="inpaint",
        label="Stable Diffusion 1.5 Inpainting",
        hub_id="stable-diffusion-v1-5/stable-diffusion-inpainting",
        revision="8a4288a76071f7280aedbdb3253bdb9e9d5d84bb",
        license="CreativeML Open RAIL-M",
        license_url="https://huggingface.co/spaces/CompVis/stable-diffusion-license",
        download_mb=2135,
        memory_mb=3500,
        native_size=512,
        files=_PIPELINE,
        variant="fp16",
        note="The smallest of the three.",
    ),
    ModelSpec(
        key="sdxl-inpaint",
        stage="inpaint",
        label="Stable Diffusion XL Inpainting",
        hub_id="diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
        revision="115134f363124c53c7d878647567d04daf26e41e",
        license="CreativeML Open RAIL++-M",
        license_url="https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md",
        download_mb=6942,
        memory_mb=11000,
        native_size=1024,
        files=_PIPELINE + _SECOND_TEXT_ENCODER,
        variant="fp16",
        note="Works at 1024 pixels, for finer detail; needs a GPU with 12 GB.",
    ),
    ModelSpec(
        key="depth-anything-v2-small",
        stage="depth",
        label="Depth Anything V2 Small",
        hub_id="depth-anything/Depth-Anything-V2-Small-hf",
        revision="5426e4f0f36572d16453bbda7a8389317b1bef99",
        license="Apache-2.0",
        license_url=_APACHE,
        download_mb=100,
        memory_mb=300,
        native_size=518,
        files=_NETWORK,
        note="Small, with sharp edges; also suitable without a GPU.",
    ),
    # The paper's model. This commit is a pull request of the hub's conversion bot: the main branch
    # has the weights only as a pickle.
    ModelSpec(
        key="dpt-hybrid",
        stage="depth",
        label="DPT Hybrid (MiDaS)",
        hub_id="Intel/dpt-hybrid-midas",
        revision="17fb43d4437eb62c260a593400db13c22b04511a",
        license="Apache-2.0",
        license_url=_APACHE,
        download_mb=490,
        memory_mb=500,
        native_size=384,
        files=_NETWORK,
        note="The paper's model.",
    ),
    ModelSpec(
        key="dpt-large",
        stage="depth",
        label="DPT Large (MiDaS)",
        hub_id="Intel/dpt-large",
        revision="bc15f29aa3a80d532f2ed650b5e16ac48d8958f9",
        license="Apache-2.0",
        license_url=_APACHE,
        download_mb=1368,
        memory_mb=1000,
        native_size=384,
        files=_NETWORK,
        note="Larger variant of the paper's model.",
    ),
    # Its page on the hub states no license; the authors publish the same weights, and all their
    # small models, under this one.
    ModelSpec(
        key="depth-anything-v2-metric",
        stage="depth",
        label="Depth Anything V2 Metric Outdoor Small",
        hub_id="depth-anything/Depth-Anything-V2-Metric-Outdoor-Small-hf",
        revision="fd2c22027eaf20374204f14099b8341e1925ad39",
        license="Apache-2.0",
        license_url="https://github.com/DepthAnything/Depth-Anything-V2/blob/main/LICENSE",
        download_mb=100,
        memory_mb=300,
        native_size=518,
        files=_NETWORK,
        note="Depth in meters, outdoors, up to 80 m.",
    ),
    ModelSpec(
        key="depth-pro",
        stage="depth",
        label="Depth Pro",
        hub_id="apple/DepthPro-hf",
        revision="de816c8ce7168afcb231f96d501d72b869d0beda",
        license="Research only: Apple ML Research Model (apple-amlr)",
        license_url="https://huggingface.co/apple/DepthPro/blob/main/LICENSE",
        download_mb=1905,
        memory_mb=4500,
        native_size=1536,
        files=_NETWORK,
        note="Depth in meters and the focal length. Not for commercial work.",
    ),
    ModelSpec(
        key="upernet-convnext-tiny",
        stage="motion",
        label="UPerNet ConvNeXt Tiny",
        hub_id="openmmlab/upernet-convnext-tiny",
        revision="876ffc56b819a829448f7e81e9f8606deef6fb65",
        license="MIT",
        license_url="https://opensource.org/license/mit",
        download_mb=242,
        memory_mb=500,
        native_size=512,
        files=_NETWORK,
        note="Detects sky, water and falling water.",
    ),
    ModelSpec(
        key="segformer-b0",
        stage="motion",
        label="SegFormer B0",
        hub_id="nvidia/segformer-b0-finetuned-ade-512-512",
        revision="489d5cd81a0b59fab9b7ea758d3548ebe99677da",
        license="Research only: NVIDIA Source Code License",
        license_url="https://github.com/NVlabs/SegFormer/blob/master/LICENSE",
        download_mb=16,
        memory_mb=300,
        native_size=512,
        files=_NETWORK,
        note="Detects the same, less accurately; tiny. Not for commercial work.",
    ),
)


def models_for(stage: str) -> tuple[ModelSpec, ...]:
    """Return the models of a stage, the recommended one first."""
    return tuple(model for model in MODELS if model.stage == stage)


def model(key: str) -> ModelSpec:
    """Return the model with a key; raises KeyError."""
    return {spec.key: spec for spec in MODELS}[key]
