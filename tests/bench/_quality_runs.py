"""The rows of the quality table: ways from a scene's first frame to pictures of the later ones.

Every way sees the first frame alone (and, where its depth is `truth`, that frame's depth), and
gives the picture from any later camera. The rows of the paper's table 2, and what a user would do
otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from _quality_mesh import Mesh
from _quality_shot import Shot
from _quality_steps import State, StepByStep
from make_4d.geometry.clouds import linear_rgba
from make_4d.geometry.core import ldi
from make_4d.geometry.core.camera import FloatArray, Intrinsics, pixel_centers, unproject
from make_4d.geometry.core.color import linear_to_srgb
from make_4d.geometry.core.scene_data import PointArrays
from make_4d.geometry.landscapes.truth import Matrix, TruthFrame, TruthScene
from make_4d.ml.client.process import models_available
from make_4d.ml.common.job_settings import JobSettings
from make_4d.ml.common.model_store import find
from make_4d.ml.common.registry import BUILTIN, models_for
from make_4d.ml.models import backends as ways
from make_4d.ml.stages import (
    cluster,
    cruise,
    depth,
    inpaint,
    layer_depth,
    matte,
    motion,
    outpaint,
)
from make_4d.ml.stages import (
    lift as scene_data,
)
from make_4d.ml.stages.context import StageContext
from make_4d.render import frame as processor
from make_4d.render.extract import Cloud
from make_4d.render.frame_request import FULL_COVERAGE, FrameRequest
from make_4d.render.view import View
from numpy.typing import NDArray

NEAREST = 8
FARTHEST = 100.0
"""Depth of the sky in scene units."""
NEAREST_AROUND = 3.0
"""Disparity that the margins may have, of the photo's nearest point's: ground goes on downwards."""
TRUTH = "truth"
Arrays = dict[str, NDArray[Any]]
Drawn = tuple[Shot, FloatArray]


@dataclass(frozen=True)
class Way:
    """One row. depth: TRUTH, or a key of the registry's depth models or BUILTIN; the rest switches
    parts of the pipeline; made: `layers`, or by other means than ours, `mesh` for one stretched
    surface, `cloud` for the photo's pixels as points, `steps` for each picture from the last."""

    name: str
    depth: str = TRUTH
    outpaint: bool = True
    inpaint: bool = True
    layers: int = 3
    layer_depth: str = "aligned"
    made: str = "layers"


WAYS = (
    Way("full"),
    Way("without outpainting", outpaint=False),
    Way("without inpainting", inpaint=False),
    Way("per-frame generation", outpaint=False, layers=1, made="steps"),
    Way("one-layer mesh", outpaint=False, layers=1, made="mesh"),
    Way("one-layer cloud", outpaint=False, layers=1, made="cloud"),
    Way("full, paper's layer depth", layer_depth="paper"),
    Way("full, built-in depth", depth=BUILTIN),
)


class Shooter(Protocol):
    """Gives the picture of a later frame's camera."""

    def __call__(self, frame: TruthFrame, number: int) -> Shot:
        """The picture; number: of the frame, for what is random."""


