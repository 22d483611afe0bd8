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
    """Features (32, ceil(H / 4), ceil(W / 4)) of a layer.

    color (H, W, 3), sRGB 0..1; member (H, W), where the layer is: its alpha.
    """
    rgba = np.dstack([color, member]).astype(np.float32)
    place = next(network.parameters()).device
    tensor = torch.from_numpy(rgba).permute(2, 0, 1)[None].to(place)
    return network(tensor)[0].cpu().numpy().astype(np.float16)


def point_features(maps: Tensor, pixel: Tensor, size: tuple[int, int]) -> Tensor:
    """Features (P, C) of points from the maps (L, C, h, w) of layers with `size` (H, W) pixels.

    pixel (P,) int64: flat index (layer * H + row) * W + column of the pixel that a point was made
    of, -1 for a point of nothing, whose features are zero. Between the maps' pixels they are
    interpolated bilinearly.
    """
    height, width = size
    found = torch.zeros(len(pixel), maps.shape[1], device=maps.device, dtype=maps.dtype)
    row = pixel.div(width, rounding_mode="floor")
    for layer in range(len(maps)):
        here = torch.nonzero((pixel >= 0) & (row.div(height, rounding_mode="floor") == layer))[:, 0]
        x = (pixel[here] % width + 0.5) * (2 / width) - 1
        y = (row[here] % height + 0.5) * (2 / height) - 1
        grid = torch.stack([x, y], -1)[None, None].to(maps.dtype)
        sampled = functional.grid_sample(
            maps[layer : layer + 1], grid, padding_mode="border", align_corners=False
        )
        found[here] = sampled[0, :, 0].T
    return found
