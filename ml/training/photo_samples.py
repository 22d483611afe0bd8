"""Samples from photographs under free terms, which `photos/labels.json` lists and labels.

    python .ci/run_module.py ml.training.photo_samples PACKAGES DIR

writes one sample for each photograph and ten for each panorama into DIR. PACKAGES holds every
package unpacked in a folder of its own; see `docs/training-photos.md`. What isn't there is skipped.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.color import linear_to_srgb
from ...geometry.worlds.samples import StoredSample, save_sample
from ..photo.load import load_photo
from .photo_labels import Labels, label_photo
from .qt_resources import read_resource

LABELS = Path(__file__).parent / "photos" / "labels.json"
SIZE = 640
"""Longer side of a sample from a photograph; smaller photographs keep their size."""
CROPS = 10
"""Views of a panorama, unless its entry has its own number of "views"."""
CROP_SIZES = ((256, 192), (256, 192), (192, 256))
"""Width and height of the crops of a panorama, in turn."""
STOPS = (-0.7, 1.2)
"""By how many stops the crops are exposed differently from the panorama as it was labeled."""
INSIDE = ".rcc/"
"""Separates a Qt resource from the file inside it."""


def main(arguments: list[str], boot: list[str]) -> int:
    """Write the samples; returns the exit status."""
    del boot
    parser = argparse.ArgumentParser(prog="photo_samples", description=(__doc__ or "").strip())
    parser.add_argument("packages", type=Path, metavar="PACKAGES")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--labels", type=Path, default=LABELS, help="another labels.json")
    parser.add_argument("--only", default="", help="only files whose path contains this")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    listed = json.loads(options.labels.read_text("utf-8"))
    written = missing = 0
    for entry in listed["photos"] + listed["panoramas"]:
        if options.only not in entry["file"]:
            continue
        try:
            samples = samples_of(options.packages, entry)
        except FileNotFoundError:
            missing += 1
            print(f"missing: {entry['file']}", file=sys.stderr, flush=True)
            continue
        for number, sample in enumerate(samples):
            save_sample(sample, options.folder / f"photo-{sample_name(entry)}-{number}.npz")
        written += len(samples)
    print(f"{written} samples, {missing} files missing")
    return 0 if written else 1


def sample_name(entry: dict[str, Any]) -> str:
    """Return the name of a photograph's samples: that of its package and its file."""
    return f"{entry['file'].split('/')[0]}-{Path(entry['file']).stem}"


def samples_of(packages: Path, entry: dict[str, Any]) -> list[StoredSample]:
    """Make the samples of a photograph or panorama; raises FileNotFoundError without it."""
    if "tones" not in entry:
        image, focal = read_photo(packages / entry["file"])
        return [photo_sample(image, label_photo(image, entry), focal, entry.get("horizon"))]
    return panorama_samples(read_panorama(packages / entry["file"]), entry)


def read_photo(path: Path) -> tuple[NDArray[np.uint8], float | None]:
    """Read a photograph at most SIZE pixels long, and its 35 mm focal length if it says one."""
    before, inside, name = str(path).partition(INSIDE)
    if inside:
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / Path(name).name
            copy.write_bytes(read_resource(Path(before + INSIDE.rstrip("/")), name))
            return read_photo(copy)
    if not path.is_file():
        raise FileNotFoundError(path)
    photo = load_photo(path, SIZE)
    if max(photo.original_size) < SIZE:
        photo = load_photo(path, max(photo.original_size))
    return _to_bytes(photo.image), photo.focal_35mm


def photo_sample(
    image: NDArray[np.uint8],
    labels: Labels,
    focal_35mm: float | None,
    horizon: list[float] | None,
) -> StoredSample:
    """Make the sample of a photograph.

    horizon: Height of the horizon at the left and right border in thousandths of the height from
        the top; with the focal length it gives pitch and roll.
    """
    camera = np.full(4, np.nan, np.float32)
    height, width = image.shape[:2]
    if focal_35mm:
        camera[0] = focal_35mm * math.hypot(width, height) / math.hypot(36, 24)
    if horizon:
        left, right = (y * height / 1000 for y in horizon)
        camera[2] = math.atan2(right - left, width)
        below = ((left + right) / 2 - height / 2) * math.cos(camera[2])
        camera[1] = math.atan2(below, camera[0]) if focal_35mm else math.nan
    return _sample(image, labels, camera)


