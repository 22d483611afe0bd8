"""The loop of clouds and water from the photo's own camera: does it repeat without a jump?

Computes the rows of the table `loop (camera still)`. Moving points are displaced, weighted and
faded as in the node group "Make 4D Animate", and drawn like every other cloud of the benchmark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import _quality_measures as measures
import _quality_runs as runs
import numpy as np
from _quality_shot import Shot
from make_4d.geometry.core.camera import FloatArray, Intrinsics
from make_4d.geometry.core.scene_data import KEY_TIMES, PointArrays, SceneData
from make_4d.geometry.landscapes.truth import Mask, TruthFrame, TruthScene
from make_4d.geometry.nodes.animate import FADE_FRACTION
from make_4d.ml.stages import lift
from make_4d.ml.worker.scene_result import scene_data_of
from make_4d.render.extract import Cloud

FORMAT = {name: "{:.4f}" for name in ("photo", "jump", "seam", "step", "flicker")}
METHOD = runs.METHODS[0]
INNER = 5
"""Number of frames examined between the loop's two ends, each with the one before and after."""


@dataclass(frozen=True)
class LoopRow:
    """The measures of a loop of N frames, in percent.

    Attributes:
        found: Pixels that move here, of the photo's pixels that really move.
        wrong: Pixels that move here, of those that are neither sky nor really moving.
        photo: Mean absolute difference of frame 0 and the photo.
        jump: Mean absolute difference of frames 0 and N; 0 if the loop repeats exactly.
        seam: Mean absolute difference of frames N - 1 and N.
        step: The largest mean absolute difference of two other consecutive frames.
        flicker: Second difference over time; 0 for a steady change.
        uncovered: Uncovered pixels in the frame with the most of them.
    """

    found: float
    wrong: float
    photo: float
    jump: float
    seam: float
    step: float
    flicker: float
    uncovered: float


def loop_row(scene: TruthScene) -> LoopRow:
    """Measure the loop that METHOD makes from a scene's first frame."""
    inputs, settings = runs.prepare(scene, METHOD, moving=True)
    clouds = lift.run(inputs, settings, runs.quiet_context())
    scene_data = scene_data_of(inputs | clouds, settings, (), "")
    loop = scene_data.plan.loop_frames
    shots = {t: shot_at(scene_data, t, scene.camera) for t in examined_frames(loop)}
    return measure(scene.frames[0], moved_pixels(inputs, loop), shots)


def examined_frames(loop: int) -> list[int]:
    """Return the frames to examine: both ends, INNER between them, and all of their neighbors."""
    middles = [round(loop * k / (INNER + 1)) for k in range(1, INNER + 1)]
    near = {t + step for t in middles for step in (-1, 0, 1)}
    return sorted({0, 1, loop - 1, loop} | {t for t in near if 0 <= t <= loop})


def moved_pixels(inputs: runs.Arrays, loop: int) -> Mask:
    """Return which of the photo's pixels (H, W) move according to the arrays of the stages."""
    top, right, bottom, left = (int(m) for m in inputs["margins"])
    travel = np.linalg.norm(inputs["flow"][0], axis=-1) * loop
    height, width = travel.shape
    moves: Mask = travel[top : height - bottom, left : width - right] > lift.MIN_TRAVEL_PX
    return moves


def measure(photo: TruthFrame, moves: Mask, shots: dict[int, Shot]) -> LoopRow:
    """Return the row of a loop.

    Args:
        photo: The first frame, with its true motion.
        moves: (H, W), the photo's pixels that move here.
        shots: Images by frame; the last frame is the loop's length.
    """
    images = {t: shot.image for t, shot in shots.items()}
    loop = max(images)
    steps = {t: difference(images[t], images[t + 1]) for t in images if t + 1 in images}
    inner = [t for t in images if t - 1 in images and t + 1 in images]
    triples = [[images[t + step] for step in (-1, 0, 1)] for t in inner]
    return LoopRow(
        found=percent(moves, photo.moving),
        wrong=percent(moves, np.isfinite(photo.depth) & ~photo.moving),
        photo=difference(photo.image, images[0]),
        jump=measures.loop_seam(images[0], images[loop]),
        seam=steps.pop(loop - 1),
        step=max(steps.values()),
        flicker=float(np.mean([measures.flicker(triple) for triple in triples])),
        uncovered=100.0 * max(measures.uncovered(shot.alpha) for shot in shots.values()),
    )


def percent(mask: Mask, within: Mask) -> float:
    """Return the percentage of the pixels `within` that are in the mask; NaN if there are none."""
    return 100.0 * float(mask[within].mean()) if within.any() else math.nan


def difference(a: FloatArray, b: FloatArray) -> float:
    """Return the mean absolute difference of two images in percent."""
    return measures.loop_seam(a, b)


def shot_at(scene_data: SceneData, t: float, camera: Intrinsics) -> Shot:
    """Render frame t of a scene's loop from the photo's camera."""
    clouds = [runs.cloud_of(scene_data.still)]
    if scene_data.moving.count:
        clouds.append(moved_cloud(scene_data.moving, t / scene_data.plan.loop_frames))
    return runs.draw(clouds, np.eye(4), camera)[0]


def moved_cloud(points: PointArrays, phase: float) -> Cloud:
    """Return the forward and then the backward copies of moving points at a phase 0..1.

    Like the node group, except that the phases 0 and 1 are kept apart, so that a jump between them
    shows.
    """
    zero = np.zeros((1, points.count, 3), np.float32)
    forward = displacement(np.concatenate([zero, points.forward]), phase)
    backward = displacement(np.concatenate([points.backward, zero]), phase)
    both = lift.joined([points, points])
    both = replace(both, opacity=both.opacity * fade(points, phase))
    weights = np.array([1.0 - phase, phase], np.float32)
    return replace(
        runs.cloud_of(both),
        position=both.position + np.concatenate([forward, backward]),
        weight=np.repeat(weights, points.count),
        backward=np.repeat([False, True], points.count),
        moving=True,
    )


def fade(points: PointArrays, phase: float) -> FloatArray:
    """Return opacity factors 0..1 (2 P,) of the forward and then the backward copies of points.

    They fade out before they leave the outpainted photo, and fade in after they enter it.
    """
    left = np.concatenate([points.lifetime[0] - phase, phase - points.lifetime[1]])
    return np.clip(left / FADE_FRACTION, 0.0, 1.0).astype(np.float32)


def displacement(keys: FloatArray, phase: float) -> FloatArray:
    """Return displacements (P, 3) at a phase 0..1, interpolated linearly between key times.

    keys: (K + 1, P, 3), at the key times 0, 1 / K .. 1.
    """
    position = phase * KEY_TIMES
    key = min(int(position), KEY_TIMES - 1)
    between = np.float32(position - key)
    return (1 - between) * keys[key] + between * keys[key + 1]