def prepared(scene: TruthScene, way: Way, moving: bool = False) -> tuple[Arrays, JobSettings]:
    """All arrays of the stages for a scene's first frame; moving: whether clouds and water do."""
    first, camera = scene.frames[0], scene.camera
    settings = JobSettings(
        "photo.png",
        size=max(camera.width, camera.height),
        motion=moving,
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
    """Meters of a scene unit: exact with true depth, else by the median ratio of what is solid."""
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
    depth = ldi.depth_from_disparity(inputs["disparity"])
    if way.made == "mesh":
        return Mesh(inputs["image"], depth, scene.camera, scale)
    if way.made == "steps":
        return per_frame(scene, inputs, settings, scale)
    if way.made == "cloud":
        cloud = cloud_of(plain_points(inputs["image"], depth, scene.camera))
    else:
        points = scene_data.lift_layers(inputs, settings, quiet_context()).still
        cloud = cloud_of(points if way.inpaint else only_known(points))
    return lambda frame, number: shot_of(cloud, frame, scene.camera, scale)


def per_frame(scene: TruthScene, inputs: Arrays, settings: JobSettings, scale: float) -> Shooter:
    """The pictures of a flight of which each is made from the one before, at all frames' poses."""
    path = [in_units(pose, scale) for pose in scene.poses()]
    start = State(inputs["image"], ldi.depth_from_disparity(inputs["disparity"]), path[0])

    def draw(image: FloatArray, depth: FloatArray, pose: Matrix) -> Drawn:
        return drawn([cloud_of(plain_points(image, depth, scene.camera))], pose, scene.camera)

    def estimate(image: FloatArray, horizon: float) -> FloatArray:
        return ways.estimate_depth(image, settings, quiet_context(), horizon).disparity

    horizon = float(inputs["horizon"][0])
    flown = StepByStep(start, path, draw, estimate, horizon)
    full = np.ones(start.depth.shape, np.float32)
    numbers = {pose.tobytes(): number for number, pose in enumerate(scene.poses())}
    return lambda frame, _: Shot(flown.picture(numbers[frame.world_to_camera.tobytes()]), full)


def plain_points(image: FloatArray, depth: FloatArray, camera: Intrinsics) -> PointArrays:
    """A picture's pixels (H, W, 3) as points at their depth (H, W), with nothing else to tell."""
    places = unproject(pixel_centers(*depth.shape), depth, camera).reshape(-1, 3)
    radius = (scene_data.RADIUS_PX * depth / camera.focal).ravel().astype(np.float32)
    ones, zeros = np.ones_like(radius), np.zeros(len(radius), np.int32)
    none = np.zeros((0, len(radius), 3), np.float32)
    colors = image.reshape(-1, 3)
    return PointArrays(
        places, colors, ones, radius, ones, zeros, zeros, ones, none, none, none[:, :, 0]
    )


def only_known(points: PointArrays) -> PointArrays:
    """The points that were not invented behind others."""
    keep = points.observed > 0.5
    names = ("position", "color", "opacity", "radius", "observed", "layer", "pixel", "disparity")
    return replace(points, **{name: getattr(points, name)[keep] for name in names})


def cloud_of(points: PointArrays) -> Cloud:
    """The points as the render engine takes them."""
    count = points.count
    color = linear_rgba(points.color, points.opacity)
    zeros, no = np.zeros(count, np.float32), np.zeros(count, bool)
    layer = points.layer.astype(np.float32)
    return Cloud(
        points.position, np.eye(4), points.radius, color, points.disparity, points.observed, layer,
        zeros, no, False, True,
    )  # fmt: skip


def shot_of(cloud: Cloud, frame: TruthFrame, camera: Intrinsics, scale: float) -> Shot:
    """The cloud from a frame's camera; scale: meters of a scene unit."""
    return drawn([cloud], in_units(frame.world_to_camera, scale), camera)[0]


def in_units(pose: Matrix, scale: float) -> Matrix:
    """A pose (4, 4) in meters in scene units of `scale` meters."""
    scaled = np.array(pose, np.float64)
    scaled[:3, 3] /= scale
    return scaled


def drawn(clouds: Sequence[Cloud], pose: Matrix, camera: Intrinsics) -> Drawn:
    """The clouds from a pose (4, 4) in scene units, and their depth (H, W)."""
    focal, center = (camera.focal, camera.focal), (camera.cx, camera.cy)
    view = View(pose, focal, center, camera.width, camera.height, (1e-3, 1e5))
    film = FrameRequest(view, frozenset({"Combined", "Depth"}), None, NEAREST)
    passes = processor.render_clouds(clouds, film, processor.cpu_drawing)
    combined, depth = passes["Combined"][::-1], passes["Depth"][::-1].reshape(camera.height, -1)
    alpha = combined[..., 3]
    covered = np.minimum(alpha / FULL_COVERAGE, 1.0) / np.maximum(alpha, 1e-6)
    image = linear_to_srgb(combined[..., :3] * covered[..., None])
    return Shot(np.clip(image, 0.0, 1.0), alpha.copy()), depth


def depth_ways() -> list[str]:
    """Keys of the depth ways that can be run here: the built-in one, and models that lie ready."""
    ready = [m.key for m in models_for("depth") if find(m, Path()) is not None]
    return [BUILTIN, *(ready if models_available() else [])]


def estimated(scene: TruthScene, key: str) -> FloatArray:
    """Disparity (H, W) that a depth way gives for a scene's first frame."""
    settings = JobSettings("photo.png", size=scene.camera.width, depth_model=key)
    context = quiet_context()
    return ways.estimate_depth(scene.frames[0].image, settings, context).disparity
