"""The scene network, run by OpenCV: the maps of an image.

The weights come with the add-on. OpenCV runs them on the processor, the same way every time. The
network looks twice: at a small image, mirrored, whose whole it grasps, and at a larger one, which
shows details.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ..common.errors import ModelError
from .maps import CHANNELS, INPUT, MULTIPLE, OUTPUT, Map, probability

WEIGHTS = Path(__file__).parent / "scene.onnx"
DETAIL_SIDE, WHOLE_SIDE = 448, 288
"""Longer sides, in pixels, of the image at both looks; the network was trained at about the smaller
one."""
SHORTEST_SIDE = 256
"""Longer side to which smaller images are enlarged."""
DETAIL = 3.0
"""Standard deviation, in pixels of the maps, of what counts as detail, for which only the larger
look counts."""
LEAST_WEIGHT = 1e-3
"""Added to the weight of a neighborhood: where it is sky alone, both looks agree."""
WHOLE_SHARE = 0.75
"""How much the smaller look counts for everything else."""
FRAME = 3
"""Width, in pixels of the maps, of the border where the network's padding, zeros, shows: there the
maps are continued from inside."""

MISSING = "The scene network {path} can't be read: install the add-on again."
UNREADABLE = "OpenCV {version} can't read the scene network: install the add-on or OpenCV again."
UNUSABLE = "OpenCV {version} can't run the scene network ({error})."


@dataclass(frozen=True, eq=False)
class SceneMaps:
    """What the network sees in an image.

    Attributes:
        maps: (CHANNELS, h, w) float32, over the whole image; see `maps.Map`.
        difference: (h, w) float32, by how much the log disparities of both looks differ.
    """

    maps: FloatArray
    difference: FloatArray


class SceneNetwork:
    """The scene network in memory; not thread-safe.

    Args:
        path: File of the network, by default the one that comes with the add-on.

    Raises ModelError if the file is missing or damaged, or if OpenCV is too old for it.
    """

    def __init__(self, path: Path = WEIGHTS) -> None:
        try:
            stored = np.frombuffer(path.read_bytes(), np.uint8)
        except OSError as error:
            raise ModelError(MISSING, path=path) from error
        try:
            self._net = cv2.dnn.readNetFromONNX(stored)
        except cv2.error as error:
            raise ModelError(UNREADABLE, version=cv2.__version__) from error

    def maps(self, image: FloatArray) -> SceneMaps:
        """Return the maps of an image (H, W, 3), sRGB 0..1, of any size.

        Raises ModelError if OpenCV can't run the network or its output isn't finite.
        """
        detail = self.look(image, DETAIL_SIDE)
        mirrored = self.look(np.ascontiguousarray(image[:, ::-1]), WHOLE_SIDE)
        whole = np.stack(
            [
                resized(np.ascontiguousarray(other), detail.shape[1:])
                for other in mirrored[..., ::-1]
            ]
        )
        differences = np.stack([cv2.GaussianBlur(own, (0, 0), DETAIL) for own in whole - detail])
        # How deep the sky is says nothing about what stands before it, nor do mixed pixels.
        solid = np.prod([probability(-look[Map.SKY]) for look in (detail, whole)], axis=0)
        differences[Map.LOG_DISPARITY] = _weighted_blur(
            (whole - detail)[Map.LOG_DISPARITY], cv2.erode(solid, np.ones((3, 3), np.uint8))
        )
        maps = (detail + WHOLE_SHARE * differences).astype(np.float32)
        return SceneMaps(maps, differences[Map.LOG_DISPARITY])

    def look(self, image: FloatArray, longer_side: int) -> FloatArray:
        """Return the maps of one look at an image (H, W, 3).

        longer_side: Of the image that the network is given, in pixels.

        Raises ModelError as `maps` does.
        """
        height, width = image.shape[:2]
        small = resized(image, input_size(height, width, longer_side))
        blob = np.ascontiguousarray((2.0 * small - 1.0).transpose(2, 0, 1)[None], np.float32)
        try:
            self._net.setInput(blob, INPUT)
            output = np.asarray(self._net.forward(OUTPUT), np.float32)
        except cv2.error as error:
            raise ModelError(UNUSABLE, version=cv2.__version__, error=error.err) from error
        if output.shape[:2] != (1, CHANNELS) or not np.isfinite(output).all():
            raise ModelError(UNUSABLE, version=cv2.__version__, error=str(output.shape))
        inner = output[0, :, FRAME:-FRAME, FRAME:-FRAME]
        return np.pad(inner, ((0, 0), (FRAME, FRAME), (FRAME, FRAME)), "edge")


def _weighted_blur(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the weighted mean of values (h, w) around each pixel."""
    total = cv2.GaussianBlur(weight, (0, 0), DETAIL) + np.float32(LEAST_WEIGHT)
    return np.asarray(cv2.GaussianBlur(values * weight, (0, 0), DETAIL) / total, np.float32)


def input_size(height: int, width: int, longer_side: int = DETAIL_SIDE) -> tuple[int, int]:
    """Return the height and width at which an image of a size is given to the network.

    Both are the multiples of `MULTIPLE` nearest to the image's own proportions.
    """
    longer = max(height, width)
    scale = min(max(longer, SHORTEST_SIDE), longer_side) / longer
    rows, columns = (max(round(n * scale / MULTIPLE), 1) * MULTIPLE for n in (height, width))
    return rows, columns


def resized(image: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return an image (H, W, ...) at another height and width, averaged where it shrinks."""
    shrinks = size[0] < image.shape[0] or size[1] < image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size[::-1], interpolation=method), np.float32)
