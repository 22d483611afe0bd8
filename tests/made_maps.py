"""A stand-in for the scene network: maps of a made scene whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from make_4d.ml.scene.camera_fit import latitudes
from make_4d.ml.scene.maps import CHANNELS, Map
from make_4d.ml.scene.network import SceneMaps, input_size, resized

SURE = 5.0
"""Logit of a pixel that is certain."""


def network_of(disparity: np.ndarray, sky: np.ndarray, **masks: np.ndarray) -> Any:
    """A network that sees a scene as it is, at its own resolution.

    Args:
        disparity: (H, W), above 0 outside the sky.
        sky: (H, W) 0..1.
        masks: Others, by their names in `Map`.
    """
    return network_with(lambda image: maps_of(disparity, sky, **masks))


def network_with(maps: Callable[[np.ndarray], np.ndarray], difference: float = 0.0) -> Any:
    """A network that sees the maps (CHANNELS, h, w) that a function returns for an image.

    difference: Median size of the difference of both looks.
    """

    def look(image: np.ndarray) -> SceneMaps:
        seen = maps(image)
        noise = np.random.default_rng(0).standard_normal(seen.shape[1:]) / 0.6745
        return SceneMaps(seen, (difference * noise).astype(np.float32))

    return SimpleNamespace(maps=look)


def maps_of(disparity: np.ndarray, sky: np.ndarray, **masks: np.ndarray) -> np.ndarray:
    """The maps of a scene, see `network_of`; the camera is level, its focal length the width."""
    height, width = sky.shape
    rows, columns = (n // 2 for n in input_size(height, width))
    maps = np.full((CHANNELS, rows, columns), -SURE, np.float32)
    solid = np.maximum(resized((1.0 - sky).astype(np.float32), (rows, columns)), 1e-6)
    seen = resized((disparity * (1.0 - sky)).astype(np.float32), (rows, columns)) / solid
    maps[Map.LOG_DISPARITY] = np.log(np.maximum(seen, 1e-4)) + 1.3
    for name, mask in {"SKY": sky, **masks}.items():
        share = np.clip(resized(mask.astype(np.float32), (rows, columns)), 0.0, 1.0)
        blurred = np.clip(cv2.GaussianBlur(share, (0, 0), 0.7), 0.0067, 0.9933)
        maps[Map[name]] = np.log(blurred / (1.0 - blurred))
    longer = max(height, width)
    y = ((np.arange(rows) + 0.5) / rows - 0.5)[:, None] * height / longer
    x = ((np.arange(columns) + 0.5) / columns - 0.5)[None] * width / longer
    maps[Map.LATITUDE] = latitudes(x + 0 * y, y + 0 * x, width / longer, 0.0, 0.0)
    return maps
