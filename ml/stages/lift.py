"""Stage 8: the layered depth image becomes two point clouds, still and moving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...geometry.core import flow, ldi
from ...geometry.core.camera import FloatArray, Intrinsics, pixel_centers, unproject
from ...geometry.core.ldi import Mask
from ...geometry.core.scene_data import KEY_TIMES, PointArrays, SceneData, ScenePlan
from ...geometry.core.skirt import find_skirts
from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from .context import StageContext
from .cruise import cameras

RADIUS_PX = 1.0
"""Splat radius in source pixels. At 1 a neighboring pixel's weight is exactly zero, so the photo's
own view is the photo; four discs still overlap between pixel centers from any other view."""
SKIRT_REACH = 32 / 512
BEHIND = 1.04
"""What is invented is put so much deeper than guessed: it must not stand before what was seen."""
HIDDEN_RATIO = 1.05
"""What is this much deeper than what stands at a pixel is hidden there."""
MIN_TRAVEL_PX = 0.25
"""Points that move less than this over a whole loop count as still."""


@dataclass(frozen=True)
class Sheet:
    """One surface of a layer over the wide photo: maps (H, W, ...) valid where `where`; pixel
    (H, W): the pixel of all layers that each point is made of, a flat index; opacity (H, W): None
    for solid."""

    layer: int
    where: Mask
    depth: FloatArray
    color: FloatArray
    observed: Mask
    flow: FloatArray
    pixel: NDArray[np.int32]
    opacity: FloatArray | None = None


def lift_layers(inputs: Arrays, settings: JobSettings, context: StageContext) -> SceneData:
    """Unproject all layers and lift the flow to scene flow; `inputs` as the stages name them.

    What moves, but for clouds, lies over a still bed of itself, and what is behind it stands still:
    water of a farther layer runs on over that, on the surface that the photo shows.
    """
    camera, outpainted_camera = cameras(inputs, settings)
    still, moving = [], []
    count, loop = len(inputs["color"]), settings.loop_frames
    reach = round(SKIRT_REACH * settings.size)
    runs, front = inputs["regions"] > 0.5, front_depth(inputs)
    for sheet in chain(sheets(inputs, reach), fringes(inputs)):
        below = runs & ~sheet.observed
        travel = np.linalg.norm(sheet.flow, axis=-1) * loop
        moves = sheet.where & (travel > MIN_TRAVEL_PX) & ~below
        still.append(still_points(sheet, sheet.where & ~moves, outpainted_camera))
        surface = replace(sheet, depth=np.where(below, front, sheet.depth))
        moving.append(moving_points(surface, moves, outpainted_camera, loop, below))
        if sheet.opacity is None:
            firm = moves & sheet.observed & (inputs["layer_sky"][sheet.layer] < 0.5)
            still.append(still_points(bed(sheet), firm, outpainted_camera))
            context.report((sheet.layer + 1) / count)
    top, right, bottom, left = (int(m) for m in inputs["margins"])
    plan = ScenePlan(
        camera,
        inputs["positions"],
        inputs["look"],
        settings.frames,
        settings.loop_frames,
        float(inputs["meters_per_unit"][0]),
        margins=(top, right, bottom, left),
        tilt=float(inputs["tilt"][0]),
    )
    return SceneData(joined(still), joined(moving), plan, inputs["regions"])


def front_depth(inputs: Arrays) -> FloatArray:
    """Depth (H, W) of what the photo shows, where no layer shows it the farthest layer's."""
    seen = np.where(inputs["observed"], inputs["depth"], np.inf).min(axis=0)
    return np.where(np.isfinite(seen), seen, inputs["depth"][-1]).astype(np.float32)


def sheets(inputs: Arrays, reach: int) -> Iterator[Sheet]:
    """Every layer's surface and, where it has depth steps, the skirts behind them."""
    for i, (depth, member) in enumerate(zip(inputs["depth"], inputs["member"], strict=True)):
        color, observed, field = inputs["color"][i], inputs["observed"][i], inputs["flow"][i]
        pixel = np.arange(i * depth.size, (i + 1) * depth.size, dtype=np.int32)
        pixel = pixel.reshape(depth.shape)
        own_depth = np.where(observed, depth, depth * np.float32(BEHIND))
        yield Sheet(i, member, own_depth, color, observed, field, pixel)
        nothing_seen = np.zeros_like(observed)
        for skirt in find_skirts(depth, member, reach):
            rows, columns = skirt.source
            colors, flows = color[rows, columns], field[rows, columns]
            made_of = pixel[rows, columns]
            deeper = skirt.depth * np.float32(BEHIND)
            yield Sheet(i, skirt.where, deeper, colors, nothing_seen, flows, made_of)


