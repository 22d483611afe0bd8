"""Segmentation of what may move by a pretrained network: sky, water, falling water."""

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
from .loading import Network, message_fields
from .upsample import upsample_to_image

NO_REGION_CLASSES = "{label} can't find sky or water: choose another model for {stage}."

REGION_WORDS = {
    "fall": frozenset(("waterfall", "waterfalls", "falls", "cascade", "fountain")),
    "sky": frozenset(("sky", "cloud", "clouds", "smoke")),
    "water": frozenset(("water", "sea", "ocean", "river", "lake")),
}
"""For each kind of region, words in the names of its classes, as in ADE20K."""
FILLER_WORDS = frozenset(("other", "merged", "stuff"))
"""Words that some data sets add to the names of classes."""


@dataclass(frozen=True)
class RegionMasks:
    """Soft masks (H, W) float32, 0..1, of what may move; their sum is at most 1."""

    sky: FloatArray
    water: FloatArray
    fall: FloatArray


class SegmentationModel:
    """A semantic segmentation network, loaded until it is closed.

    Args:
        folder: Folder of the model's files.
        spec: The model's registry entry.
        device: Where it runs.
        context: Progress of loading is reported to it.

    Raises ModelError if the folder doesn't hold a segmentation network, or one without classes of
    sky or water.
    """

    def __init__(self, folder: Path, spec: ModelSpec, device: Device, context: Context) -> None:
        model_class = transformers.AutoModelForSemanticSegmentation
        self._network = Network(model_class, folder, spec, device, context)
        self._classes = region_classes(self._network.config.id2label)
        if not any(self._classes.values()):
            raise ModelError(NO_REGION_CLASSES, **message_fields(spec))

    def segment(self, image: FloatArray, context: Context) -> RegionMasks:
        """Segment an image (H, W, 3) float32, sRGB 0..1, of any size.

        The network runs at its own size; the edges of the result are those of the image. Raises
        ModelError.
        """
        logits = self._network.run(image, ("logits",), context.within(0.0, 0.6))["logits"]
        probabilities = _softmax(logits)
        masks: dict[str, FloatArray] = {}
        for i, (name, classes) in enumerate(self._classes.items()):
            mask = probabilities[classes].sum(0)
            progress = context.part(0.6 + 0.4 * i / 3, 0.6 + 0.4 * (i + 1) / 3)
            masks[name] = upsample_to_image(np.clip(mask, 0.0, 1.0), image, progress)
        # Slightly less than 1, so that rounding can't exceed it.
        total = np.maximum(sum(masks.values()) * np.float32(1.000001), np.float32(1.0))
        return RegionMasks(**{n: (mask / total).astype(np.float32) for n, mask in masks.items()})

    def close(self) -> None:
        """Free the network and its memory."""
        self._network.close()


def region_classes(labels: dict[int, str]) -> dict[str, list[int]]:
    """Return the classes of each kind of region, found by their names, which are lists of synonyms.

    A synonym belongs to a kind if all its words do: `waterfall` isn't `water`, nor is `water tower`
    or `skyscraper`.
    """
    classes: dict[str, list[int]] = {name: [] for name in REGION_WORDS}
    for index, label in labels.items():
        synonyms = [set(re.findall(r"[a-z]+", text)) - FILLER_WORDS for text in _synonyms(label)]
        for name, words in REGION_WORDS.items():
            if any(synonym_words and synonym_words <= words for synonym_words in synonyms):
                classes[name].append(int(index))
                break
    return classes


def _synonyms(label: str) -> Iterable[str]:
    """Return the synonyms in a label."""
    return re.split(r"[,;/]", label.lower())


def _softmax(logits: FloatArray) -> FloatArray:
    """Return the probabilities (C, h, w) of the classes at every pixel."""
    powers = np.exp(logits - logits.max(axis=0, keepdims=True))
    return (powers / powers.sum(axis=0, keepdims=True)).astype(np.float32)
