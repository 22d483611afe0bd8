"""Samples: pictures with labels, read from `.npz` files, and crops of them at any size.

`geometry.worlds.samples` describes the files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.worlds.samples import load_sample

Floats = NDArray[np.float32]
Vector = NDArray[np.floating]
ZOOM = 0.45
"""The smallest crop takes so much of the largest that fits into the picture."""
STRETCH = 0.05
"""Standard deviation of the logarithm of a crop's stretching."""
TURNED, TURN = 0.25, 4.0
"""Share of crops that are turned, and the standard deviation of their angle in degrees."""
SHRINK = 1.5
"""A picture with more pixels than this for one of the crop is averaged first."""


@dataclass(frozen=True)
class Sample:
    """A picture with its labels as training uses them; all arrays are (H, W) but the image.

    Attributes:
        image: (H, W, 3) uint8, sRGB.
        disparity: float32, 0 in the sky, NaN if unknown.
        sky: float32, 0..1.
        clouds: float32, 0..1.
        kind: uint8, values of `Kind`.
        veiled: uint8, 0 or 1.
        latitude: float32, elevation angle of the viewing ray in radians, NaN if unknown.
    """

    image: NDArray[np.uint8]
    disparity: Floats
    sky: Floats
    clouds: Floats
    kind: NDArray[np.uint8]
    veiled: NDArray[np.uint8]
    latitude: Floats

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.kind.shape[0], self.kind.shape[1]


def load(path: Path) -> Sample:
    """Read a file.

    Raises:
        OSError, ValueError: if it isn't a whole sample.
    """
    stored = load_sample(path)
    focal, pitch, roll = (float(value) for value in stored.camera[:3])
    height, width = stored.kind.shape
    return Sample(
        image=stored.image,
        disparity=stored.disparity.astype(np.float32),
        sky=stored.sky * np.float32(1 / 255),
        clouds=stored.clouds * np.float32(1 / 255),
        kind=stored.kind,
        veiled=stored.veiled,
        latitude=latitudes(height, width, focal, pitch, roll),
    )


def latitudes(height: int, width: int, focal: float, pitch: float, roll: float) -> Floats:
    """Return the elevation angle (H, W) of each pixel's viewing ray, in radians.

    Args:
        height, width: Size of the picture in pixels; the axis goes through its middle.
        focal: Focal length in pixels.
        pitch: Angle of the axis above the horizontal, in radians.
        roll: Angle by which the horizon is turned clockwise in the picture, in radians.
    """
    x = np.arange(width, dtype=np.float32) + 0.5 - width / 2
    y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2)[:, None]
    up = math.cos(pitch) * (math.sin(roll) * x - math.cos(roll) * y) + math.sin(pitch) * focal
    return np.arcsin(up / np.sqrt(x * x + y * y + focal * focal)).astype(np.float32)


def mapped(sample: Sample, change: Any) -> Sample:
    """Return a sample of which each array was changed by a function of the array and its name."""
    arrays = {
        field.name: change(getattr(sample, field.name), field.name) for field in SAMPLE_FIELDS
    }
    return Sample(**arrays)


SAMPLE_FIELDS = fields(Sample)
SMOOTH = ("image", "sky", "clouds", "latitude")
"""Arrays that may be interpolated; the others would mix what doesn't mix."""


def random_crop(sample: Sample, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Return a random crop of a size (height, width): moved, zoomed, turned, stretched, mirrored.

    What a turned crop lacks at its corners is mirrored from inside.
    """
    fit = min(have / want for have, want in zip(sample.size, size, strict=True))
    step = fit * (1 - (1 - ZOOM) * rng.random() ** 2)
    stretch = math.exp(STRETCH * rng.standard_normal())
    steps = np.array([step / stretch, step * stretch])  # down, right
    steps = np.minimum(steps, np.divide(sample.size, size))
    angle = math.radians(TURN) * rng.standard_normal() * (rng.random() < TURNED)
    free = np.array(sample.size) - steps * size
    middle = np.array(sample.size) / 2 + free * (rng.random(2) - 0.5)
    result = crop(sample, size, middle, steps, angle)
    if rng.random() < 0.5:
        result = mapped(result, lambda array, _: np.ascontiguousarray(array[:, ::-1]))
    return result


def central_crop(sample: Sample, size: tuple[int, int]) -> Sample:
    """Return the largest crop of a size (height, width) from the middle."""
    step = min(have / want for have, want in zip(sample.size, size, strict=True))
    return crop(sample, size, np.array(sample.size) / 2, np.array([step, step]), 0.0)


def crop(
    sample: Sample, size: tuple[int, int], middle: Vector, steps: Vector, angle: float
) -> Sample:
    """Return a crop.

    Args:
        sample: What to crop.
        size: Height and width of the crop.
        middle: (2,) row and column of its middle in the picture.
        steps: (2,) pixels of the picture per pixel of the crop, down and to the right.
        angle: By which it is turned clockwise in the picture, in radians.
    """
    shrink = float(steps.min())
    if shrink > SHRINK:
        sample = shrunk(sample, shrink)
        middle, steps = middle / shrink, steps / shrink
    cos, sin = math.cos(angle), math.sin(angle)
    turned = np.array([[cos * steps[1], -sin * steps[0]], [sin * steps[1], cos * steps[0]]])
    center = np.array([size[1] - 1, size[0] - 1]) / 2
    offset = middle[::-1] - 0.5 - turned @ center
    matrix = np.column_stack([turned, offset])

    def warp(array: NDArray[Any], name: str) -> NDArray[Any]:
        method = cv2.INTER_LINEAR if name in SMOOTH else cv2.INTER_NEAREST
        flags = method | cv2.WARP_INVERSE_MAP
        reflect = cv2.BORDER_REFLECT_101
        return cv2.warpAffine(array, matrix, size[::-1], flags=flags, borderMode=reflect)

    return mapped(sample, warp)


def shrunk(sample: Sample, factor: float) -> Sample:
    """Return a sample made smaller by a factor, its smooth arrays averaged."""
    size = tuple(max(1, round(n / factor)) for n in sample.size[::-1])

    def resize(array: NDArray[Any], name: str) -> NDArray[Any]:
        method = cv2.INTER_AREA if name in SMOOTH else cv2.INTER_NEAREST
        return cv2.resize(array, size, interpolation=method)

    return mapped(sample, resize)


def with_image(sample: Sample, image: NDArray[np.uint8]) -> Sample:
    """Return a sample with another image."""
    return replace(sample, image=image)
