"""The rows of the quality table: ways from a scene's first frame to pictures of the later ones.

Every way sees the first frame alone (and, where its depth is `truth`, that frame's depth), and
gives the picture from any later camera. The rows of the paper's table 2, and what a user would do
otherwise.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

from _quality_data import Shot, TruthFrame, TruthScene
from _quality_mesh import Mesh
from make_4d.geometry.clouds import linear_rgba
from make_4d.geometry.core import ldi
from make_4d.geometry.core.camera import FloatArray, Intrinsics
from make_4d.geometry.core.cloud import PointArrays
from make_4d.geometry.core.color import linear_to_srgb
from make_4d.ml import ways
from make_4d.ml.builtin.completion import complete
from make_4d.ml.model_store import find
from make_4d.ml.process import models_available
from make_4d.ml.registry import BUILTIN, models_for
from make_4d.ml.settings import JobSettings
from make_4d.ml.stage_context import StageContext
from make_4d.ml.stages import (
    cluster,
    cruise,
    depth,
    flight,
    inpaint,
    layer_depth,
    matte,
    motion,
    outpaint,
)
from make_4d.render import frame as processor
from make_4d.render.extract import Cloud
from make_4d.render.film import FULL_COVERAGE, Film
from make_4d.render.view import View

NEAREST = 8
COVERED = 0.5
"""Accumulated alpha from which a pixel counts as covered."""
FARTHEST = 100.0
"""Depth of the sky in scene units."""
NEAREST_AROUND = 3.0
"""Disparity that the margins may have, of the photo's nearest point's: ground goes on downwards."""
TRUTH = "truth"
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Way:
    """One row. depth: TRUTH, or a key of the registry's depth models or BUILTIN; the rest switches
    parts of the pipeline; mesh: one stretched surface in place of points."""

    name: str
    depth: str = TRUTH
    outpaint: bool = True
    inpaint: bool = True
    per_frame: bool = False
    layers: int = 3
    layer_depth: str = "aligned"
    mesh: bool = False


WAYS = (
    Way("full"),
    Way("without outpainting", outpaint=False),
    Way("without inpainting", inpaint=False),
    Way("per-frame generation", inpaint=False, per_frame=True),
    Way("one-layer mesh", mesh=True, outpaint=False, inpaint=False, layers=1),
    Way("one-layer cloud", outpaint=False, inpaint=False, layers=1),
    Way("full, paper's layer depth", layer_depth="paper"),
    Way("full, built-in depth", depth=BUILTIN),
)


class Shooter(Protocol):
    """Gives the picture of a later frame's camera."""

    def __call__(self, frame: TruthFrame, number: int) -> Shot:
        """The picture; number: of the frame, for what is random."""


def prepared(scene: TruthScene, way: Way) -> tuple[Arrays, JobSettings]:
    """All arrays of the stages for a scene's first frame, with nothing that moves."""
    first, camera = scene.frames[0], scene.camera
    settings = JobSettings(
        "photo.png",
        size=max(camera.width, camera.height),
        motion=False,
        layers=way.layers,
        layer_depth=way.layer_depth,
        margin=0.25 if way.outpaint else 0.0,
        depth_model=BUILTIN if way.depth == TRUTH else way.depth,
    )
    context = quiet_context()
    focal_35mm = camera.focal / settings.size * 36.0
    inputs: Arrays = {"image": first.image, "focal_35mm": np.array([focal_35mm], np.float32)}
    inputs |= outpaint.run(inputs, settings, context)
    inputs |= depth.run(inputs, settings, context)
    if way.depth == TRUTH:
        inputs |= with_true_depth(inputs, first)
    for stage in (matte, cluster, inpaint, layer_depth, motion, cruise):
        inputs |= stage.run(inputs, settings, context)
    return inputs, settings


def quiet_context() -> StageContext:
    """Surroundings of a stage that nobody watches."""
    return StageContext(lambda fraction, detail: None, lambda: False)


def with_true_depth(inputs: Arrays, first: TruthFrame) -> Arrays:
    """The depth stage's arrays with the truth where the photo is, continued into the margins.

    There the estimate is fitted to the truth, and the misfit at the photo's edge carried outwards.
    """
    top, right, bottom, left = (int(m) for m in inputs["margins"])
    inside = np.pad(np.ones(first.depth.shape, bool), ((top, bottom), (left, right)))
    truth = np.pad(true_disparity(first), ((top, bottom), (left, right)))
    estimate = inputs["disparity"]
    scale, shift = ldi.fit_scale_shift(estimate[inside], truth[inside])
    fitted = scale * estimate + shift
    fitted = fitted + ldi.spread_inward((truth - fitted).astype(np.float32), inside)
    sky = np.where(inside, truth == 0, inputs["sky"] > 0.5)
    around = np.where(sky, 0.0, np.clip(fitted, 1.0 / FARTHEST, NEAREST_AROUND))
    disparity = np.where(inside, truth, around)
    disparity = (disparity / disparity.max()).astype(np.float32)
    return {"disparity": disparity, "sky": sky.astype(np.float32)}


