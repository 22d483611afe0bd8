"""Stage 6, motion: the Eulerian flow field of every layer (paper, section 3.4).

What moves is detected, or painted by the artist; motion guides set its direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...geometry.core.editable_images import MOTION_FILE
from ...geometry.core.motion_edits import MotionEdits, load_edits
from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings, SettingsError
from . import cameras
from .context import StageContext
from .stage import FileInput, Stage

if TYPE_CHECKING:
    from ..classical.regions import MotionRegions

UNREADABLE_EDITS = "The motion edits can't be read ({error}). Press Update Motion again."
EDITS = FileInput("edits", MOTION_FILE)


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Detect what moves and how.

    What the photo shows moves alike in every layer. Only where a nearer layer hides it is a layer
    examined by itself.

    Returns:
        flow: (L, Hw, Ww, 2), pixels per frame.
        moving: (L, Hw, Ww), 0..1.
        regions: (Hw, Ww), 0..1, what moves in the outpainted photo.

    Raises SettingsError for edits that can't be read.
    """
    color, horizon = inputs["color"], float(inputs["horizon"][0])
    if not settings.motion:
        none = np.zeros((*color.shape[:3], 2), np.float32)
        return {"flow": none, "moving": none[..., 0], "regions": none[0, ..., 0]}
    from ..classical import layer_regions
    from ..classical.eulerian_flow import eulerian_flow
    from ..models.backends import SceneDepth, find_regions

    edits = edits_for(settings, color.shape[1:3])
    depth = SceneDepth(inputs["disparity"], inputs["sky"], horizon)
    count = len(color)
    photo = find_regions(
        inputs["outpainted"], depth, settings, context.within(0.0, 1 / (count + 1))
    )
    if edits.regions is not None:
        photo = layer_regions.edited_regions(edits.regions, photo, inputs["sky"], horizon)
    camera = cameras.cameras(inputs, settings.field_of_view)[1]
    flows, movings = [], []
    for i in range(count):
        part = context.within((i + 1) / (count + 1), (i + 2) / (count + 1))
        regions = _regions_of_layer(i, photo, edits, inputs, settings, part) if i > 0 else photo
        motion = eulerian_flow(
            color[i], regions, camera, horizon, settings.loop_frames, edits.guides
        )
        flows.append(motion.flow)
        movings.append(motion.moving)
        context.report((i + 2) / (count + 1))
    moving_regions = layer_regions.union(photo)
    return {"flow": np.stack(flows), "moving": np.stack(movings), "regions": moving_regions}


def edits_for(settings: JobSettings, shape: tuple[int, ...]) -> MotionEdits:
    """Return the job's motion edits, with regions at the shape of the outpainted photo (Hw, Ww)."""
    path = EDITS.path(settings)
    if path is None or not path.exists():
        return MotionEdits()
    try:
        edits = load_edits(path)
    except (OSError, ValueError) as error:
        raise SettingsError(UNREADABLE_EDITS, error=error) from error
    if edits.regions is None or edits.regions.shape == shape:
        return edits
    from ..classical.layer_regions import resized

    return MotionEdits(resized(edits.regions, shape), edits.guides)


def _regions_of_layer(
    i: int,
    photo: MotionRegions,
    edits: MotionEdits,
    inputs: Arrays,
    settings: JobSettings,
    context: StageContext,
) -> MotionRegions:
    """Return the regions of a layer: those of the photo, and its own where it is hidden.

    Edited regions continue behind what hides them, in the layer that they belong to.
    """
    from ..classical import layer_regions
    from ..models.backends import SceneDepth, find_regions

    sky, horizon = inputs["layer_sky"][i], float(inputs["horizon"][0])
    observed = inputs["observed"][i]
    hidden = layer_regions.hidden_part(photo, inputs["member"][i], observed, sky)
    if edits.regions is not None:
        return layer_regions.continued(photo, observed, hidden)
    disparity = (1.0 / inputs["depth"][i]).astype(np.float32)
    own = find_regions(inputs["color"][i], SceneDepth(disparity, sky, horizon), settings, context)
    return layer_regions.replaced(photo, own, hidden)


STAGE = Stage(
    name="motion",
    label="Detecting clouds and water",
    result_label="Motion",
    run=run,
    needs=(*cameras.NEEDS, "inpaint", "layer_depth"),
    settings=("motion", "loop_frames", "field_of_view"),
    models=("motion",),
    files=(EDITS,),
    weight=10,
)
