"""Stage 6, motion: the Eulerian flow field of every layer (paper, section 3.4).

What moves is found, or painted by the artist; guides tell where to.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from scipy import ndimage

from ...geometry.core.camera import FloatArray
from ...geometry.core.editable_images import MOTION_FILE
from ...geometry.core.ldi import Mask
from ...geometry.core.motion_edits import MotionEdits, load_edits
from ..cache.stage_cache import Arrays
from ..classical.eulerian_flow import eulerian_flow
from ..classical.regions import MotionRegions
from ..common.job_settings import JobSettings, SettingsError
from ..models.backends import SceneDepth, find_regions
from .context import StageContext
from .cruise import cameras

KINDS = ("cloud", "water", "fall")


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Find what moves and how.

    Returns `flow` (L, Hw, Ww, 2) pixels per frame, `moving` (L, Hw, Ww) 0..1 and `regions` (Hw, Ww)
    0..1, what moves of the wide photo. What the photo shows moves alike in every layer; only behind
    what hides it is a layer looked at by itself. Raises SettingsError for unusable edits.
    """
    color, horizon = inputs["color"], float(inputs["horizon"][0])
    if not settings.motion:
        none = np.zeros((*color.shape[:3], 2), np.float32)
        return {"flow": none, "moving": none[..., 0], "regions": none[0, ..., 0]}
    edits = edits_for(settings, color.shape[1:3])
    outpainted_depth = SceneDepth(inputs["disparity"], inputs["sky"], horizon)
    count = len(color)
    seen = find_regions(
        inputs["outpainted"], outpainted_depth, settings, context.within(0.0, 1 / (count + 1))
    )
    if edits.regions is not None:
        seen = painted_regions(edits.regions, seen, inputs["sky"], horizon)
    camera = cameras(inputs, settings)[1]
    flows, movings = [], []
    for i in range(count):
        part = context.within((i + 1) / (count + 1), (i + 2) / (count + 1))
        regions = _of_layer(i, seen, edits, inputs, settings, part) if i > 0 else seen
        motion = eulerian_flow(
            color[i], regions, camera, horizon, settings.loop_frames, edits.guides
        )
        flows.append(motion.flow)
        movings.append(motion.moving)
        context.report((i + 2) / (count + 1))
    return {"flow": np.stack(flows), "moving": np.stack(movings), "regions": _all(seen)}


def edits_for(settings: JobSettings, shape: tuple[int, ...]) -> MotionEdits:
    """The job's motion edits, regions brought to the wide photo's shape (Hw, Ww)."""
    path = Path(settings.edits) / MOTION_FILE
    if not settings.edits or not path.exists():
        return MotionEdits()
    try:
        edits = load_edits(path)
    except (OSError, ValueError) as error:
        raise SettingsError(
            "The motion edits can't be read ({error}): press Update Motion again.", error=error
        ) from error
    if edits.regions is None or edits.regions.shape == shape:
        return edits
    size = (shape[1], shape[0])
    return MotionEdits(cv2.resize(edits.regions, size, interpolation=cv2.INTER_AREA), edits.guides)


def painted_regions(
    painted: FloatArray, found: MotionRegions, sky: FloatArray, horizon: float
) -> MotionRegions:
    """Regions (H, W) of what was painted: clouds in the sky, falls where water falls, else water.

    What is neither sky nor found, and lies above the horizon, is too steep for a water's surface.
    """
    rows = np.arange(len(painted), dtype=np.float32)[:, None] + 0.5
    wet = found.fall + found.water
    steep = np.where(wet > 0.1, found.fall / np.maximum(wet, 0.1), (rows < horizon) * 1.0)
    solid = painted * (1 - sky)
    parts = (painted * sky, solid * (1 - steep), solid * steep)
    return MotionRegions(*(part.astype(np.float32) for part in parts))


def _of_layer(
    i: int,
    seen: MotionRegions,
    edits: MotionEdits,
    inputs: Arrays,
    settings: JobSettings,
    context: StageContext,
) -> MotionRegions:
    """Regions of a layer: those of the photo, and behind what hides it, its own.

    What was painted goes on behind what hides it, in the layer that it belongs to. Water that runs
    on into a nearer layer is no hiding: it carries the layer's own water with it.
    """
    sky, horizon = inputs["layer_sky"][i], float(inputs["horizon"][0])
    hidden = inputs["member"][i] & ~inputs["observed"][i]
    hidden &= ~_runs_on(seen.water + seen.fall > 0.5, inputs["observed"][i]) | (sky > 0.5)
    if edits.regions is not None:
        return _continued(seen, inputs["observed"][i], hidden)
    disparity = (1.0 / inputs["depth"][i]).astype(np.float32)
    own = find_regions(inputs["color"][i], SceneDepth(disparity, sky, horizon), settings, context)
    pick = [np.where(hidden, getattr(own, n), getattr(seen, n)) for n in KINDS]
    return MotionRegions(*(mask.astype(np.float32) for mask in pick))


def _runs_on(wet: Mask, observed: Mask) -> Mask:
    """The pieces of the photo's water (H, W) of which a layer has a known pixel."""
    pieces, _ = ndimage.label(wet)
    own = np.unique(pieces[wet & observed])
    return np.isin(pieces, own[own > 0])


def _continued(seen: MotionRegions, observed: Mask, hidden: Mask) -> MotionRegions:
    """Regions that are in `hidden` as at the nearest known pixel of the layer."""
    if not observed.any():
        return seen
    at = tuple(
        ndimage.distance_transform_edt(~observed, return_distances=False, return_indices=True)
    )
    masks = (getattr(seen, name) for name in KINDS)
    return MotionRegions(*(np.where(hidden, mask[at], mask) for mask in masks))


def _all(regions: MotionRegions) -> FloatArray:
    return np.clip(regions.cloud + regions.water + regions.fall, 0.0, 1.0)
