"""The pipeline's stages in the order they run. Each module declares its own."""

from __future__ import annotations

from ...geometry.core.messages import Message
from ..common.job_settings import JobSettings
from ..common.protocol import TASK_LABELS
from . import (
    cluster,
    cruise,
    depth,
    features,
    inpaint,
    layer_depth,
    lift,
    matte,
    motion,
    outpaint,
    photo,
)
from .stage import Stage

STAGES: tuple[Stage, ...] = (
    photo.STAGE,
    outpaint.STAGE,
    depth.STAGE,
    matte.STAGE,
    cluster.STAGE,
    inpaint.STAGE,
    layer_depth.STAGE,
    features.STAGE,
    motion.STAGE,
    cruise.STAGE,
    lift.STAGE,
)
STAGE_LABELS = TASK_LABELS | {stage.name: stage.label for stage in STAGES}
"""English labels of everything that the worker reports progress of."""


def stage_label(name: str) -> Message:
    """Return the label of a stage, or of another task of the worker."""
    return Message(STAGE_LABELS[name])


def stages_for(settings: JobSettings) -> tuple[Stage, ...]:
    """Return the stages of a job."""
    return tuple(stage for stage in STAGES if stage.applies(settings))
