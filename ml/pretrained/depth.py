"""Depth by a pretrained network, and the disparity of the scene that is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import transformers
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray
from ..classical.layout import FAR
from ..common.context import Context
from ..common.errors import ModelError
from ..common.registry import ModelSpec
from ..models.device import Device
from .loading import Network, Outputs, as_network_sees, named
from .upsample import at_picture_size

NEAREST = 99.9
"""Percentile of the disparities that is taken for the nearest: single pixels lie."""
FARTHEST = 1.0
FAR_WALL = 0.1
"""Disparity of the farthest thing where no sky is seen: a room is about ten times as deep as its
nearest thing is away."""
MIN_SKY = 0.005
"""Share of the picture that must be sky for its disparity to be believed as the zero."""
METRES = (1e-3, 1e4)
"""Least and greatest depth that a network is believed."""
FIELD_OF_VIEW = (1.0, 175.0)
"""Degrees that a network is believed."""


@dataclass(frozen=True)
class NetworkDepth:
    """What a network says of a picture's depth.

    disparity (H, W) float32, larger is nearer, finite: 1 / meters where `metric`, else relative, up
    to an unknown scale and shift; focal: pixels at the picture's width, 0 where the network doesn't
    tell it.
    """

    disparity: FloatArray
    metric: bool
    focal: float


class DepthModel:
    """A network that estimates depth, loaded until it is closed.

    folder: of the model's files; raises ModelError where they don't hold a depth network.
    """

    def __init__(self, folder: Path, spec: ModelSpec, device: Device, context: Context) -> None:
        kind = transformers.AutoModelForDepthEstimation
        self._network = Network(kind, folder, spec, device, context)
        self._meaning = _meaning(self._network.config, spec)

    def estimate(self, image: FloatArray, context: Context) -> NetworkDepth:
        """Estimate the depth of an image (H, W, 3) float32, sRGB 0..1, of any size.

        The network runs at its own size; edges are those of the image. Raises ModelError.
        """
        width = image.shape[1]
        asked = ("predicted_depth", "field_of_view")
        outputs = self._network.run(image, asked, context.within(0.0, 0.6))
        focal = _focal(outputs, width) if self._meaning == "canonical" else 0.0
        predicted = self._without_padding(outputs["predicted_depth"], image)
        disparity = _disparity(predicted, self._meaning, focal / width)
        fine = at_picture_size(disparity, image, context.part(0.6, 1.0))
        return NetworkDepth(fine, self._meaning == "meters" or focal > 0, focal)

    def close(self) -> None:
        """Free the network and its memory."""
        self._network.close()

    def _without_padding(self, predicted: FloatArray, image: FloatArray) -> FloatArray:
        """Cut off what the processor added around the picture before it was resized."""
        seen = as_network_sees(*image.shape[:2])
        rows, columns = self._network.padding(*seen)
        if not rows and not columns:
            return predicted
        # At the picture's own size the cut falls between pixels; at the network's it wouldn't.
        full = (seen[1] + 2 * columns, seen[0] + 2 * rows)
        large = cv2.resize(predicted, full, interpolation=cv2.INTER_LINEAR)
        return large[rows : rows + seen[0], columns : columns + seen[1]]


def _meaning(config: Any, spec: ModelSpec) -> str:
    """What a network's numbers are: `inverse` (relative inverse depth), `meters`, or `canonical`
    (inverse meters once divided by the focal length as a share of the width)."""
    backbone = getattr(getattr(config, "backbone_config", None), "model_type", "")
    kind = config.model_type
    if kind == "dpt":  # those upon DINOv2 were trained on meters, MiDaS' on inverse depth
        return "meters" if backbone == "dinov2" and not config.is_hybrid else "inverse"
    if kind == "depth_anything":
        return "meters" if config.depth_estimation_type == "metric" else "inverse"
    if kind in ("zoedepth", "glpn"):
        return "meters"
    if kind == "depth_pro":
        return "canonical"
    raise ModelError(
        "{label} doesn't tell what its depths mean: choose another model for {stage}.",
        **named(spec),
    )


def _focal(outputs: Outputs, width: int) -> float:
    """Focal length in pixels of a picture's width from the field of view in degrees, or 0."""
    degrees = float(np.squeeze(outputs.get("field_of_view", np.zeros(1, np.float32))))
    if not FIELD_OF_VIEW[0] <= degrees <= FIELD_OF_VIEW[1]:
        return 0.0
    return float(0.5 * width / np.tan(0.5 * np.radians(degrees)))


def _disparity(predicted: FloatArray, meaning: str, focal: float) -> FloatArray:
    """Disparity (h, w) of a network's numbers; focal as a share of the width, 0 for unknown."""
    if meaning == "meters":
        return (1.0 / np.clip(predicted, *METRES)).astype(np.float32)
    if meaning == "canonical" and focal > 0:
        nearest, farthest = 1.0 / METRES[0], 1.0 / METRES[1]
        return np.clip(predicted / focal, farthest, nearest).astype(np.float32)
    return predicted.astype(np.float32)


def scene_disparity(depth: NetworkDepth, sky: FloatArray) -> tuple[FloatArray, float]:
    """The scene's disparity (H, W) float32 and its unit in meters, of a soft sky mask (H, W) 0..1.

    Disparity is 1 nearest, exactly 0 where sky > 0.5, and never below FAR elsewhere. A metric
    network's is the nearest's meters over meters, and the unit those meters; a relative one's unit
    is 0, and its zero is found by `_zero`. Raises ModelError for disparities that aren't finite.
    """
    values = depth.disparity
    if not np.isfinite(values).all():
        raise ModelError("The depth has gaps: choose another model for Depth.")
    solid = sky <= 0.5
    if not solid.any():
        return np.zeros(values.shape, np.float32), 0.0
    near = float(np.percentile(values[solid], NEAREST))
    zero = 0.0 if depth.metric else _zero(values, solid, near)
    spread = near - zero
    scaled = (values - zero) / spread if spread > 0 else np.ones_like(values)
    disparity = np.where(solid, np.clip(scaled, FAR, 1.0), 0.0).astype(np.float32)
    return disparity, 1.0 / near if depth.metric else 0.0


def _zero(values: FloatArray, solid: NDArray[np.bool_], near: float) -> float:
    """The relative disparity that is infinitely far away.

    The sky's median where it is seen, and believed only where things are mostly nearer. Without a
    sky, the min-max normalization of the paper with a robust minimum, which becomes FAR_WALL rather
    than 0.
    """
    far = float(np.percentile(values[solid], FARTHEST))
    if 1.0 - solid.mean() >= MIN_SKY:
        zero = float(np.median(values[~solid]))
        if zero < np.median(values[solid]):
            return zero
    return (far - FAR_WALL * near) / (1.0 - FAR_WALL)
