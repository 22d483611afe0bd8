"""Tiny networks of the transformers library, saved like on the hub, to test the real code path.

Each function creates a network of about ten thousand weights with the library's own classes, saves
it with its image processor into `folder` (config.json, model.safetensors,
preprocessor_config.json), creating the folder if needed, and returns it. The weights are seeded.

All layers but the last are random. The last is fitted by least squares to synthetic images, so that
SegFormer distinguishes sky, ground and water by color, and DPT and Depth Anything roughly near and
far. The depths of Depth Pro and ZoeDepth mean little.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import transformers
from make_4d.ml.common.context import Context
from make_4d.ml.common.registry import ModelSpec
from torch.nn.functional import interpolate
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil
from transformers.models.segformer.image_processing_pil_segformer import (
    SegformerImageProcessorPil,
)
from transformers.models.zoedepth.image_processing_pil_zoedepth import ZoeDepthImageProcessorPil

SIDE = 64
FIELD_OF_VIEW = 60.0
"""Field of view in degrees that the tiny Depth Pro predicts, approximately."""
MAX_METERS = 20
"""Maximum depth of the tiny metric Depth Anything."""
SKY_METERS = 18.0
LABELS = ("wall", "sky", "tree", "water", "waterfall, falls", "skyscraper")
COLORS = {
    "wall": (0.5, 0.4, 0.3),
    "sky": (0.5, 0.7, 0.95),
    "tree": (0.15, 0.4, 0.1),
    "water": (0.1, 0.25, 0.45),
    "waterfall, falls": (0.9, 0.95, 0.95),
    "skyscraper": (0.75, 0.3, 0.3),
}
"""sRGB of the classes in synthetic images; other labels are gray."""
DINO = {
    "model_type": "dinov2",
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "mlp_ratio": 2,
}
NECK = {"neck_hidden_sizes": [8, 8, 8, 8], "fusion_hidden_size": 8, "initializer_range": 0.3}


def tiny_spec(stage: str, key: str = "tiny") -> ModelSpec:
    """Return a registry entry for a tiny network of a stage, with the label Tiny."""
    commit = "0" * 40
    files = ("*.json", "*.safetensors")
    return ModelSpec(key, stage, "Tiny", "make4d/tiny", commit, "MIT", "", 1, 1, SIDE, files)


class Watcher:
    """A context that records its reports.

    `reports` is a list of (fraction, detail). The job is cancelled from report number `cancel_at`
    on.
    """

    def __init__(self, cancel_at: int | None = None) -> None:
        self.reports: list[tuple[float, str]] = []
        self._cancel_at = cancel_at
        self.context = Context(lambda *report: self.reports.append(report), self._is_cancelled)

    def details(self) -> str:
        """Return the details of all reports, one per line."""
        return "\n".join(detail for _, detail in self.reports)

    def _is_cancelled(self) -> bool:
        return self._cancel_at is not None and len(self.reports) >= self._cancel_at


def synthetic_image(rng: np.random.Generator, size: int = SIDE, labels: tuple[str, ...] = LABELS):
    """Return an image (size, size, 3) float32, 0..1, and the class (size, size) of every pixel.

    Sky above a horizon; below it ground of one class ("wall") with a patch of each other one. A
    tower rises into the sky.
    """
    others = [i for i, label in enumerate(labels) if label != "sky"]
    classes = np.full((size, size), others[0])
    horizon = rng.integers(size // 4, size // 2)
    if "sky" in labels:
        classes[:horizon] = labels.index("sky")
    for i in others[1:]:
        top, left = rng.integers(horizon, size - 8), rng.integers(0, size - 16)
        classes[top : top + size // 4, left : left + size // 4] = i
    left = rng.integers(0, size - 8)
    classes[horizon // 2 : horizon, left : left + 8] = others[0]
    palette = np.array([COLORS.get(label, (0.5, 0.5, 0.5)) for label in labels])
    image = palette[classes] + rng.normal(0, 0.02, (size, size, 3))
    return np.clip(image, 0, 1).astype(np.float32), classes


def inverse_depth(classes: np.ndarray, sky: int = 1) -> np.ndarray:
    """Return the inverse depth (size, size) of a synthetic image: 0 in the sky, growing downward to
    1."""
    ramp = np.linspace(0.1, 1.0, len(classes), dtype=np.float32)[:, None]
    return np.where(classes == sky, 0.0, np.repeat(ramp, classes.shape[1], 1)).astype(np.float32)


def save_tiny_dpt(folder: Path, hybrid: bool = False) -> Path:
    """DPT for relative inverse depth: `hybrid` with a BiT backbone, like Intel/dpt-hybrid-midas,
    else plain, like Intel/dpt-large."""
    torch.manual_seed(1)
    extra: dict = {}
    if hybrid:
        extra["backbone_config"] = {
            "model_type": "bit",
            "global_padding": "same",
            "layer_type": "bottleneck",
            "depths": [1, 1, 1],
            "hidden_sizes": [8, 8, 16],
            "embedding_size": 8,
            "num_groups": 2,
            "out_features": ["stage1", "stage2", "stage3"],
            "embedding_dynamic_padding": True,
        }
        extra["backbone_featmap_shape"] = [1, 16, SIDE // 16, SIDE // 16]
        extra |= {"is_hybrid": True, "neck_ignore_stages": [0, 1], "readout_type": "project"}
    config = transformers.DPTConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=SIDE,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        **(NECK | {"neck_hidden_sizes": [8, 8, 16, 16] if hybrid else [8, 8, 8, 8]}),
        **extra,
    )
    model = transformers.DPTForDepthEstimation(config).eval()
    processor = _dpt_processor(ensure_multiple_of=1, keep_aspect_ratio=False)
    _fit(model, model.head.head[4], processor, lambda c: inverse_depth(c)[None])
    return _save(folder, model, processor)


def save_tiny_depth_anything(folder: Path, metric: bool = False) -> Path:
    """Depth Anything (V2): relative inverse depth, or meters up to MAX_METERS if `metric`."""
    torch.manual_seed(3)
    kind = {"depth_estimation_type": "metric", "max_depth": MAX_METERS} if metric else {}
    config = transformers.DepthAnythingConfig(
        backbone_config=DINO
        | {
            "image_size": SIDE,
            "patch_size": 4,
            "initializer_range": 0.1,
            "out_indices": [1, 2, 3, 4],
            "reshape_hidden_states": False,
        },
        patch_size=4,
        reassemble_hidden_size=DINO["hidden_size"],
        head_hidden_size=16,
        **NECK,
        **kind,
    )
    model = transformers.DepthAnythingForDepthEstimation(config).eval()
    processor = _dpt_processor(ensure_multiple_of=4, keep_aspect_ratio=True)
    _fit(model, model.head.conv3, processor, _metric_target if metric else _relative_target)
    return _save(folder, model, processor)


def save_tiny_depth_pro(folder: Path) -> Path:
    """Depth Pro: meters and a field of view of about FIELD_OF_VIEW degrees.

    The library's own image processor needs torchvision, so its settings are written by hand.
    """
    torch.manual_seed(2)
    vision = DINO | {"image_size": SIDE // 2, "patch_size": 8, "initializer_range": 0.5}
    config = transformers.DepthProConfig(
        patch_size=SIDE // 2,
        fusion_hidden_size=8,
        intermediate_hook_ids=[1, 0],
        intermediate_feature_dims=[8, 8],
        scaled_images_ratios=[0.5, 1.0],
        scaled_images_overlap_ratios=[0.0, 0.2],
        scaled_images_feature_dims=[8, 8],
        use_fov_model=True,
        num_fov_head_layers=0,
        image_model_config=vision,
        patch_model_config=vision,
        fov_model_config=vision,
    )
    model = transformers.DepthProForDepthEstimation(config).eval()
    last = model.fov_model.head.layers[-1]
    with torch.no_grad():
        last.weight.mul_(0.01)
        last.bias.fill_(FIELD_OF_VIEW)
    settings = {
        "image_processor_type": "DepthProImageProcessorFast",
        "size": {"height": SIDE, "width": SIDE},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    processor = _dpt_processor(ensure_multiple_of=1, keep_aspect_ratio=False)
    _fit(model, model.head.layers[4], processor, _relative_target)
    _save_model(folder, model)
    return folder


def save_tiny_zoedepth(folder: Path) -> Path:
    """ZoeDepth: meters from 0.001 to 10. All its weights are random, so its depths mean nothing."""
    torch.manual_seed(4)
    config = transformers.ZoeDepthConfig(
        backbone_config={
            "model_type": "beit",
            "image_size": SIDE,
            "patch_size": 16,
            "num_hidden_layers": 4,
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_attention_heads": 2,
            "use_relative_position_bias": True,
            "reshape_hidden_states": False,
            "out_features": ["stage1", "stage2", "stage3", "stage4"],
        },
        num_relative_features=8,
        bottleneck_features=8,
        bin_embedding_dim=8,
        **NECK,
    )
    model = transformers.ZoeDepthForDepthEstimation(config).eval()
    size = {"height": SIDE, "width": SIDE}
    return _save(folder, model, ZoeDepthImageProcessorPil(size=size, ensure_multiple_of=32))


def save_tiny_segformer(folder: Path, labels: tuple[str, ...] = LABELS) -> Path:
    """SegFormer with the classes `labels`; those in COLORS are distinguished by color."""
    torch.manual_seed(5)
    config = transformers.SegformerConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 8, 16, 16],
        num_attention_heads=[1, 1, 2, 2],
        mlp_ratios=[2, 2, 2, 2],
        decoder_hidden_size=32,
        initializer_range=0.3,
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
    )
    model = transformers.SegformerForSemanticSegmentation(config).eval()
    processor = SegformerImageProcessorPil(size={"height": SIDE, "width": SIDE})
    layer = model.decode_head.classifier
    _fit(model, layer, processor, lambda c: _one_hot(c, len(labels)), labels)
    return _save(folder, model, processor)


def _dpt_processor(**settings) -> DPTImageProcessorPil:
    return DPTImageProcessorPil(size={"height": SIDE, "width": SIDE}, **settings)


def _relative_target(classes: np.ndarray) -> np.ndarray:
    return inverse_depth(classes)[None]


def _metric_target(classes: np.ndarray) -> np.ndarray:
    """Return the input of the network's sigmoid for meters of 1 / disparity, at most SKY_METERS."""
    meters = np.minimum(1.0 / np.maximum(inverse_depth(classes), 1e-3), SKY_METERS)
    fraction = meters / MAX_METERS
    return np.log(fraction / (1 - fraction))[None].astype(np.float32)


