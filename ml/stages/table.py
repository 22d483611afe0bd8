"""The pipeline's table: which stage needs what, and what share of a job it is.

Plain data, apart from the code that runs the stages: Blender's side reads it too, to tell what an
edit or a changed setting makes stale.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...geometry.core.messages import Message
from ..common.job_settings import DIFFUSION, PER_LAYER, JobSettings


@dataclass(frozen=True)
class Stage:
    """What a stage's result depends on: settings, stages, and the choices of models (`inpaint`,
    `depth`, `motion`); weight: its share of a job's time."""

    name: str
    settings: tuple[str, ...]
    needs: tuple[str, ...]
    weight: float
    models: tuple[str, ...] = ()


STAGES = (
    Stage("photo", ("size",), (), 1),
    Stage(
        "outpaint",
        ("margin", "seed", *DIFFUSION),
        ("photo",),
        30,
        ("inpaint", "motion"),
    ),
    Stage("depth", ("size",), ("outpaint",), 10, ("depth", "motion")),
    Stage("matte", ("size",), ("outpaint", "depth"), 1),
    Stage("cluster", ("layers",), ("outpaint", "matte"), 1),
    Stage(
        "inpaint",
        ("seed", "size", *DIFFUSION, *PER_LAYER),
        ("depth", "matte", "cluster"),
        40,
        ("inpaint",),
    ),
    Stage(
        "layer_depth",
        ("layer_depth",),
        ("depth", "matte", "cluster", "inpaint"),
        15,
        ("depth", "motion"),
    ),
    Stage("features", (), ("inpaint", "layer_depth"), 1),
    Stage(
        "motion",
        ("motion", "loop_frames", "field_of_view"),
        ("photo", "outpaint", "depth", "inpaint", "layer_depth"),
        10,
        ("motion",),
    ),
    Stage(
        "cruise",
        ("fly", "field_of_view"),
        ("photo", "outpaint", "depth", "layer_depth"),
        1,
    ),
)
LIFT_WEIGHT = 5.0
STAGE_LABELS = {
    "start": "Starting",
    "photo": "Reading the photo",
    "outpaint": "Widening the photo",
    "depth": "Estimating depth",
    "matte": "Cutting out the silhouettes",
    "cluster": "Cutting into layers",
    "inpaint": "Painting what is hidden",
    "layer_depth": "Depth of every layer",
    "features": "Features of every layer",
    "motion": "Finding clouds and water",
    "cruise": "Planning the flight",
    "lift": "Lifting to 3D",
    "download": "Downloading",
    "paint": "Painting the frame",
}
"""What the artist is told of stages, and of what else the worker does."""


def stage_label(name: str) -> Message:
    """A stage's name for the artist."""
    return Message(STAGE_LABELS[name])


def stages_for(settings: JobSettings) -> tuple[Stage, ...]:
    """The stages of a job: features only where the paper's networks are named."""
    return tuple(stage for stage in STAGES if stage.name != "features" or settings.networks)
