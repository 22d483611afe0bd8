"""Tiny models in the places of the registry's real ones, so that the whole real path runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from make_4d.ml.common.model_store import snapshot_folder
from make_4d.ml.common.registry import model
from make_4d.ml.networks.feature_net import FeatureNet
from make_4d.ml.networks.image_decoder import ImageDecoder
from tiny_diffusion import save_tiny_sd
from tiny_transformers import (
    save_tiny_depth_anything,
    save_tiny_depth_pro,
    save_tiny_dpt,
    save_tiny_segformer,
)

BUILDERS = {
    "sd2-inpaint": lambda folder: save_tiny_sd(folder, "fp16", prediction="v_prediction"),
    "sd15-inpaint": lambda folder: save_tiny_sd(folder, "fp16"),
    "sdxl-inpaint": lambda folder: save_tiny_sd(folder, "fp16", sdxl=True),
    "depth-anything-v2-small": save_tiny_depth_anything,
    "depth-anything-v2-metric": lambda folder: save_tiny_depth_anything(folder, metric=True),
    "dpt-hybrid": lambda folder: save_tiny_dpt(folder, hybrid=True),
    "depth-pro": save_tiny_depth_pro,
    "segformer-b0": save_tiny_segformer,
}


def install(models_folder: Path, *keys: str) -> Path:
    """Put tiny models where downloads of the registry's models go; returns the folder."""
    for key in keys:
        folder = snapshot_folder(model(key), models_folder)
        folder.mkdir(parents=True)
        BUILDERS[key](folder)
    return models_folder


def save_checkpoint(path: Path) -> Path:
    """A checkpoint in 3D Moments' layout, its weights by the goldens' formula."""
    networks = {"feature_net": FeatureNet(), "img_decoder": ImageDecoder()}
    torch.save({name: formula_weights(net) for name, net in networks.items()}, path)
    return path


def formula_weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights of a module as the goldens' README defines them."""
    state = module.state_dict()
    return {key: _formula(key, i, state[key].shape) for i, key in enumerate(sorted(state))}


def _formula(key: str, i: int, shape: torch.Size) -> torch.Tensor:
    a = np.arange(shape.numel(), dtype=np.float64)
    u = np.sin(12.9898 * a + 78.233 * i) * 43758.5453
    u = 2 * (u - np.floor(u)) - 1
    if len(shape) >= 2:
        values = u * np.sqrt(2 / np.prod(shape[1:])) * np.sqrt(3)
    else:
        values = 0.1 * u + (1.0 if key.endswith("weight") or key == "alpha" else 0.0)
    return torch.from_numpy(values.astype(np.float32).reshape(tuple(shape)))
