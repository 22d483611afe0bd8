"""One frame of the feature point cloud, splatted and decoded by the paper's networks (section 3.5).

Blender's side writes the frame into a folder (see `NeuralFrame`); this module reads it there.
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

FEATURE_CHANNELS = 32
OUT_OF_MEMORY = (
    "Not enough memory to render this frame with the networks: render a smaller image, or choose "
    "Device: CPU in the Models panel."
)


def render_frame(scene: Path, output: Path, context: StageContext) -> None:
    """Render a frame from files and write the result to files.

    Writes image.npy (h, w, 3) float32, sRGB-encoded 0..1, and alpha.npy (h, w) float32, the
    accumulated alpha, top row first.

    Args:
        scene: Folder with the frame.
        output: Folder for the result.
        context: Holds the networks; progress is reported to it.

    Raises ModelError.
    """
    frame = load_frame(scene)
    networks = context.models.networks(Path(frame.networks))
    context.report(0.1)
    try:
        image, alpha = render(frame, networks, context)
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise ModelError(OUT_OF_MEMORY) from error
        raise
    np.save(output / "image.npy", image.cpu().numpy())
    np.save(output / "alpha.npy", alpha.cpu().numpy())


@torch.inference_mode()
def render(
    frame: NeuralFrame, networks: PaperNetworks, context: StageContext
) -> tuple[Tensor, Tensor]:
    """Render a frame.

    The still points are splatted once with the forward copies and once with the backward ones, and
    the decoder mixes the two at the frame's phase (3D symmetric animation).

    Args:
        frame: Points and settings.
        networks: The paper's networks.
        context: Progress is reported to it.

    Returns the image (h, w, 3), sRGB 0..1, and its alpha (h, w).
    """
    device = next(networks.decoder.parameters()).device
    channels = point_channels(frame, device)
    images: list[Tensor] = []
    for excluded in (BACKWARD, FORWARD):
        if excluded == FORWARD and not frame.phase:
            images.append(images[0])  # nothing moves or the loop starts: both are the same
            continue
        visible = torch.from_numpy(frame.group != excluded).to(device)
        images.append(splat_points(frame, channels, visible))
        context.report(0.4 if excluded == BACKWARD else 0.7)
    first, second = (image.permute(2, 0, 1)[None] for image in images)
    image = networks.decoder(first, second, frame.phase)[0].permute(1, 2, 0)
    alpha = (1.0 - frame.phase) * images[0][..., 3] + frame.phase * images[1][..., 3]
    return image.float(), alpha


def point_channels(frame: NeuralFrame, device: torch.device) -> Tensor:
    """Return the channels (P, 37) of points: red, green, blue, 1, 32 features, disparity."""
    count = len(frame.pixel)
    channels = torch.zeros(count, 3 + 1 + FEATURE_CHANNELS + 1, device=device)
    channels[:, :3] = torch.from_numpy(frame.color).to(device)
    channels[:, 3] = 1.0
    channels[:, -1] = torch.from_numpy(frame.disparity).to(device)
    for index, path in enumerate(frame.features):
        maps, size = load_features(Path(path))
        rows = np.flatnonzero(frame.source == index)
        pixel = torch.from_numpy(frame.pixel[rows].astype(np.int64)).to(device)
        features = point_features(torch.from_numpy(maps).float().to(device), pixel, size)
        channels[torch.from_numpy(rows).to(device), 4 : 4 + FEATURE_CHANNELS] = features
    return channels


def splat_points(frame: NeuralFrame, channels: Tensor, visible: Tensor) -> Tensor:
    """Splat points and composite their channels.

    Args:
        frame: Points and settings.
        channels: (P, 37) as returned by `point_channels`.
        visible: (P,) mask of the points to draw.

    Returns (h, w, 37), premultiplied.
    """
    device = channels.device
    parts = (frame.u, frame.v, frame.z, frame.radius)
    splats = TensorSplats(*(torch.from_numpy(part).to(device)[visible] for part in parts))
    opacity = torch.from_numpy(frame.opacity).to(device)[visible]
    return composite(splats, channels[visible], frame.size, frame.nearest, opacity).image