def fringes(inputs: Arrays) -> Iterator[Sheet]:
    """What the matting stage took off the silhouettes, for every layer that has some of it."""
    opacity, source = inputs["fringe_opacity"], inputs["fringe_source"]
    depth = ldi.depth_from_disparity(inputs["disparity"]).ravel()[source]
    layer = ldi.layer_of_depth(depth, inputs["bins"])
    for i in range(len(inputs["bins"]) - 1):
        where = (layer == i) & (opacity > 0.0)
        if where.any():
            field = inputs["flow"][i].reshape(-1, 2)[source]
            pixel = source + np.int32(i * source.size)
            color, observed = inputs["fringe_color"], np.ones_like(where)
            yield Sheet(i, where, depth, color, observed, field, pixel, opacity)


def bed(sheet: Sheet) -> Sheet:
    """A sheet's surface once more, a little deeper: what is seen where its moving points part.

    Else what was invented behind them, rocks or leaves, would show through running water.
    """
    deeper = sheet.depth * np.float32(BEHIND)
    return replace(sheet, depth=deeper, observed=np.zeros_like(sheet.observed))


def still_points(sheet: Sheet, where: Mask, camera: Intrinsics) -> PointArrays:
    """Points of the chosen pixels (H, W), in row order, without displacements."""
    depth = sheet.depth[where]
    position = unproject(pixel_centers(*where.shape)[where], depth, camera)
    none = np.zeros((0, len(depth), 3), np.float32)
    solid = np.ones(len(depth), np.float32)
    return PointArrays(
        position=position,
        color=np.ascontiguousarray(sheet.color[where], np.float32),
        opacity=solid if sheet.opacity is None else sheet.opacity[where],
        radius=(RADIUS_PX * depth / camera.focal).astype(np.float32),
        observed=sheet.observed[where].astype(np.float32),
        layer=np.full(len(depth), sheet.layer, np.int32),
        pixel=sheet.pixel[where],
        disparity=(1.0 / depth).astype(np.float32),
        forward=none,
        backward=none,
        lifetime=np.zeros((0, len(depth)), np.float32),
    )


def moving_points(
    sheet: Sheet, where: Mask, camera: Intrinsics, loop: int, beyond: Mask
) -> PointArrays:
    """Points of the chosen pixels with their scene flow at the key times of a loop.

    beyond (H, W): where else the sheet tells flow and depth of what moves, though it has no points.
    """
    points = still_points(sheet, where, camera)
    pixels = pixel_centers(*where.shape)[where]
    keys = [loop * k / KEY_TIMES for k in range(KEY_TIMES + 1)]
    field, depth = moving_surface(sheet, where | beyond)
    forward = flow.integrate(field, pixels, keys)
    backward = flow.integrate(-field, pixels, keys)
    lift = [flow.scene_flow(pixels, d, depth, camera) for d in (forward, backward)]
    values = {field.name: getattr(points, field.name) for field in fields(PointArrays)}
    # backward[k] is D_0->-(N - t) at t = k/K: the displacements by -F in falling order of time.
    values |= {"forward": lift[0][1:], "backward": lift[1][:0:-1]}
    values["lifetime"] = lifetimes(pixels, forward, backward, where.shape)
    return PointArrays(**values)


def lifetimes(
    pixels: FloatArray, forward: FloatArray, backward: FloatArray, shape: tuple[int, ...]
) -> FloatArray:
    """When points are inside the wide photo (H, W), as `PointArrays.life` has it: (2, P).

    forward, backward: (K + 1, P, 2) displacements by the flow and against it, at the key times of
    the loop, to which the answer is exact. A point that has left stays where it left.
    """
    shares = []
    for displacement in (forward, backward):
        outside = ~flow.inside_image(pixels + displacement, *shape)
        first = np.argmax(outside, axis=0) / KEY_TIMES
        shares.append(np.where(outside.any(axis=0), first, 2.0))
    # Against the flow time runs back from the loop's end; what is never outside gets -1.
    return np.stack([shares[0], 1.0 - shares[1]]).astype(np.float32)


def moving_surface(sheet: Sheet, where: Mask) -> tuple[FloatArray, FloatArray]:
    """Flow (H, W, 2) and depth (H, W) of the surface that moves at `where`, continued beyond it.

    Depth goes on as at the nearest moving pixel, so that nothing that drifts jumps onto what stands
    in front of it; flow goes on only behind that, and stops at what lies beside it.
    """
    if not where.any():
        return sheet.flow, sheet.depth
    rows, columns = ndimage.distance_transform_edt(
        ~where, return_distances=False, return_indices=True
    )
    depth = sheet.depth[rows, columns]
    hidden = depth > sheet.depth * HIDDEN_RATIO
    field = np.where((where | hidden)[..., None], sheet.flow[rows, columns], sheet.flow)
    return field, depth


def joined(parts: list[PointArrays]) -> PointArrays:
    """One cloud of several; displacements join along their points."""
    names = [field.name for field in fields(PointArrays)]
    axis = {"forward": 1, "backward": 1, "lifetime": 1}
    return PointArrays(
        **{n: np.concatenate([getattr(p, n) for p in parts], axis.get(n, 0)) for n in names}
    )
