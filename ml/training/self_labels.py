"""Labels from the network itself, for what nobody labeled in photographs: self-training.

    python .ci/run_module.py ml.training.self_labels SAMPLES DIR [--weights FILE]

writes a copy of each sample in SAMPLES into DIR, in which depth and kinds that aren't known are
what the network (the teacher) sees in several looks, at several sizes and mirrored, where these
agree. Training changes the colors, the size and the sharpness of what the student sees, so it
learns to see under poor conditions what the teacher sees under good ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray
from ...geometry.worlds.samples import Kind, StoredSample, load_sample, save_sample
from ..scene.maps import Map, probability
from ..scene.network import WEIGHTS, SceneNetwork, resized
from ..scene.relief import full_disparity

SIZES = (320, 384, 448, 512)
"""Longer sides of the teacher's looks, in pixels; each also mirrored."""
SURE = 0.9
"""A kind is taught where its probability is at least this, or where the others' are."""
AGREE = 0.15
"""Largest standard deviation of the looks' log disparities at which depth is taught."""


@dataclass(frozen=True)
class Sight:
    """The mean of the teacher's looks at an image, at the size of the largest look's maps.

    Attributes:
        maps: (CHANNELS, h, w) float32, logits and log disparity as in `maps.Map`.
        spread: (h, w) float32, standard deviation of the log disparities, each without its mean.
    """

    maps: FloatArray
    spread: FloatArray


def main(arguments: list[str], boot: list[str]) -> int:
    """Write the samples; returns the exit status."""
    del boot
    parser = argparse.ArgumentParser(prog="self_labels", description=(__doc__ or "").strip())
    parser.add_argument("samples", type=Path, metavar="SAMPLES")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="the teacher's")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    teacher = SceneNetwork(options.weights)
    paths = sorted(options.samples.glob("*.npz"))
    for path in paths:
        save_sample(self_labeled(load_sample(path), teacher), options.folder / path.name)
    print(f"{len(paths)} samples")
    return 0 if paths else 1


def self_labeled(sample: StoredSample, teacher: SceneNetwork) -> StoredSample:
    """Return a sample in which what isn't known is what the teacher is sure of.

    What is known stays, and so does what is veiled.
    """
    image = (sample.image / 255.0).astype(np.float32)
    sight = look_often(image, teacher)
    height, width = sample.kind.shape
    chances = {
        name: cv2.resize(probability(sight.maps[name]), (width, height))
        for name in (Map.SKY, Map.WATER, Map.FALLS, Map.FLAT)
    }
    told = _kinds(chances)
    unknown = (sample.kind == Kind.IGNORED) & (sample.veiled == 0)
    kind = np.where(unknown, told, sample.kind).astype(np.uint8)
    share = np.where(kind == Kind.SKY, 255, 0)
    sky = np.where(unknown & (told != Kind.IGNORED), share, sample.sky).astype(np.uint8)
    depth = _disparity(image, sight)
    solid = (sky == 0) & (sample.veiled == 0) & (kind != Kind.IGNORED)
    missing = np.isnan(sample.disparity)
    disparity = np.where(missing & solid, depth, sample.disparity)
    disparity = np.where(missing & (kind == Kind.SKY), 0.0, disparity).astype(np.float16)
    return replace(sample, kind=kind, sky=sky, disparity=disparity)


def look_often(image: FloatArray, teacher: SceneNetwork) -> Sight:
    """Return the mean of the teacher's looks at an image (H, W, 3), sRGB 0..1."""
    looks = list(_looks(image, teacher))
    size = looks[-1].shape[1:]
    same = np.stack([[resized(m, size) for m in look] for look in looks])
    solid = same[:, Map.SKY].mean(0) < 0
    logs = same[:, Map.LOG_DISPARITY]
    if solid.any():
        logs -= np.median(logs[:, solid], axis=1)[:, None, None]
    return Sight(same.mean(0), logs.std(0))


def _looks(image: FloatArray, teacher: SceneNetwork) -> Iterator[FloatArray]:
    mirrored = np.ascontiguousarray(image[:, ::-1])
    for longer_side in SIZES:
        yield teacher.look(image, longer_side)
        yield np.ascontiguousarray(teacher.look(mirrored, longer_side)[..., ::-1])


def _kinds(chances: dict[Map, FloatArray]) -> NDArray[np.uint8]:
    """Return the kinds (H, W) that the chances are sure of, elsewhere `Kind.IGNORED`."""
    sky, water, falls, flat = (chances[n] for n in (Map.SKY, Map.WATER, Map.FALLS, Map.FLAT))
    kind = np.full(sky.shape, Kind.IGNORED, np.uint8)
    dry = (sky < 1 - SURE) & (water < 1 - SURE)
    kind[dry & (flat > SURE)] = Kind.FLAT
    kind[dry & (flat < 1 - SURE)] = Kind.UPRIGHT
    kind[(water > SURE) & (sky < 1 - SURE) & (falls < 1 - SURE)] = Kind.WATER
    kind[(falls > SURE) & (sky < 1 - SURE)] = Kind.FALLS
    kind[sky > SURE] = Kind.SKY
    return kind


def _disparity(image: FloatArray, sight: Sight) -> FloatArray:
    """Return the disparity (H, W) of an image, NaN where the looks don't agree."""
    sky = probability(sight.maps[Map.SKY])
    disparity = full_disparity(sight.maps[Map.LOG_DISPARITY], sky, image)
    height, width = disparity.shape
    spread = cv2.resize(sight.spread, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(spread <= AGREE, disparity, np.nan).astype(np.float32)