def _one_hot(classes: np.ndarray, count: int) -> np.ndarray:
    """Return logits (count, size, size): 6 for the class of a pixel, else -6."""
    return np.where(np.arange(count)[:, None, None] == classes, 6.0, -6.0).astype(np.float32)


def _fit(model, layer, processor, target: Callable, labels: tuple[str, ...] = LABELS) -> None:
    """Fit the last layer, a convolution of one pixel, so that synthetic images give their targets.

    Args:
        model: The network.
        layer: Its last layer.
        processor: Its image processor.
        target: Returns the layer's output (C, size, size) for an image's classes (size, size).
        labels: Classes of the images.
    """
    rng = np.random.default_rng(0)
    images, classes = zip(*(synthetic_image(rng, labels=labels) for _ in range(12)), strict=True)
    pixels = processor(images=[np.uint8(p * 255) for p in images], return_tensors="pt")
    layer_inputs: list[torch.Tensor] = []
    handle = layer.register_forward_pre_hook(
        lambda _, inputs: layer_inputs.append(inputs[0].detach())
    )
    with torch.no_grad():
        for pixel_values in pixels["pixel_values"]:
            model(pixel_values=pixel_values[None])
        handle.remove()
        features = torch.cat(layer_inputs)
        targets = torch.from_numpy(np.stack([target(c) for c in classes]))
        targets = interpolate(targets, size=features.shape[2:], mode="area")
        solution = _least_squares(features, targets)
        layer.weight.copy_(solution[:-1].T[:, :, None, None])
        layer.bias.copy_(solution[-1])


def _least_squares(features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return weights (F + 1, C), the bias last, that map (N, F, h, w) to (N, C, h, w)."""
    x = features.movedim(1, -1).flatten(0, 2)
    x = torch.cat([x, torch.ones(len(x), 1)], 1).double()
    y = targets.movedim(1, -1).flatten(0, 2).double()
    ridge = 1e-4 * len(x) * torch.eye(x.shape[1])
    return torch.linalg.solve(x.T @ x + ridge, x.T @ y).float()


def _save(folder: Path, model, processor) -> Path:
    _save_model(folder, model)
    processor.save_pretrained(folder)
    return folder


def _save_model(folder: Path, model) -> None:
    log = transformers.utils.logging
    log.disable_progress_bar()
    try:
        model.save_pretrained(folder)
    finally:
        log.enable_progress_bar()