def true_disparity(first: TruthFrame) -> FloatArray:
    """Disparity (H, W), 1 at the nearest point of the first frame, 0 in the sky."""
    return (float(first.depth.min()) / first.depth).astype(np.float32)


def scene_scale(scene: TruthScene, inputs: Arrays) -> float:
    """Metres of a scene unit: exact with true depth, else by the median ratio of what is solid."""
    top, right, bottom, left = (int(m) for m in inputs["margins"])
    height, width = inputs["disparity"].shape
    own = ldi.depth_from_disparity(inputs["disparity"][top : height - bottom, left : width - right])
    truth = scene.frames[0].depth
    solid = np.isfinite(truth) & (own < FARTHEST * 0.99)
    return float(np.median(truth[solid] / own[solid])) if solid.any() else 1.0


def shooter(scene: TruthScene, way: Way) -> Shooter:
    """The pictures of a way for a scene."""
    inputs, settings = prepared(scene, way)
    scale = scene_scale(scene, inputs)
    if way.mesh:
        return Mesh(inputs["image"], inputs["depth"][0], scene.camera, scale)
    context = quiet_context()
    points = flight.build_flight(inputs, settings, context).still
    if not way.inpaint:
        points = only_known(points)
    cloud = cloud_of(points)

    def shoot(frame: TruthFrame, number: int) -> Shot:
        shot = shot_of(cloud, frame, scene.camera, scale)
        return generated(shot, number) if way.per_frame else shot

    return shoot


def generated(shot: Shot, number: int) -> Shot:
    """The shot with its holes invented in the picture, anew in every frame."""
    hole = shot.alpha < COVERED
    image = complete(shot.image, hole, seed=number)
    return Shot(image, np.where(hole, 1.0, shot.alpha).astype(np.float32))


def only_known(points: PointArrays) -> PointArrays:
    """The points that were not invented behind others."""
    keep = points.known > 0.5
    names = ("position", "color", "opacity", "radius", "known", "layer", "pixel", "disparity")
    return replace(points, **{name: getattr(points, name)[keep] for name in names})


def cloud_of(points: PointArrays) -> Cloud:
    """The points as the render engine takes them."""
    count = points.count
    color = linear_rgba(points.color, points.opacity)
    zeros, no = np.zeros(count, np.float32), np.zeros(count, bool)
    layer = points.layer.astype(np.float32)
    return Cloud(
        points.position, np.eye(4), points.radius, color, points.disparity, points.known, layer,
        zeros, no, False, True,
    )  # fmt: skip


def shot_of(cloud: Cloud, frame: TruthFrame, camera: Intrinsics, scale: float) -> Shot:
    """The cloud from a frame's camera; scale: metres of a scene unit."""
    pose = np.array(frame.world_to_camera, np.float64)
    pose[:3, 3] /= scale
    focal, centre = (camera.focal, camera.focal), (camera.cx, camera.cy)
    view = View(pose, focal, centre, camera.width, camera.height, (1e-3, 1e5))
    film = Film(view, frozenset({"Combined"}), None, NEAREST)
    combined = processor.render_clouds([cloud], film, processor.cpu_drawing)["Combined"][::-1]
    alpha = combined[..., 3]
    covered = np.minimum(alpha / FULL_COVERAGE, 1.0) / np.maximum(alpha, 1e-6)
    image = linear_to_srgb(combined[..., :3] * covered[..., None])
    return Shot(np.clip(image, 0.0, 1.0), alpha.copy())


def depth_ways() -> list[str]:
    """Keys of the depth ways that can be run here: the built-in one, and models that lie ready."""
    ready = [m.key for m in models_for("depth") if find(m, Path()) is not None]
    return [BUILTIN, *(ready if models_available() else [])]


def estimated(scene: TruthScene, key: str) -> FloatArray:
    """Disparity (H, W) that a depth way gives for a scene's first frame."""
    settings = JobSettings("photo.png", size=scene.camera.width, depth_model=key)
    context = quiet_context()
    return ways.estimate_depth(scene.frames[0].image, settings, context).disparity