def read_panorama(path: Path) -> NDArray[np.float32]:
    """Read a panorama (H, 2H, 3) in linear light that `geometry.worlds.panoramas` wrote."""
    return np.load(path).astype(np.float32)


def panorama_samples(light: NDArray[np.float32], entry: dict[str, Any]) -> list[StoredSample]:
    """Cut views with a known camera out of a panorama, which is labeled as a whole.

    entry: As in `label_photo`; "tones", the exposure (a factor) at which it was labeled; "views",
        their number.
    """
    labels = label_photo(expose(light, entry["tones"]), entry)
    rng = np.random.default_rng(zlib.crc32(entry["file"].encode()))
    start = rng.uniform(0, 2 * math.pi)
    samples = []
    views = entry.get("views", CROPS)
    for number in range(views):
        size = CROP_SIZES[number % len(CROP_SIZES)]
        view = math.radians(rng.uniform(55, 100))
        focal = max(size) / 2 / math.tan(view / 2)
        pitch, roll = math.radians(rng.uniform(-14, 20)), math.radians(rng.normal(0, 3))
        yaw = start + 2 * math.pi * (number + rng.uniform(-0.3, 0.3)) / views
        camera = np.array([focal, pitch, roll, np.nan], np.float32)
        where = panorama_positions(size, focal, pitch, roll, yaw, light.shape[:2])
        exposure = entry["tones"] * 2 ** rng.uniform(*STOPS)
        image = _look_up(expose(light, exposure), where, cv2.INTER_CUBIC)
        kind = _look_up(labels.kind, where, cv2.INTER_NEAREST)
        veiled = _look_up(labels.veiled, where, cv2.INTER_NEAREST)
        sky, clouds = (_look_up(m, where, cv2.INTER_LINEAR) for m in (labels.sky, labels.clouds))
        samples.append(_sample(image, Labels(sky, clouds, kind, veiled), camera))
    return samples


def panorama_positions(
    size: tuple[int, int],
    focal: float,
    pitch: float,
    roll: float,
    yaw: float,
    shape: tuple[int, ...],
) -> NDArray[np.float32]:
    """Return where the pixels of a view lie in a panorama of this shape: (H, W, 2), x and y."""
    width, height = size
    x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
    level_x = (x * math.cos(roll) + y * math.sin(roll)) / focal
    level_y = (y * math.cos(roll) - x * math.sin(roll)) / focal
    ahead = math.cos(pitch) + math.sin(pitch) * level_y
    up = math.sin(pitch) - math.cos(pitch) * level_y
    longitude = yaw + np.arctan2(level_x, ahead)
    latitude = np.arctan2(up, np.hypot(level_x, ahead))
    column = longitude / (2 * math.pi) % 1 * shape[1] - 0.5
    row = (0.5 - latitude / math.pi) * shape[0] - 0.5
    return np.dstack([column, row]).astype(np.float32)


def expose(light: NDArray[np.float32], exposure: float) -> NDArray[np.uint8]:
    """Turn linear light into sRGB as a camera does: highlights roll off and then clip."""
    bright = np.maximum(light, 0) * exposure
    knee = 0.7
    rolled = knee + (1 - knee) * np.tanh((bright - knee) / (1 - knee) / 2)
    return _to_bytes(linear_to_srgb(np.where(bright > knee, rolled, bright).astype(np.float32)))


def _look_up(values: NDArray[Any], where: NDArray[np.float32], method: int) -> NDArray[Any]:
    return cv2.remap(values, where, None, method, borderMode=cv2.BORDER_WRAP)


def _sample(image: NDArray[np.uint8], labels: Labels, camera: NDArray[np.float32]) -> StoredSample:
    """Return a sample whose depth is known only in the sky."""
    disparity = np.where(labels.sky == 255, 0.0, np.nan).astype(np.float16)
    return StoredSample(image=image, disparity=disparity, camera=camera, **asdict(labels))


def _to_bytes(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (image.clip(0, 1) * 255).round().astype(np.uint8)
