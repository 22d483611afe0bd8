"""The loop of clouds and water, seen from the photo's own camera: does it repeat without a jump?

The rows of the table `loop (camera still)`. The moving points are displaced, weighed and faded as
the node group "Make 4D Animate" does it, and drawn as the benchmark draws every cloud.
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
from make_4d.geometry.nodes.animate import FADE_SHARE
from make_4d.ml.stages import lift as flight_stage
from make_4d.render.extract import Cloud

FORMAT = {name: "{:.4f}" for name in ("photo", "jump", "seam", "step", "flicker")}
WAY = runs.WAYS[0]
INNER = 5
"""How many frames are looked at between the loop's two ends, each with those before and after."""


@dataclass(frozen=True)
class LoopRow:
    """What is measured of a loop of N frames, in percent.

    found: of the photo's pixels that truly move, those that do here; wrong: of those that are
    neither sky nor truly moving, those that move here; photo: mean absolute difference of frame 0
    and the photo; jump: that of frame 0 and frame N, 0 where the loop repeats; seam: that of frame
    N - 1 and frame N; step: the largest one of two frames that follow each other elsewhere;
    flicker: second difference over time, 0 for a steady change; uncovered: of the pixels, in the
    frame that has most of them.
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
    """Measure the loop that the WAY makes of a scene's first frame."""
    inputs, settings = runs.prepared(scene, WAY, moving=True)
    made = flight_stage.lift_layers(inputs, settings, runs.quiet_context())
    shots = {t: shot_at(made, t, scene.camera) for t in frames_of(made.plan.loop_frames)}
    return measured(scene.frames[0], moved_pixels(inputs, made.plan.loop_frames), shots)


def frames_of(loop: int) -> list[int]:
    """The frames that are looked at: both ends, INNER between them, and all of their neighbors."""
    middles = [round(loop * k / (INNER + 1)) for k in range(1, INNER + 1)]
    near = {t + step for t in middles for step in (-1, 0, 1)}
    return sorted({0, 1, loop - 1, loop} | {t for t in near if 0 <= t <= loop})


def moved_pixels(inputs: runs.Arrays, loop: int) -> Mask:
    """Which of the photo's pixels (H, W) move, by the arrays of the stages."""
    top, right, bottom, left = (int(m) for m in inputs["margins"])
    travel = np.linalg.norm(inputs["flow"][0], axis=-1) * loop
    height, width = travel.shape
    moves: Mask = travel[top : height - bottom, left : width - right] > flight_stage.MIN_TRAVEL_PX
    return moves


def measured(photo: TruthFrame, moves: Mask, shots: dict[int, Shot]) -> LoopRow:
    """The row of a loop's pictures by their frame, the last of which is the loop's length.

    moves: (H, W), what moves here of the photo.
    """
    pictures = {t: shot.image for t, shot in shots.items()}
    loop = max(pictures)
    steps = {t: difference(pictures[t], pictures[t + 1]) for t in pictures if t + 1 in pictures}
    inner = [t for t in pictures if t - 1 in pictures and t + 1 in pictures]
    triples = [[pictures[t + step] for step in (-1, 0, 1)] for t in inner]
    return LoopRow(
        found=percent(moves, photo.moving),
        wrong=percent(moves, np.isfinite(photo.depth) & ~photo.moving),
        photo=difference(photo.image, pictures[0]),
        jump=measures.loop_seam(pictures[0], pictures[loop]),
        seam=steps.pop(loop - 1),
        step=max(steps.values()),
        flicker=float(np.mean([measures.flicker(triple) for triple in triples])),
        uncovered=100.0 * max(measures.uncovered(shot.alpha) for shot in shots.values()),
    )


def percent(mask: Mask, within: Mask) -> float:
    """Share of the pixels `within` that are in the mask, NaN where there are none."""
    return 100.0 * float(mask[within].mean()) if within.any() else math.nan


def difference(a: FloatArray, b: FloatArray) -> float:
    """Mean absolute difference of two pictures in percent."""
    return measures.loop_seam(a, b)


def shot_at(made: SceneData, t: float, camera: Intrinsics) -> Shot:
    """The flight at frame t of its loop, from the photo's camera."""
    clouds = [runs.cloud_of(made.still)]
    if made.moving.count:
        clouds.append(moved_cloud(made.moving, t / made.plan.loop_frames))
    return runs.drawn(clouds, np.eye(4), camera)[0]


def moved_cloud(points: PointArrays, share: float) -> Cloud:
    """The forward and then the backward copies of moving points after a share 0..1 of the loop.

    As the node group has them, but there the loop's end is its start: here it isn't, so that a jump
    between the two is seen.
    """
    zero = np.zeros((1, points.count, 3), np.float32)
    forward = displacement(np.concatenate([zero, points.forward]), share)
    backward = displacement(np.concatenate([points.backward, zero]), share)
    both = flight_stage.joined([points, points])
    both = replace(both, opacity=both.opacity * clearness(points, share))
    weights = np.array([1.0 - share, share], np.float32)
    return replace(
        runs.cloud_of(both),
        position=both.position + np.concatenate([forward, backward]),
        weight=np.repeat(weights, points.count),
        backward=np.repeat([False, True], points.count),
        moving=True,
    )


def clearness(points: PointArrays, share: float) -> FloatArray:
    """Factors 0..1 (2 P,) on the opacity of the forward and then the backward copies of points.

    They fade before they leave the wide photo, and after they come in.
    """
    left = np.concatenate([points.lifetime[0] - share, share - points.lifetime[1]])
    return np.clip(left / FADE_SHARE, 0.0, 1.0).astype(np.float32)


def displacement(keys: FloatArray, share: float) -> FloatArray:
    """Displacements (P, 3) after a share 0..1 of the loop, linear between its key times.

    keys: (K + 1, P, 3), at the key times 0, 1 / K .. 1.
    """
    position = share * KEY_TIMES
    key = min(int(position), KEY_TIMES - 1)
    between = np.float32(position - key)
    return (1 - between) * keys[key] + between * keys[key + 1]
