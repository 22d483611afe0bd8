"""Stage 4b, the paper's feature point cloud: features of every layer's picture (section 3.3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..cache import Arrays
from ..context import Context
from ..settings import JobSettings


def run(inputs: Arrays, settings: JobSettings, context: Context) -> Arrays:
    """Run the paper's feature network over the layers, where the artist named its checkpoint.

    Returns `features` (L, 32, ceil(Hw / 4), ceil(Ww / 4)) float16, of each layer's colours and, as
    alpha, its members; nothing without a checkpoint. Raises ModelError.
    """
    if not settings.networks:
        return {}
    from ..networks.features import layer_features

    network = context.models.networks(Path(settings.networks)).features
    color, member = inputs["color"], inputs["member"]
    features = []
    for i in range(len(color)):
        context.report(i / len(color), f"Layer {i + 1} of {len(color)}")
        features.append(layer_features(network, color[i], member[i]))
    return {"features": np.stack(features)}
