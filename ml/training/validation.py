"""Validation: measures of the network on samples that it isn't trained on."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..scene.maps import Map
from .network import SceneNetwork
from .samples import Sample, central_crop, load
from .targets import Targets, targets_of

MOST = 40
"""At most so many pictures of each folder are looked at."""
Measures = dict[str, float]


@torch.no_grad()
def validate(
    network: SceneNetwork,
    held_out: Mapping[Path, Sequence[Path]],
    size: tuple[int, int],
    device: torch.device,
) -> dict[str, Measures]:
    """Return the measures by folder name and measure; folders without files are left out.

    Args:
        network: In evaluation mode.
        held_out: Files by folder.
        size: Height and width at which landscape pictures are looked at; others are turned.
        device: Where the network is.
    """
    found = {}
    for folder, paths in held_out.items():
        chosen = paths[:: max(1, -(-len(paths) // MOST))]
        pictures = [measures_of(network, load(path), size, device) for path in chosen]
        if pictures:
            found[folder.name] = pooled(pictures)
    return found


def whole(sample: Sample, size: tuple[int, int]) -> Sample:
    """Return the central crop of a size (height, width); portrait if the sample is."""
    return central_crop(sample, size if sample.size[0] <= sample.size[1] else size[::-1])


def measures_of(
    network: SceneNetwork, sample: Sample, size: tuple[int, int], device: torch.device
) -> dict[str, list[float]]:
    """Return sums of a picture: counts of pixels to pool, and single values."""
    targets = targets_of([whole(sample, size)])
    maps = network(targets.image.to(device))[0].float().cpu()
    sums: dict[str, list[float]] = {}
    for name in ("sky", "water", "falls", "silhouettes"):
        target = getattr(targets, name)[0]
        known, found = ~torch.isnan(target), maps[Map[name.upper()]] > 0
        both = (found & (target > 0.5) & known).sum()
        sums[name] = [float(both), float(((found | (target > 0.5)) & known).sum())]
    flat = targets.flat[0]
    right = ((maps[Map.FLAT] > 0) == (flat > 0.5)) & ~torch.isnan(flat)
    sums["flat"] = [float(right.sum()), float((~torch.isnan(flat)).sum())]
    latitude = (maps[Map.LATITUDE] - targets.latitude[0]).abs()
    if not bool(torch.isnan(latitude).any()):
        sums["latitude"] = [float(latitude.mean()) * 180 / np.pi, 1.0]
    sums |= disparity_sums(maps[Map.LOG_DISPARITY], targets)
    return sums


def disparity_sums(predicted: torch.Tensor, targets: Targets) -> dict[str, list[float]]:
    """Return the rank correlation of depths, and the log error after a shift by the median."""
    target = targets.log_disparity[0]
    known = ~torch.isnan(target)
    if int(known.sum()) < 100:
        return {}
    ours, truth = predicted[known].numpy(), target[known].numpy()
    error = ours - truth
    deviation = float(np.abs(error - np.median(error)).mean())
    return {"spearman": [spearman(ours, truth), 1.0], "log": [deviation, 1.0]}


def spearman(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return the rank correlation of two arrays (P,); ties are ordered as they come."""
    ranks = [np.argsort(np.argsort(values, kind="stable")) for values in (first, second)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def pooled(pictures: Sequence[Mapping[str, list[float]]]) -> Measures:
    """Return the ratio of the sums over pictures, for each measure that any of them has."""
    names = dict.fromkeys(name for sums in pictures for name in sums)
    result = {}
    for name in names:
        above, below = np.sum([sums[name] for sums in pictures if name in sums], axis=0)
        if below > 0:
            result[name] = float(above / below)
    return result


class CurveFile:
    """The validation curve: a CSV file with a row for each measure of each validation."""

    HEADER = ("step", "minutes", "time", "folder", "measure", "value")

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, step: int, minutes: float, found: Mapping[str, Measures]) -> None:
        """Append the measures of a validation."""
        is_new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with self.path.open("a", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            if is_new:
                rows.writerow(self.HEADER)
            for folder, measures in found.items():
                for name, value in measures.items():
                    rows.writerow([step, f"{minutes:.2f}", now, folder, name, f"{value:.4f}"])
