"""Calibration: moves logits so that their zero is the best threshold.

Trained on renders, the network is too sure or too careful about photographs. One bias for each of
a few maps, chosen on labeled photographs, mends the most of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..scene.maps import Map
from .network import SceneNetwork
from .samples import load
from .targets import targets_of
from .validation import whole

CALIBRATED = (Map.SKY, Map.WATER)
THRESHOLDS = np.linspace(-4.0, 4.0, 81)
MOST_PIXELS = 4000
"""Pixels of a picture that are looked at, evenly spread."""
DOUBT = 0.02
"""A threshold is moved away from 0 only as far as the intersection over union gains by it: of those
within this of the best, the one nearest to 0 is chosen."""


@torch.no_grad()
def thresholds(
    network: SceneNetwork, paths: Sequence[Path], size: tuple[int, int], device: torch.device
) -> dict[Map, float]:
    """Return the logit of each calibrated map that parts the labels best.

    Args:
        network: In evaluation mode.
        paths: Files of labeled samples.
        size: Height and width at which landscape pictures are looked at.
        device: Where the network is.
    """
    overlaps = {channel: np.zeros((2, len(THRESHOLDS))) for channel in CALIBRATED}
    for path in paths:
        targets = targets_of([whole(load(path), size)])
        maps = network(targets.image.to(device))[0].float().cpu()
        for channel in CALIBRATED:
            label = getattr(targets, channel.name.lower())[0].flatten().numpy()
            logits = maps[channel].flatten().numpy()
            stride = max(1, len(label) // MOST_PIXELS)
            overlaps[channel] += overlap(logits[::stride], label[::stride])
    return {channel: best(sums) for channel, sums in overlaps.items()}


def overlap(logits: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Return intersection and union (2, T) of a label (P,) and the logits above each threshold."""
    known = ~np.isnan(label)
    is_there = label[known] > 0.5
    found = logits[known] > THRESHOLDS[:, None]
    return np.array([(found & is_there).sum(axis=1), (found | is_there).sum(axis=1)], float)


def best(sums: np.ndarray) -> float:
    """Return the threshold with about the best ratio of sums (2, T), near 0 if many are; else 0."""
    if sums[0].max() == 0:
        return 0.0
    ratio = sums[0] / np.maximum(sums[1], 1)
    good = THRESHOLDS[ratio >= ratio.max() - DOUBT]
    return float(good[np.abs(good).argmin()])


def calibrate(network: SceneNetwork, found: dict[Map, float]) -> None:
    """Move the biases of a network's head so that the thresholds become 0."""
    bias = network.head.bias
    assert bias is not None
    with torch.no_grad():
        for channel, threshold in found.items():
            bias[channel] -= threshold
