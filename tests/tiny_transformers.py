"""Tiny networks of the transformers library, saved as the hub does: for tests of the real path.

Each function makes a network of some ten thousand weights with the library's own classes, saves it
with its image processor into `folder` (config.json, model.safetensors, preprocessor_config.json),
makes the folder where it is absent, and returns it. They are seeded: the same weights every time.

All but their last layer is random. That is fitted by least squares to `painted` pictures, so that
SegFormer tells sky, ground and water of those colors apart, and DPT and Depth Anything far from
near, roughly. What Depth Pro and ZoeDepth say of depth means little.
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
"""Degrees that the tiny Depth Pro says of every picture, nearly."""
MAX_METRES = 20
"""The greatest depth of the tiny metric Depth Anything."""
SKY_METRES = 18.0
LABELS = ("wall", "sky", "tree", "water", "waterfall, falls", "skyscraper")
COLORS = {
    "wall": (0.5, 0.4, 0.3),
    "sky": (0.5, 0.7, 0.95),
    "tree": (0.15, 0.4, 0.1),
    "water": (0.1, 0.25, 0.45),
    "waterfall, falls": (0.9, 0.95, 0.95),
    "skyscraper": (0.75, 0.3, 0.3),
}
"""sRGB of what `painted` shows; other labels are gray."""
DINO = {
    "model_type": "dinov2",
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "mlp_ratio": 2,
}
NECK = {"neck_hidden_sizes": [8, 8, 8, 8], "fusion_hidden_size": 8, "initializer_range": 0.3}


def tiny_spec(stage: str, key: str = "tiny") -> ModelSpec:
    """What the registry would say of a tiny network for a stage, by the name of Tiny."""
    commit = "0" * 40
    files = ("*.json", "*.safetensors")
    return ModelSpec(key, stage, "Tiny", "make4d/tiny", commit, "MIT", "", 1, 1, SIDE, files)


class Watcher:
    """A context that remembers what was reported: `said` is a list of (fraction, detail). It is
    cancelled from the report with the number `cancel_at` on."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.translate: list[tuple[float, str]] = []
        self._cancel_at = cancel_at
        self.context = Context(lambda *report: self.translate.append(report), self._is_cancelled)

    def details(self) -> str:
        """All that was said, one report a line."""
        return "\n".join(detail for _, detail in self.translate)

    def _is_cancelled(self) -> bool:
        return self._cancel_at is not None and len(self.translate) >= self._cancel_at


def painted(rng: np.random.Generator, size: int = SIDE, labels: tuple[str, ...] = LABELS):
    """A picture (size, size, 3) float32 0..1 with the class (size, size) of every pixel.

    Sky above a horizon; below it ground of one class ("wall") and a pool of each other one; a
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


def near_at_the_bottom(classes: np.ndarray, sky: int = 1) -> np.ndarray:
    """Inverse depth (size, size) of a painted picture: 0 in the sky, growing downward to 1."""
    ramp = np.linspace(0.1, 1.0, len(classes), dtype=np.float32)[:, None]
    return np.where(classes == sky, 0.0, np.repeat(ramp, classes.shape[1], 1)).astype(np.float32)


def save_tiny_dpt(folder: Path, hybrid: bool = False) -> Path:
    """DPT for relative inverse depth: `hybrid` upon a BiT, as Intel/dpt-hybrid-midas, or plain, as
    Intel/dpt-large."""
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
    _fit(model, model.head.head[4], processor, lambda c: near_at_the_bottom(c)[None])
    return _save(folder, model, processor)


def save_tiny_depth_anything(folder: Path, metric: bool = False) -> Path:
    """Depth Anything (V2): relative inverse depth, or meters up to MAX_METRES where `metric`."""
    torch.manual_seed(3)
    kind = {"depth_estimation_type": "metric", "max_depth": MAX_METRES} if metric else {}
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
    """Depth Pro: meters and a field of view of about FIELD_OF_VIEW degrees. The library's own image
    processor needs torchvision, so its settings are written by hand."""
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
    """ZoeDepth: meters of 0.001 to 10. All its weights are random: its numbers mean nothing."""
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
    """SegFormer that knows the classes `labels`; those of COLORS it tells by their colors."""
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
    return near_at_the_bottom(classes)[None]


def _metric_target(classes: np.ndarray) -> np.ndarray:
    """What goes into the network's sigmoid for meters of 1 / disparity, SKY_METRES at most."""
    meters = np.minimum(1.0 / np.maximum(near_at_the_bottom(classes), 1e-3), SKY_METRES)
    share = meters / MAX_METRES
    return np.log(share / (1 - share))[None].astype(np.float32)


def _one_hot(classes: np.ndarray, count: int) -> np.ndarray:
    """Logits (count, size, size): 6 for the class of a pixel, else -6."""
    return np.where(np.arange(count)[:, None, None] == classes, 6.0, -6.0).astype(np.float32)


def _fit(model, layer, processor, target: Callable, labels: tuple[str, ...] = LABELS) -> None:
    """Set a last layer, a convolution of one pixel, so that painted pictures give their targets.

    target: from a picture's classes (size, size) to what the layer is to say (C, size, size).
    """
    rng = np.random.default_rng(0)
    pictures, classes = zip(*(painted(rng, labels=labels) for _ in range(12)), strict=True)
    pixels = processor(images=[np.uint8(p * 255) for p in pictures], return_tensors="pt")
    caught: list[torch.Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0].detach()))
    with torch.no_grad():
        for one in pixels["pixel_values"]:
            model(pixel_values=one[None])
        handle.remove()
        features = torch.cat(caught)
        wanted = torch.from_numpy(np.stack([target(c) for c in classes]))
        wanted = interpolate(wanted, size=features.shape[2:], mode="area")
        solution = _least_squares(features, wanted)
        layer.weight.copy_(solution[:-1].T[:, :, None, None])
        layer.bias.copy_(solution[-1])


def _least_squares(features: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Weights (F + 1, C), the last row the bias, from (N, F, h, w) to (N, C, h, w)."""
    x = features.movedim(1, -1).flatten(0, 2)
    x = torch.cat([x, torch.ones(len(x), 1)], 1).double()
    y = wanted.movedim(1, -1).flatten(0, 2).double()
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
