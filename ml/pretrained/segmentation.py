"""Regions that move, found by a pretrained network: sky, water, falling water."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import transformers

from ...geometry.core.camera import FloatArray
from ..common.context import Context
from ..common.errors import ModelError
from ..common.registry import ModelSpec
from ..models.device import Device
from .loading import Network, named
from .upsample import at_picture_size

WORDS = {
    "fall": frozenset(("waterfall", "waterfalls", "falls", "cascade", "fountain")),
    "sky": frozenset(("sky", "cloud", "clouds", "smoke")),
    "water": frozenset(("water", "sea", "ocean", "river", "lake")),
}
"""Words of the names of classes, as in ADE20K, for each kind of region."""
FILLERS = frozenset(("other", "merged", "stuff"))
"""Words that some data sets add to the names of classes."""


@dataclass(frozen=True)
class Regions:
    """Soft masks (H, W) float32 0..1 of what may move; their sum is at most 1."""

    sky: FloatArray
    water: FloatArray
    fall: FloatArray


class SegmentationModel:
    """A network that tells what each pixel shows, loaded until it is closed.

    folder: of the model's files; raises ModelError where they don't hold a segmentation network, or
    one that knows neither sky nor water.
    """

    def __init__(self, folder: Path, spec: ModelSpec, device: Device, context: Context) -> None:
        kind = transformers.AutoModelForSemanticSegmentation
        self._network = Network(kind, folder, spec, device, context)
        self._classes = classes_of(self._network.config.id2label)
        if not any(self._classes.values()):
            raise ModelError(
                "{label} doesn't know sky or water: choose another model for {stage}.",
                **named(spec),
            )

    def regions(self, image: FloatArray, context: Context) -> Regions:
        """Find the regions of an image (H, W, 3) float32, sRGB 0..1, of any size.

        The network runs at its own size; edges are those of the image. Raises ModelError.
        """
        logits = self._network.run(image, ("logits",), context.within(0.0, 0.6))["logits"]
        shares = _softmax(logits)
        masks: dict[str, FloatArray] = {}
        for i, (name, classes) in enumerate(self._classes.items()):
            mask = shares[classes].sum(0)
            part = context.part(0.6 + 0.4 * i / 3, 0.6 + 0.4 * (i + 1) / 3)
            masks[name] = at_picture_size(np.clip(mask, 0.0, 1.0), image, part)
        # A trifle less than 1, whatever the rounding.
        total = np.maximum(sum(masks.values()) * np.float32(1.000001), np.float32(1.0))
        return Regions(**{n: (mask / total).astype(np.float32) for n, mask in masks.items()})

    def close(self) -> None:
        """Free the network and its memory."""
        self._network.close()


def classes_of(labels: dict[int, str]) -> dict[str, list[int]]:
    """The classes that belong to each kind of region, by their names: synonyms with commas.

    A synonym belongs to a kind where all its words do: `waterfall` isn't `water`, nor is a
    `water tower` or a `skyscraper`.
    """
    found: dict[str, list[int]] = {name: [] for name in WORDS}
    for index, label in labels.items():
        synonyms = [set(re.findall(r"[a-z]+", part)) - FILLERS for part in _parts(label)]
        for name, words in WORDS.items():
            if any(synonym and synonym <= words for synonym in synonyms):
                found[name].append(int(index))
                break
    return found


def _parts(label: str) -> Iterable[str]:
    return re.split(r"[,;/]", label.lower())


def _softmax(logits: FloatArray) -> FloatArray:
    """Shares (C, h, w) of the classes at every pixel."""
    powers = np.exp(logits - logits.max(axis=0, keepdims=True))
    return (powers / powers.sum(axis=0, keepdims=True)).astype(np.float32)
