"""Stage 4b, the paper's feature point cloud: features of every layer's picture (section 3.3)."""

from __future__ import annotations

from pathlib import Path

from ..cache.stage_cache import Arrays
from ..common.errors import ModelError
from ..common.job_settings import JobSettings
from .context import StageContext

NO_MEMORY = (
    "Not enough memory for the paper's networks: choose a smaller Size, or Device: CPU in the "
    "Models panel."
)


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Run the paper's feature network over the layers.

    Returns `features` (L, 32, ceil(Hw / 4), ceil(Ww / 4)) float16, of each layer's colors and, as
    alpha, its members. Raises ModelError.
    """
    from ..models.device import is_out_of_memory
    from ..networks.features import layer_features

    network = context.models.networks(Path(settings.networks)).features
    context.report(0.1)
    try:
        return {"features": layer_features(network, inputs["color"], inputs["member"])}
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise ModelError(NO_MEMORY) from error
        raise
