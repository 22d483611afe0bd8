"""Features of a picture by the paper's network, and those of single points."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...geometry.core.camera import FloatArray
from .feature_net import FeatureNet


@torch.inference_mode()
def layer_features(
    network: FeatureNet, color: FloatArray, member: NDArray[np.bool_]
) -> NDArray[np.float16]:
    """Features (L, 32, ceil(H / 4), ceil(W / 4)) of a photo's layers.

    color (L, H, W, 3), sRGB 0..1; member (L, H, W), where each layer is: its alpha. All layers go
    through the network together, since it normalizes by what it is given (as 3D Moments does).
    """
    rgba = np.concatenate([color, member[..., None]], axis=-1, dtype=np.float32)
    place = next(network.parameters()).device
    tensor = torch.from_numpy(rgba).permute(0, 3, 1, 2).to(place)
    return network(tensor).cpu().numpy().astype(np.float16)


def point_features(maps: Tensor, pixel: Tensor, size: tuple[int, int]) -> Tensor:
    """Features (P, C) of points from the maps (L, C, h, w) of layers with `size` (H, W) pixels.

    pixel (P,) int64: flat index (layer * H + row) * W + column of the pixel that a point was made
    of, -1 for a point of nothing, whose features are zero. Between the maps' pixels they are
    interpolated bilinearly, corners on corners, as the paper enlarges the maps.
    """
    height, width = size
    found = torch.zeros(len(pixel), maps.shape[1], device=maps.device, dtype=maps.dtype)
    row = pixel.div(width, rounding_mode="floor")
    for layer in range(len(maps)):
        here = torch.nonzero((pixel >= 0) & (row.div(height, rounding_mode="floor") == layer))[:, 0]
        x = (pixel[here] % width) * (2 / max(width - 1, 1)) - 1
        y = (row[here] % height) * (2 / max(height - 1, 1)) - 1
        grid = torch.stack([x, y], -1)[None, None].to(maps.dtype)
        sampled = functional.grid_sample(
            maps[layer : layer + 1], grid, padding_mode="border", align_corners=True
        )
        found[here] = sampled[0, :, 0].T
    return found
