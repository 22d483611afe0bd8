"""One frame of the feature point cloud: splatted and decoded by the paper's networks (section 3.5).

Blender's side writes what it sees into a folder (see `NeuralFrame`), this module reads it there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...geometry.core.feature_files import load_features
from ...geometry.core.neural_frame import BACKWARD, FORWARD, NeuralFrame, load_frame
from ..common.errors import ModelError
from ..models.device import is_out_of_memory
from ..stages.context import StageContext
from .checkpoint import PaperNetworks
from .features import point_features
from .torch_splat import TensorSplats, composite

FEATURES = 32
NO_MEMORY = (
    "Not enough memory to paint this frame with the networks: render a smaller picture, or choose "
    "Device: CPU in the Models panel."
)


def paint_frame(scene: Path, output: Path, context: StageContext) -> None:
    """Read a frame from the folder `scene` and write its picture into the folder `output`.

    Writes image.npy (h, w, 3) float32, sRGB-encoded 0..1, and alpha.npy (h, w) float32, the
    accumulated alpha, top row first. Raises ModelError.
    """
    frame = load_frame(scene)
    networks = context.models.networks(Path(frame.networks))
    context.report(0.1)
    try:
        image, alpha = paint(frame, networks, context)
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise ModelError(NO_MEMORY) from error
        raise
    np.save(output / "image.npy", image.cpu().numpy())
    np.save(output / "alpha.npy", alpha.cpu().numpy())


@torch.inference_mode()
def paint(
    frame: NeuralFrame, networks: PaperNetworks, context: StageContext
) -> tuple[Tensor, Tensor]:
    """Picture (h, w, 3), sRGB 0..1, and alpha (h, w) of a frame.

    The still points are splatted with the forward copies and with the backward ones, and the
    decoder mixes the two at the frame's phase of the loop (3D symmetric animation).
    """
    place = next(networks.decoder.parameters()).device
    channels = point_channels(frame, place)
    pictures: list[Tensor] = []
    for left_out in (BACKWARD, FORWARD):
        if left_out == FORWARD and not frame.phase:
            pictures.append(pictures[0])  # nothing moves, or the loop begins: one picture is both
            continue
        shown = torch.from_numpy(frame.group != left_out).to(place)
        pictures.append(splatted(frame, channels, shown))
        context.report(0.4 if left_out == BACKWARD else 0.7)
    first, second = (picture.permute(2, 0, 1)[None] for picture in pictures)
    image = networks.decoder(first, second, frame.phase)[0].permute(1, 2, 0)
    alpha = (1.0 - frame.phase) * pictures[0][..., 3] + frame.phase * pictures[1][..., 3]
    return image.float(), alpha


def point_channels(frame: NeuralFrame, place: torch.device) -> Tensor:
    """What is splatted of each point (P, 37): red, green, blue, 1, 32 features, disparity."""
    count = len(frame.pixel)
    channels = torch.zeros(count, 3 + 1 + FEATURES + 1, device=place)
    channels[:, :3] = torch.from_numpy(frame.color).to(place)
    channels[:, 3] = 1.0
    channels[:, -1] = torch.from_numpy(frame.disparity).to(place)
    for index, path in enumerate(frame.features):
        maps, size = load_features(Path(path))
        here = np.flatnonzero(frame.source == index)
        pixel = torch.from_numpy(frame.pixel[here].astype(np.int64)).to(place)
        found = point_features(torch.from_numpy(maps).float().to(place), pixel, size)
        channels[torch.from_numpy(here).to(place), 4 : 4 + FEATURES] = found
    return channels


def splatted(frame: NeuralFrame, channels: Tensor, shown: Tensor) -> Tensor:
    """The channels (h, w, 37) of the points `shown` (P,), premultiplied and composited."""
    place = channels.device
    parts = (frame.u, frame.v, frame.z, frame.radius)
    splats = TensorSplats(*(torch.from_numpy(part).to(place)[shown] for part in parts))
    opacity = torch.from_numpy(frame.opacity).to(place)[shown]
    return composite(splats, channels[shown], frame.size, frame.nearest, opacity).image
