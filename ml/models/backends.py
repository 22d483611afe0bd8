"""The backend of each stage: built-in, or the pretrained model that the settings name.

Stages call these functions without knowing which backend does the work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray
from ..classical import completion, outpaint
from ..common.job_settings import JobSettings
from ..common.registry import BUILTIN
from ..scene.reading import NO_MARGINS, Layout, Margins, SceneReading, read_layout, read_scene
from ..stages.context import StageContext

Mask = NDArray[np.bool_]


def read_image(
    image: FloatArray,
    settings: JobSettings,
    context: StageContext,
    margins: Margins = NO_MARGINS,
) -> SceneReading:
    """Return what an image (H, W, 3) shows.

    The scene network reads everything; pretrained models replace its depth, or its sky and water.

    Args:
        image: sRGB, 0..1.
        settings, context: Of the stage.
        margins: Pixels at the top, right, bottom and left that were outpainted.
    """
    network = context.models.scene_network()
    if settings.motion_model == BUILTIN:
        reading = read_scene(image, network, margins=margins)
    else:
        segmenting = context.within(0.0, 0.3)
        found = context.models.segmentation(settings, segmenting).segment(image, segmenting)
        reading = read_scene(image, network, found.sky, margins)
        reading = replace(reading, water=found.water, falls=found.fall)
    if settings.depth_model == BUILTIN:
        return reading
    from ..pretrained.depth import scene_disparity

    estimating = context.within(0.3, 1.0)
    estimate = context.models.depth(settings, estimating).estimate(image, estimating)
    disparity, meters_per_unit = scene_disparity(estimate, reading.sky)
    return replace(
        reading,
        disparity=disparity,
        focal=estimate.focal or reading.focal,
        confidence=1.0,
        meters_per_unit=meters_per_unit,
    )


def find_layout(image: FloatArray, settings: JobSettings, context: StageContext) -> Layout:
    """Return what of an image (H, W, 3) goes on past its borders."""
    sky = None
    if settings.motion_model != BUILTIN:
        sky = context.models.segmentation(settings, context).segment(image, context).sky
    return read_layout(image, context.models.scene_network(), sky)


def outpaint_photo(
    image: FloatArray,
    margins: Margins,
    settings: JobSettings,
    context: StageContext,
) -> FloatArray:
    """Return an image continued past its borders (paper, eq. 1), its own pixels unchanged.

    Args:
        image: (H, W, 3), sRGB 0..1.
        margins: Pixels to add at the top, right, bottom and left.
        settings, context: Of the stage.
    """
    if settings.inpaint_model == BUILTIN:
        layout = find_layout(image, settings, context.within(0.0, 0.05))
        return outpaint.outpaint(
            image,
            margins,
            sky=layout.sky,
            vanishing_point=layout.vanishing_point,
            seed=settings.seed,
            report=context.part(0.05, 1.0),
        )
    top, right, bottom, left = margins
    spread = ((top, bottom), (left, right))
    hole = np.pad(np.zeros(image.shape[:2], bool), spread, constant_values=True)
    outpainted = np.pad(image, (*spread, (0, 0)))
    model = context.models.inpainter(settings, settings.prompt, context)
    return model.fill(outpainted, hole, settings.seed, context)


def fill_hole(
    image: FloatArray,
    hole: Mask,
    guide: Callable[[], FloatArray],
    layer: int,
    settings: JobSettings,
    context: StageContext,
) -> FloatArray:
    """Return an image with its hole inpainted and the rest unchanged.

    Args:
        image: (H, W, 3), sRGB 0..1.
        hole: (H, W).
        guide: Returns (H, W, C), defined everywhere; the built-in backend, which alone needs it,
            fills from places with similar values.
        layer: Number of the layer, which has its own seed and prompt.
        settings, context: Of the stage.
    """
    seed = settings.seed_of(layer)
    if settings.inpaint_model == BUILTIN:
        report = context.part(0.0, 1.0)
        return completion.complete(image, hole, descriptors=guide(), seed=seed, report=report)
    model = context.models.inpainter(settings, settings.prompt_of(layer), context)
    return model.fill(image, hole, seed, context)
