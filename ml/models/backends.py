"""The backend of each stage: built-in, or the pretrained model that the settings name.

Stages call these functions without knowing which backend does the work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray
from ..classical import completion, outpaint
from ..classical.depth import estimate_disparity
from ..classical.layout import scene_layout
from ..classical.regions import MotionRegions, motion_regions
from ..classical.sky import sky_region
from ..common.job_settings import JobSettings
from ..common.registry import BUILTIN
from ..stages.context import StageContext

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SceneDepth:
    """Depth of an image (H, W).

    Attributes:
        disparity: (H, W) float32, 0..1, 1 is nearest, 0 in the sky.
        sky: (H, W) float32, 0..1.
        horizon: Row in pixels, may be outside the image.
        focal: Focal length in pixels, 0 if unknown.
        meters_per_unit: Size of a scene unit in meters, 0 if unknown.
    """

    disparity: FloatArray
    sky: FloatArray
    horizon: float
    focal: float = 0.0
    meters_per_unit: float = 0.0


def find_sky(image: FloatArray, settings: JobSettings, context: StageContext) -> FloatArray:
    """Return the soft mask (H, W), 0..1, of the sky in an image (H, W, 3)."""
    if settings.motion_model == BUILTIN:
        return sky_region(image)
    return context.models.segmentation(settings, context).segment(image, context).sky


def outpaint_photo(
    image: FloatArray,
    margins: tuple[int, int, int, int],
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
        sky = find_sky(image, settings, context.within(0.0, 0.05))
        report = context.part(0.05, 1.0)
        return outpaint.outpaint(image, margins, sky=sky, seed=settings.seed, report=report)
    top, right, bottom, left = margins
    spread = ((top, bottom), (left, right))
    hole = np.pad(np.zeros(image.shape[:2], bool), spread, constant_values=True)
    outpainted = np.pad(image, (*spread, (0, 0)))
    model = context.models.inpainter(settings, settings.prompt, context)
    return model.fill(outpainted, hole, settings.seed, context)


def fill_hole(
    image: FloatArray,
    hole: Mask,
    guide: FloatArray,
    layer: int,
    settings: JobSettings,
    context: StageContext,
) -> FloatArray:
    """Return an image with its hole inpainted and the rest unchanged.

    Args:
        image: (H, W, 3), sRGB 0..1.
        hole: (H, W).
        guide: (H, W, C), defined everywhere; the built-in backend fills from places with similar
            values.
        layer: Number of the layer, which has its own seed and prompt.
        settings, context: Of the stage.
    """
    seed = settings.seed_of(layer)
    if settings.inpaint_model == BUILTIN:
        report = context.part(0.0, 1.0)
        return completion.complete(image, hole, descriptors=guide, seed=seed, report=report)
    model = context.models.inpainter(settings, settings.prompt_of(layer), context)
    return model.fill(image, hole, seed, context)


def estimate_depth(
    image: FloatArray, settings: JobSettings, context: StageContext, horizon: float | None = None
) -> SceneDepth:
    """Return the depth of an image (H, W, 3), estimating the horizon unless it is given."""
    if settings.depth_model == BUILTIN:
        sky = None
        if settings.motion_model != BUILTIN:
            sky = find_sky(image, settings, context.within(0.0, 0.3))
        estimate = estimate_disparity(image, sky, horizon)
        return SceneDepth(estimate.disparity, estimate.sky, estimate.horizon)
    return _network_depth(image, settings, context, horizon)


def find_regions(
    image: FloatArray, depth: SceneDepth, settings: JobSettings, context: StageContext
) -> MotionRegions:
    """Return the motion regions of an image (H, W, 3) with this depth."""
    if settings.motion_model == BUILTIN:
        return motion_regions(image, depth.sky, depth.disparity, depth.horizon)
    regions = context.models.segmentation(settings, context).segment(image, context)
    return MotionRegions(regions.sky, regions.water, regions.fall)


def _network_depth(
    image: FloatArray, settings: JobSettings, context: StageContext, horizon: float | None
) -> SceneDepth:
    from ..pretrained.depth import scene_disparity

    sky = find_sky(image, settings, context.within(0.0, 0.3))
    later = context.within(0.3, 1.0)
    estimate = context.models.depth(settings, later).estimate(image, later)
    disparity, meters_per_unit = scene_disparity(estimate, sky)
    row = scene_layout(image, sky, horizon).horizon if horizon is None else horizon
    return SceneDepth(disparity, sky, float(row), estimate.focal, meters_per_unit)
