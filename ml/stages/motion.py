"""Stage 6, motion: the Eulerian flow field of every layer (paper, section 3.4)."""

from __future__ import annotations

import numpy as np

from ...geometry.core.camera import FloatArray
from ..builtin.motion import eulerian_flow
from ..builtin.regions import MotionRegions
from ..cache import Arrays
from ..settings import JobSettings
from ..stage_context import StageContext
from ..ways import SceneDepth, find_regions


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Find what moves and how.

    Returns `flow` (L, Hw, Ww, 2) pixels per frame, `moving` (L, Hw, Ww) 0..1 and `regions` (Hw, Ww)
    0..1, what moves of the wide photo. What the photo shows moves alike in every layer; only behind
    what hides it is a layer looked at by itself.
    """
    color, horizon = inputs["color"], float(inputs["horizon"][0])
    if not settings.motion:
        shape = color.shape[:3]
        none = np.zeros((*shape, 2), np.float32)
        return {"flow": none, "moving": none[..., 0], "regions": none[0, ..., 0]}
    wide_depth = SceneDepth(inputs["disparity"], inputs["sky"], horizon)
    count = len(color)
    seen = find_regions(inputs["wide"], wide_depth, settings, context.within(0.0, 1 / (count + 1)))
    flows, movings = [], []
    for i in range(count):
        disparity = (1.0 / inputs["depth"][i]).astype(np.float32)
        regions = seen
        if i > 0:
            hidden = inputs["member"][i] & ~inputs["known"][i]
            part = context.within((i + 1) / (count + 1), (i + 2) / (count + 1))
            depth = SceneDepth(disparity, inputs["layer_sky"][i], horizon)
            own = find_regions(color[i], depth, settings, part)
            regions = _replaced(seen, own, hidden)
        motion = eulerian_flow(color[i], regions, disparity, horizon, settings.loop_frames)
        flows.append(motion.flow)
        movings.append(motion.moving)
        context.report((i + 2) / (count + 1))
    regions = np.clip(seen.cloud + seen.water + seen.fall, 0.0, 1.0)
    return {"flow": np.stack(flows), "moving": np.stack(movings), "regions": regions}


def _replaced(seen: MotionRegions, own: MotionRegions, hidden: FloatArray) -> MotionRegions:
    pick = [np.where(hidden, getattr(own, n), getattr(seen, n)) for n in ("cloud", "water", "fall")]
    return MotionRegions(*(mask.astype(np.float32) for mask in pick))
