"""The rows of the quality table: methods that render later frames from a scene's first frame.

Every method sees the first frame alone (and its depth, if the method's depth is `truth`) and
renders the image of any later camera. The methods are the rows of the paper's table 2, and what one
would use instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
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
from make_4d.ml.models import backends
from make_4d.ml.stages import (
    cluster,
    cruise,
    depth,
    inpaint,
    layer_depth,
    lift,
    matte,
    motion,
    outpaint,
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
"""Largest disparity in the margins, relative to the photo's nearest point: the ground continues
downward."""
TRUTH = "truth"
Arrays = dict[str, NDArray[Any]]
ShotAndDepth = tuple[Shot, FloatArray]


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        name: Its name in the table.
        depth: TRUTH, BUILTIN, or the key of a depth model in the registry.
        outpaint: Whether the photo is outpainted.
        inpaint: Whether inpainted points are kept.
        layers: Number of layers.
        layer_depth: As in the job settings.
        representation: `layers` for ours; `mesh` for one stretched surface; `cloud` for the photo's
            pixels as points; `steps` for images that are each generated from the last.
    """

    name: str
    depth: str = TRUTH
    outpaint: bool = True
    inpaint: bool = True
    layers: int = 3
    layer_depth: str = "aligned"
    representation: str = "layers"


METHODS = (
    Method("full"),
    Method("without outpainting", outpaint=False),
    Method("without inpainting", inpaint=False),
    Method("per-frame generation", outpaint=False, layers=1, representation="steps"),
    Method("one-layer mesh", outpaint=False, layers=1, representation="mesh"),
    Method("one-layer cloud", outpaint=False, layers=1, representation="cloud"),
    Method("full, paper's layer depth", layer_depth="paper"),
    Method("full, built-in depth", depth=BUILTIN),
)


class Renderer(Protocol):
    """Renders the images of later frames' cameras."""

    def __call__(self, frame: TruthFrame, number: int) -> Shot:
        """Render a frame; number: of the frame, a seed."""


def prepare(scene: TruthScene, method: Method, moving: bool = False) -> tuple[Arrays, JobSettings]:
    """Return all arrays of the stages for a scene's first frame.

    moving: Whether clouds and water move.
    """
    settings = JobSettings(
        "photo.png",
        size=max(scene.camera.width, scene.camera.height),
        motion=moving,
        layers=method.layers,
        layer_depth=method.layer_depth,
        margin=0.25 if method.outpaint else 0.0,
        depth_model=BUILTIN if method.depth == TRUTH else method.depth,
    )
    inputs = dict(_inpainted_layers(scene, method.depth == TRUTH, _early(settings)))
    for stage in (layer_depth, motion, cruise):
        inputs |= stage.run(inputs, settings, quiet_context())
    return inputs, settings


def _early(settings: JobSettings) -> JobSettings:
    """Return the settings with defaults for what only the last stages read."""
    defaults = JobSettings("photo.png")
    return replace(settings, motion=defaults.motion, layer_depth=defaults.layer_depth)


@lru_cache(maxsize=4)
def _inpainted_layers(scene: TruthScene, true_depth: bool, settings: JobSettings) -> Arrays:
    """Return the arrays of the stages up to inpainting, which several methods share."""
    first, context = scene.frames[0], quiet_context()
    focal_35mm = scene.camera.focal / settings.size * 36.0
    inputs: Arrays = {"image": first.image, "focal_35mm": np.array([focal_35mm], np.float32)}
    inputs |= outpaint.run(inputs, settings, context)
    inputs |= depth.run(inputs, settings, context)
    if true_depth:
        inputs |= with_true_depth(inputs, first)
    for stage in (matte, cluster, inpaint):
        inputs |= stage.run(inputs, settings, context)
    return inputs


def quiet_context() -> StageContext:
    """Return a stage's context that ignores progress and never cancels."""
    return StageContext(lambda fraction, detail: None, lambda: False)


