"""Features of images by the paper's network, and their interpolation at points."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from .feature_net import FeatureNet


@torch.inference_mode()
def layer_features(network: FeatureNet, color: FloatArray, mask: Mask) -> NDArray[np.float16]:
    """Return the features (L, 32, ceil(H / 4), ceil(W / 4)) of a photo's layers.

    All layers pass through the network together, because it normalizes over the batch (as 3D
    Moments does).

    Args:
        network: The feature extractor.
        color: (L, H, W, 3) sRGB, 0..1.
        mask: (L, H, W), the pixels that belong to each layer; used as alpha.
    """
    rgba = np.concatenate([color, mask[..., None]], axis=-1, dtype=np.float32)
    device = next(network.parameters()).device
    tensor = torch.from_numpy(rgba).permute(0, 3, 1, 2).to(device)
    return network(tensor).cpu().numpy().astype(np.float16)


def point_features(maps: Tensor, pixel: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the features (P, C) of points.

    Between the maps' pixels the features are interpolated bilinearly with corners aligned, as the
    paper enlarges the maps.

    Args:
        maps: (L, C, h, w) features of the layers.
        pixel: (P,) int64, flat index (layer * H + row) * W + column of the pixel that a point was
            created from; -1 for a point without a pixel, whose features are zero.
        size: (H, W) of the layers in pixels.
    """
    height, width = size
    features = torch.zeros(len(pixel), maps.shape[1], device=maps.device, dtype=maps.dtype)
    row = pixel.div(width, rounding_mode="floor")
    for layer in range(len(maps)):
        of_layer = torch.nonzero((pixel >= 0) & (row.div(height, rounding_mode="floor") == layer))[
            :, 0
        ]
        x = (pixel[of_layer] % width) * (2 / max(width - 1, 1)) - 1
        y = (row[of_layer] % height) * (2 / max(height - 1, 1)) - 1
        grid = torch.stack([x, y], -1)[None, None].to(maps.dtype)
        sampled = functional.grid_sample(
            maps[layer : layer + 1], grid, padding_mode="border", align_corners=True
        )
        features[of_layer] = sampled[0, :, 0].T
    return features
