"""Depth estimation by a pretrained network, and the scene's disparity derived from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import transformers

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from ..common.context import Context
from ..common.errors import ModelError
from ..common.registry import ModelSpec
from ..models.device import Device
from ..scene.relief import FAR
from .loading import Network, Outputs, message_fields, network_input_size
from .upsample import upsample_to_image

UNKNOWN_OUTPUT = (
    "The depth that {label} estimates has no known unit: choose another model for {stage}."
)
NOT_FINITE = "The estimated depth has gaps: choose another model for Depth."

NEAREST_PERCENTILE = 99.9
"""Percentile of the disparities that counts as the nearest, because single pixels are
unreliable."""
FARTHEST_PERCENTILE = 1.0
"""Percentile of the disparities that counts as the farthest."""
FAR_WALL_DISPARITY = 0.1
"""Disparity of the farthest object if no sky is visible: a room is about ten times as deep as the
distance to its nearest object."""
MIN_SKY_AREA = 0.005
"""Minimum sky, as a fraction of the image, for its disparity to define infinity."""
METER_RANGE = (1e-3, 1e4)
"""Range in meters that depths are clipped to."""
FIELD_OF_VIEW_RANGE = (1.0, 175.0)
"""Range in degrees of plausible fields of view."""


@dataclass(frozen=True)
class DepthPrediction:
    """A network's depth of an image.

    Attributes:
        disparity: (H, W) float32, finite, larger is nearer: 1 / meters if `metric`, else relative,
            up to an unknown scale and shift.
        metric: Whether the disparity is in 1 / meters.
        focal: Focal length in pixels at the image's width, 0 if the network doesn't estimate it.
    """

    disparity: FloatArray
    metric: bool
    focal: float


class DepthModel:
    """A depth estimation network, loaded until it is closed.

    Args:
        folder: Folder of the model's files.
        spec: The model's registry entry.
        device: Where it runs.
        context: Progress of loading is reported to it.

    Raises ModelError if the folder doesn't hold a depth estimation network.
    """

    def __init__(self, folder: Path, spec: ModelSpec, device: Device, context: Context) -> None:
        model_class = transformers.AutoModelForDepthEstimation
        self._network = Network(model_class, folder, spec, device, context)
        self._output_kind = _output_kind(self._network.config, spec)

    def estimate(self, image: FloatArray, context: Context) -> DepthPrediction:
        """Estimate the depth of an image (H, W, 3) float32, sRGB 0..1, of any size.

        The network runs at its own size; the edges of the result are those of the image. Raises
        ModelError.
        """
        width = image.shape[1]
        names = ("predicted_depth", "field_of_view")
        outputs = self._network.run(image, names, context.within(0.0, 0.6))
        focal = _focal(outputs, width) if self._output_kind == "canonical" else 0.0
        predicted = self._without_padding(outputs["predicted_depth"], image)
        disparity = _disparity(predicted, self._output_kind, focal / width)
        upsampled = upsample_to_image(disparity, image, context.part(0.6, 1.0))
        return DepthPrediction(upsampled, self._output_kind == "meters" or focal > 0, focal)

    def close(self) -> None:
        """Free the network and its memory."""
        self._network.close()

    def _without_padding(self, predicted: FloatArray, image: FloatArray) -> FloatArray:
        """Cut off what the processor padded around the image before resizing it."""
        input_size = network_input_size(*image.shape[:2])
        rows, columns = self._network.padding(*input_size)
        if not rows and not columns:
            return predicted
        # At the image's own size the cut falls between pixels; at the network's it wouldn't.
        full = (input_size[1] + 2 * columns, input_size[0] + 2 * rows)
        enlarged = cv2.resize(predicted, full, interpolation=cv2.INTER_LINEAR)
        return enlarged[rows : rows + input_size[0], columns : columns + input_size[1]]


def _output_kind(config: Any, spec: ModelSpec) -> str:
    """Return what a network's output is.

    `inverse` is relative inverse depth, `meters` depth in meters, and `canonical` becomes inverse
    meters once divided by the focal length as a fraction of the width.
    """
    backbone = getattr(getattr(config, "backbone_config", None), "model_type", "")
    model_type = config.model_type
    if model_type == "dpt":  # with a DINOv2 backbone trained on meters, MiDaS's on inverse depth
        return "meters" if backbone == "dinov2" and not config.is_hybrid else "inverse"
    if model_type == "depth_anything":
        return "meters" if config.depth_estimation_type == "metric" else "inverse"
    if model_type in ("zoedepth", "glpn"):
        return "meters"
    if model_type == "depth_pro":
        return "canonical"
    raise ModelError(UNKNOWN_OUTPUT, **message_fields(spec))


def _focal(outputs: Outputs, width: int) -> float:
    """Return the focal length in pixels at an image's width from the field of view, or 0."""
    degrees = float(np.squeeze(outputs.get("field_of_view", np.zeros(1, np.float32))))
    if not FIELD_OF_VIEW_RANGE[0] <= degrees <= FIELD_OF_VIEW_RANGE[1]:
        return 0.0
    return float(0.5 * width / np.tan(0.5 * np.radians(degrees)))


