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
    """Make what moves flow.

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
    from ..classical import regions
    from ..classical.eulerian_flow import eulerian_flow

    edits = edits_for(settings, color.shape[1:3])
    count = len(color)
    photo = regions.regions_of(*(inputs[name] for name in ("sky", "water", "falls")))
    if edits.regions is not None:
        photo = regions.edited_regions(edits.regions, photo, inputs["sky"], horizon)
    camera = cameras.cameras(inputs, settings.field_of_view)[1]
    flows, movings = [], []
    for i in range(count):
        moves = _regions_of_layer(i, photo, edits, inputs) if i > 0 else photo
        motion = eulerian_flow(color[i], moves, camera, horizon, settings.loop_frames, edits.guides)
        flows.append(motion.flow)
        movings.append(motion.moving)
        context.report((i + 1) / count)
    moving_regions = regions.union(photo)
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
    from ..classical.regions import resized

    return MotionEdits(resized(edits.regions, shape), edits.guides)


def _regions_of_layer(
    i: int, photo: MotionRegions, edits: MotionEdits, inputs: Arrays
) -> MotionRegions:
    """Return the regions of a layer: those of the photo, and its own where it is hidden.

    Edited regions continue behind what hides them, in the layer that they belong to.
    """
    from ..classical import regions

    observed, sky = inputs["observed"][i], inputs["layer_sky"][i]
    hidden = regions.hidden_part(photo, inputs["member"][i], observed, sky)
    if edits.regions is not None:
        return regions.continued(photo, observed, hidden)
    own = regions.regions_of(sky, inputs["layer_water"][i], inputs["layer_falls"][i])
    return regions.replaced(photo, own, hidden)


STAGE = Stage(
    name="motion",
    label="Detecting clouds and water",
    result_label="Motion",
    run=run,
    needs=(*cameras.NEEDS, "inpaint", "layer_depth"),
    settings=("motion", "loop_frames", "field_of_view"),
    files=(EDITS,),
    weight=10,
    version=2,
)
