"""The way that each stage goes: built-in, or with the pretrained model that the settings name.

Stages call these functions and don't know which way was chosen.
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
    """Depth of a picture (H, W).

    disparity (H, W) float32 0..1, 1 nearest, 0 in the sky; sky (H, W) float32 0..1; horizon: its
    row in pixels, may lie outside; focal: in pixels, 0 where it isn't known; meters_per_unit: how
    many meters the nearest depth is, 0 where that isn't known.
    """

    disparity: FloatArray
    sky: FloatArray
    horizon: float
    focal: float = 0.0
    meters_per_unit: float = 0.0


def find_sky(image: FloatArray, settings: JobSettings, context: StageContext) -> FloatArray:
    """Soft mask (H, W) 0..1 of the sky in a picture (H, W, 3)."""
    if settings.motion_model == BUILTIN:
        return sky_region(image)
    return context.models.segmentation(settings, context).segment(image, context).sky


def outpaint_photo(
    image: FloatArray,
    margins: tuple[int, int, int, int],
    settings: JobSettings,
    context: StageContext,
) -> FloatArray:
    """A picture (H, W, 3) with invented surroundings (paper, eq. 1).

    margins: pixels to add (top, right, bottom, left). The picture's own pixels come back unchanged.
    """
    if settings.inpaint_model == BUILTIN:
        sky = find_sky(image, settings, context.within(0.0, 0.05))
        report = context.part(0.05, 1.0)
        return outpaint.outpaint(image, margins, sky=sky, seed=settings.seed, report=report)
    top, right, bottom, left = margins
    spread = ((top, bottom), (left, right))
    hole = np.pad(np.zeros(image.shape[:2], bool), spread, constant_values=True)
    outpainted = np.pad(image, (*spread, (0, 0)))
    return context.models.inpainter(settings, context).fill(
        outpainted, hole, settings.seed, context
    )


def fill_hole(
    image: FloatArray,
    hole: Mask,
    guide: FloatArray,
    seed: int,
    settings: JobSettings,
    context: StageContext,
) -> FloatArray:
    """A picture (H, W, 3) with its hole (H, W) invented; the rest comes back unchanged.

    guide (H, W, C): known everywhere; the built-in way fills from where it is alike.
    """
    if settings.inpaint_model == BUILTIN:
        report = context.part(0.0, 1.0)
        return completion.complete(image, hole, descriptors=guide, seed=seed, report=report)
    return context.models.inpainter(settings, context).fill(image, hole, seed, context)


def estimate_depth(
    image: FloatArray, settings: JobSettings, context: StageContext, horizon: float | None = None
) -> SceneDepth:
    """Depth of a picture (H, W, 3); its horizon is estimated unless it is given."""
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
    """What moves in a picture (H, W, 3) of this depth."""
    if settings.motion_model == BUILTIN:
        return motion_regions(image, depth.sky, depth.disparity, depth.horizon)
    found = context.models.segmentation(settings, context).segment(image, context)
    return MotionRegions(found.sky, found.water, found.fall)


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