def with_true_depth(inputs: Arrays, first: TruthFrame) -> Arrays:
    """Return the depth stage's arrays with the true depth in the photo, continued into the margins.

    In the margins, the estimate is fitted to the truth, and the error at the photo's edge is spread
    outward.
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
    """Return disparity (H, W), 1 at the nearest point of the first frame, 0 in the sky."""
    return (float(first.depth.min()) / first.depth).astype(np.float32)


def scene_scale(scene: TruthScene, inputs: Arrays) -> float:
    """Return a scene unit in meters.

    It is exact with true depth; otherwise it is the median ratio outside the sky.
    """
    top, right, bottom, left = (int(m) for m in inputs["margins"])
    height, width = inputs["disparity"].shape
    own = ldi.depth_from_disparity(inputs["disparity"][top : height - bottom, left : width - right])
    truth = scene.frames[0].depth
    solid = np.isfinite(truth) & (own < FARTHEST * 0.99)
    return float(np.median(truth[solid] / own[solid])) if solid.any() else 1.0


def renderer(scene: TruthScene, method: Method) -> Renderer:
    """Return the renderer of a method for a scene."""
    inputs, settings = prepare(scene, method)
    scale = scene_scale(scene, inputs)
    depth = ldi.depth_from_disparity(inputs["disparity"])
    if method.representation == "mesh":
        return Mesh(inputs["image"], depth, scene.camera, scale)
    if method.representation == "steps":
        return per_frame(scene, inputs, settings, scale)
    if method.representation == "cloud":
        cloud = cloud_of(plain_points(inputs["image"], depth, scene.camera))
    else:
        points = lift.lift_layers(inputs, settings, quiet_context())[0]
        cloud = cloud_of(points if method.inpaint else observed_only(points))
    return lambda frame, number: render_cloud(cloud, frame, scene.camera, scale)


def per_frame(scene: TruthScene, inputs: Arrays, settings: JobSettings, scale: float) -> Renderer:
    """Return a renderer that generates each image from the one before, at all frames' poses."""
    path = [in_units(pose, scale) for pose in scene.poses()]
    start = State(inputs["image"], ldi.depth_from_disparity(inputs["disparity"]), path[0])

    def draw_image(image: FloatArray, depth: FloatArray, pose: Matrix) -> ShotAndDepth:
        return draw([cloud_of(plain_points(image, depth, scene.camera))], pose, scene.camera)

    def estimate(image: FloatArray) -> FloatArray:
        return backends.read_image(image, settings, quiet_context()).disparity

    horizon = float(inputs["horizon"][0])
    steps = StepByStep(start, path, draw_image, estimate, horizon)
    full = np.ones(start.depth.shape, np.float32)
    numbers = {pose.tobytes(): number for number, pose in enumerate(scene.poses())}
    return lambda frame, _: Shot(steps.image(numbers[frame.world_to_camera.tobytes()]), full)


def plain_points(image: FloatArray, depth: FloatArray, camera: Intrinsics) -> PointArrays:
    """Return an image's pixels (H, W, 3) as opaque, observed points at their depth (H, W)."""
    positions = unproject(pixel_centers(*depth.shape), depth, camera).reshape(-1, 3)
    radius = (lift.RADIUS_PX * depth / camera.focal).ravel().astype(np.float32)
    ones, zeros = np.ones_like(radius), np.zeros(len(radius), np.int32)
    none = np.zeros((0, len(radius), 3), np.float32)
    colors = image.reshape(-1, 3)
    return PointArrays(
        positions, colors, ones, radius, ones, zeros, zeros, ones, none, none, none[:, :, 0]
    )


def observed_only(points: PointArrays) -> PointArrays:
    """Return the points that are not inpainted."""
    keep = points.observed > 0.5
    names = ("position", "color", "opacity", "radius", "observed", "layer", "pixel", "disparity")
    return replace(points, **{name: getattr(points, name)[keep] for name in names})


def cloud_of(points: PointArrays) -> Cloud:
    """Return the points as a cloud for the render engine."""
    count = points.count
    color = linear_rgba(points.color, points.opacity)
    zeros, no = np.zeros(count, np.float32), np.zeros(count, bool)
    layer = points.layer.astype(np.float32)
    return Cloud(
        points.position, np.eye(4), points.radius, color, points.disparity, points.observed, layer,
        zeros, no, False, True,
    )  # fmt: skip


def render_cloud(cloud: Cloud, frame: TruthFrame, camera: Intrinsics, scale: float) -> Shot:
    """Render the cloud from a frame's camera; scale: a scene unit in meters."""
    return draw([cloud], in_units(frame.world_to_camera, scale), camera)[0]


def in_units(pose: Matrix, scale: float) -> Matrix:
    """Convert a pose (4, 4) from meters to scene units of `scale` meters."""
    scaled = np.array(pose, np.float64)
    scaled[:3, 3] /= scale
    return scaled


def draw(clouds: Sequence[Cloud], pose: Matrix, camera: Intrinsics) -> ShotAndDepth:
    """Draw the clouds from a pose (4, 4) in scene units; also return their depth (H, W)."""
    focal, center = (camera.focal, camera.focal), (camera.cx, camera.cy)
    view = View(pose, focal, center, camera.width, camera.height, (1e-3, 1e5))
    film = FrameRequest(view, frozenset({"Combined", "Depth"}), None, NEAREST)
    passes = processor.render_clouds(clouds, film, processor.cpu_drawing)
    combined, depth = passes["Combined"][::-1], passes["Depth"][::-1].reshape(camera.height, -1)
    alpha = combined[..., 3]
    covered = np.minimum(alpha / FULL_COVERAGE, 1.0) / np.maximum(alpha, 1e-6)
    image = linear_to_srgb(combined[..., :3] * covered[..., None])
    return Shot(np.clip(image, 0.0, 1.0), alpha.copy()), depth


def depth_backends() -> list[str]:
    """Return the keys of the depth backends that run here: the built-in one and ready models."""
    ready = [m.key for m in models_for("depth") if find(m, Path()) is not None]
    return [BUILTIN, *(ready if models_available() else [])]


def estimate_disparity(scene: TruthScene, key: str) -> FloatArray:
    """Return the disparity (H, W) of a scene's first frame from a depth backend."""
    settings = JobSettings("photo.png", size=scene.camera.width, depth_model=key)
    context = quiet_context()
    return backends.read_image(scene.frames[0].image, settings, context).disparity
