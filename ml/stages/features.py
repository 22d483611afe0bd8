"""Stage 4b, the paper's feature point cloud: features of every layer's image (section 3.3)."""

from __future__ import annotations

from pathlib import Path

from ..cache.stage_cache import Arrays
from ..common.errors import ModelError, no_checkpoint
from ..common.job_settings import JobSettings
from .context import StageContext
from .stage import FileInput, Stage

NO_MEMORY = (
    "Not enough memory for the paper's networks. Choose a smaller Size, or set Device to CPU in "
    "the Models panel."
)


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Run the paper's feature network on the layers.

    Returns:
        features: (L, 32, ceil(Hw / 4), ceil(Ww / 4)) float16, of each layer's colors with its
            members as alpha.

    Raises ModelError.
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


STAGE = Stage(
    name="features",
    label="Extracting features",
    run=run,
    needs=("inpaint", "layer_depth"),
    files=(FileInput("networks", missing=no_checkpoint),),
    weight=1,
    applies=lambda settings: bool(settings.networks),
)