def _disparity(predicted: FloatArray, output_kind: str, focal: float) -> FloatArray:
    """Return the disparity (h, w) of a network's output.

    `focal` is a fraction of the width, or 0 if unknown.
    """
    if output_kind == "meters":
        return (1.0 / np.clip(predicted, *METER_RANGE)).astype(np.float32)
    if output_kind == "canonical" and focal > 0:
        max_disparity, min_disparity = 1.0 / METER_RANGE[0], 1.0 / METER_RANGE[1]
        return np.clip(predicted / focal, min_disparity, max_disparity).astype(np.float32)
    return predicted.astype(np.float32)


def scene_disparity(depth: DepthPrediction, sky: FloatArray) -> tuple[FloatArray, float]:
    """Return the scene's disparity and the meters per scene unit.

    The disparity (H, W) float32 is 1 at the nearest, exactly 0 where sky > 0.5, and at least FAR
    elsewhere. A metric disparity is divided by that of the nearest, whose meters are the scene
    unit. For a relative one the unit is 0, and its value at infinity is estimated.

    Args:
        depth: The network's prediction.
        sky: (H, W) soft sky mask, 0..1.

    Raises ModelError for disparities that aren't finite.
    """
    values = depth.disparity
    if not np.isfinite(values).all():
        raise ModelError(NOT_FINITE)
    not_sky = sky <= 0.5
    if not not_sky.any():
        return np.zeros(values.shape, np.float32), 0.0
    nearest = float(np.percentile(values[not_sky], NEAREST_PERCENTILE))
    infinity = 0.0 if depth.metric else _infinity(values, not_sky, nearest)
    disparity_range = nearest - infinity
    scaled = (values - infinity) / disparity_range if disparity_range > 0 else np.ones_like(values)
    disparity = np.where(not_sky, np.clip(scaled, FAR, 1.0), 0.0).astype(np.float32)
    return disparity, 1.0 / nearest if depth.metric else 0.0


def _infinity(values: FloatArray, not_sky: Mask, nearest: float) -> float:
    """Return the relative disparity of what is infinitely far away.

    This is the sky's median if sky is visible and most of the rest is nearer. Without a sky, it
    follows the paper's min-max normalization with a robust minimum, which becomes
    FAR_WALL_DISPARITY rather than 0.
    """
    far = float(np.percentile(values[not_sky], FARTHEST_PERCENTILE))
    if 1.0 - not_sky.mean() >= MIN_SKY_AREA:
        infinity = float(np.median(values[~not_sky]))
        if infinity < np.median(values[not_sky]):
            return infinity
    return (far - FAR_WALL_DISPARITY * nearest) / (1.0 - FAR_WALL_DISPARITY)
