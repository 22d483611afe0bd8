"""Stage 8: the layered depth image becomes two point clouds, still and moving."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...geometry.core import flow
from ...geometry.core.bridges import Bridges, find_bridges
from ...geometry.core.camera import FloatArray, Intrinsics, pixel_centers, unproject
from ...geometry.core.scene_data import KEY_TIMES, PointArrays
from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from . import cameras
from .context import StageContext
from .stage import Stage

if TYPE_CHECKING:
    from ...geometry.core.ldi import Mask
    from ...geometry.core.skirt import Skirt

REQUIRES = ("scipy",)
"""Packages that this module needs beyond NumPy, imported only when the stage runs."""

RADIUS_PX = 1.0
"""Splat radius in source pixels. At 1 a neighboring pixel's weight is exactly zero, so the photo's
own view is the photo; four discs still overlap between pixel centers from any other view."""
FAINT, FAINT_RADIUS_PX = 0.25, 0.8
"""The same of points with a smaller opacity than this. From nearby, discs of this radius add up to
the opacity of one of them, within a fifth; larger ones would add up to more, and halos would glow.
Where a fringe hides much, it needs the overlap."""
SKIRT_REACH = 32 / 512
BEHIND = 1.04
"""Factor on the depth of what is inpainted: it must not stand in front of what was observed."""
HIDDEN_RATIO = 1.05
"""Ratio of depths above which a surface is hidden by the one in front of it."""
MIN_TRAVEL_PX = 0.25
"""Points that move less than this over a whole loop count as still."""


@dataclass(frozen=True)
class Sheet:
    """One surface of a layer over the outpainted photo.

    Attributes:
        layer: Number of the layer.
        where: (H, W), where the other maps are valid.
        depth: (H, W), scene units.
        color: (H, W, 3).
        observed: (H, W), seen in the photo.
        flow: (H, W, 2), pixels per frame.
        pixel: (H, W), flat index of the pixel of all layers that each point is made from.
        opacity: (H, W), None for opaque.
    """

    layer: int
    where: Mask
    depth: FloatArray
    color: FloatArray
    observed: Mask
    flow: FloatArray
    pixel: NDArray[np.int32]
    opacity: FloatArray | None = None


def run(inputs: Arrays, settings: JobSettings, context: StageContext) -> Arrays:
    """Unproject all layers.

    Returns:
        still_NAME, moving_NAME: for every field of PointArrays, as described there.
    """
    still, moving = lift_layers(inputs, settings, context)
    return _arrays_of("still", still) | _arrays_of("moving", moving)


def clouds_in(arrays: Arrays) -> tuple[PointArrays, PointArrays]:
    """Return the still and the moving cloud in the stage's result."""
    still, moving = (
        PointArrays(**{part.name: arrays[f"{kind}_{part.name}"] for part in fields(PointArrays)})
        for kind in ("still", "moving")
    )
    return still, moving


def _arrays_of(kind: str, points: PointArrays) -> Arrays:
    return {f"{kind}_{part.name}": getattr(points, part.name) for part in fields(PointArrays)}


def lift_layers(
    inputs: Arrays, settings: JobSettings, context: StageContext
) -> tuple[PointArrays, PointArrays]:
    """Return the still and the moving cloud of all layers, flow lifted to scene flow.

    Everything that moves, except clouds, lies over a still bed of itself, and everything behind
    it stands still. A farther layer's water continues over that bed, on the surface that the photo
    shows.
    """
    from ...geometry.core.skirt import find_skirts

    camera = cameras.cameras(inputs, settings.field_of_view)[1]
    still, moving = [], []
    count, loop = len(inputs["color"]), settings.loop_frames
    reach = round(SKIRT_REACH * settings.size)
    moves_in_photo, front = inputs["regions"] > 0.5, front_depth(inputs)
    photo_moves = np.zeros_like(moves_in_photo)

    def lift(sheet: Sheet) -> Mask:
        """Add a sheet's points to the clouds; returns which of its pixels (H, W) move."""
        below = moves_in_photo & ~sheet.observed
        travel = np.linalg.norm(sheet.flow, axis=-1) * loop
        moves = sheet.where & (travel > MIN_TRAVEL_PX) & ~below
        still.append(still_points(sheet, sheet.where & ~moves, camera))
        surface = replace(sheet, depth=np.where(below, front, sheet.depth))
        moving.append(moving_points(surface, moves, camera, loop, below))
        return moves

    for layer in range(count):
        surface = layer_sheet(inputs, layer)
        moves = lift(surface)
        skirts = list(find_skirts(inputs["depth"][layer], surface.where, reach))
        for skirt in skirts:
            lift(skirt_sheet(surface, skirt))
        still.append(bridge_points(surface, surface.where & ~moves, skirts, camera))
        photo_moves |= moves & surface.observed
        firm = moves & surface.observed & (inputs["layer_sky"][layer] < 0.5)
        still.append(still_points(bed(surface), firm, camera))
        context.report((layer + 1) / count)
    still.append(seam_points(inputs, front, ~photo_moves, camera))
    for sheet in fringes(inputs):
        lift(sheet)
    return joined(still), joined(moving)


def front_depth(inputs: Arrays) -> FloatArray:
    """Return the depth (H, W) of what the photo shows, the last layer's where no layer shows it."""
    seen = np.where(inputs["observed"], inputs["depth"], np.inf).min(axis=0)
    return np.where(np.isfinite(seen), seen, inputs["depth"][-1]).astype(np.float32)


def layer_sheet(inputs: Arrays, layer: int) -> Sheet:
    """Return a layer's own surface."""
    depth, observed = inputs["depth"][layer], inputs["observed"][layer]
    return Sheet(
        layer,
        inputs["member"][layer],
        np.where(observed, depth, depth * np.float32(BEHIND)),
        inputs["color"][layer],
        observed,
        inputs["flow"][layer],
        _pixels(layer, depth.shape),
    )


def skirt_sheet(surface: Sheet, skirt: Skirt) -> Sheet:
    """Return a surface's skirt as a sheet: what it continues gives color and flow."""
    rows, columns = skirt.source
    return Sheet(
        surface.layer,
        skirt.where,
        skirt.depth * np.float32(BEHIND),
        surface.color[rows, columns],
        np.zeros_like(skirt.where),
        surface.flow[rows, columns],
        surface.pixel[rows, columns],
    )


def _pixels(layer: int, shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Return the flat indices (H, W) of a layer's pixels among those of all layers."""
    size = math.prod(shape)
    return np.arange(layer * size, (layer + 1) * size, dtype=np.int32).reshape(shape)


def fringes(inputs: Arrays) -> Iterator[Sheet]:
    """Yield what the matting stage took off the silhouettes, for every layer that has any."""
    from ...geometry.core import ldi

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
    """Return a sheet's surface a little deeper, visible where its moving points draw apart.

    Otherwise what was inpainted behind them, such as rocks, would show through running water.
    """
    deeper = sheet.depth * np.float32(BEHIND)
    return replace(sheet, depth=deeper, observed=np.zeros_like(sheet.observed))


def still_points(sheet: Sheet, where: Mask, camera: Intrinsics) -> PointArrays:
    """Return points of the selected pixels (H, W), in row order, without displacements."""
    return _points(
        sheet.layer,
        pixel_centers(*where.shape)[where],
        sheet.depth[where],
        sheet.color[where],
        sheet.observed[where],
        sheet.pixel[where],
        camera,
        None if sheet.opacity is None else sheet.opacity[where],
    )


def _points(
    layer: NDArray[np.int32] | int,
    centers: FloatArray,
    depth: FloatArray,
    color: FloatArray,
    observed: NDArray[np.generic],
    pixel: NDArray[np.int32],
    camera: Intrinsics,
    opacity: FloatArray | None = None,
) -> PointArrays:
    """Return n points without displacements; `centers` (n, 2) is where they lie in the image."""
    solid = np.ones(len(depth), np.float32) if opacity is None else opacity
    radius = np.where(solid < FAINT, FAINT_RADIUS_PX, RADIUS_PX)
    return PointArrays(
        position=unproject(centers, depth, camera),
        color=np.ascontiguousarray(color, np.float32),
        opacity=solid,
        radius=(radius * depth / camera.focal).astype(np.float32),
        observed=observed.astype(np.float32),
        layer=np.broadcast_to(np.int32(layer), depth.shape),
        pixel=pixel,
        disparity=(1.0 / depth).astype(np.float32),
        forward=np.zeros((0, len(depth), 3), np.float32),
        backward=np.zeros((0, len(depth), 3), np.float32),
        lifetime=np.zeros((0, len(depth)), np.float32),
    )


def bridge_points(
    sheet: Sheet, where: Mask, skirts: list[Skirt], camera: Intrinsics
) -> PointArrays:
    """Return points between the selected pixels (H, W) of a sheet that would draw apart."""
    continued = np.any([np.zeros_like(where), *(skirt.where for skirt in skirts)], axis=0)
    bridges = find_bridges(sheet.depth, where, continued, camera.focal)
    layer = np.full(where.shape, sheet.layer, np.int32)
    return _bridging(bridges, layer, sheet.color, sheet.pixel, camera)


def seam_points(inputs: Arrays, front: FloatArray, stands: Mask, camera: Intrinsics) -> PointArrays:
    """Return points where the depth between two layers cuts a surface of the photo.

    Args:
        inputs: Of the stage.
        front: (H, W), depth of what the photo shows.
        stands: (H, W), where that doesn't move.
        camera: Of the outpainted photo.
    """
    seen = inputs["observed"]
    layer = np.where(seen.any(axis=0), seen.argmax(axis=0), len(seen) - 1).astype(np.int32)
    everywhere = np.ones_like(stands)  # across a step, the farther layer goes on
    bridges = find_bridges(front, stands, everywhere, camera.focal, layer)
    color = np.take_along_axis(inputs["color"], layer[None, ..., None], axis=0)[0]
    pixel = _pixels(0, layer.shape) + layer * np.int32(layer.size)
    return _bridging(bridges, layer, color, pixel, camera)


def _bridging(
    bridges: Bridges,
    layer: NDArray[np.int32],
    color: FloatArray,
    pixel: NDArray[np.int32],
    camera: Intrinsics,
) -> PointArrays:
    """Return the points of bridges between pixels with these maps, (H, W) and (H, W, 3)."""
    near, depth, colors = bridges.near, 1.0 / bridges.disparity, color.reshape(-1, 3)
    far_color = colors[bridges.source]
    centers = pixel_centers(*layer.shape).reshape(-1, 2)
    likest = np.where(bridges.color_share > 0.5, near, bridges.source)
    return _points(
        layer.ravel()[bridges.far],
        centers[near],
        depth,
        far_color + bridges.color_share[:, None] * (colors[near] - far_color),
        np.zeros_like(depth),
        pixel.ravel()[likest],
        camera,
    )


def moving_points(
    sheet: Sheet, where: Mask, camera: Intrinsics, loop: int, beyond: Mask
) -> PointArrays:
    """Return points of the selected pixels with their scene flow at the key times of a loop.

    Args:
        sheet: Their surface.
        where: (H, W), the selected pixels.
        camera: Of the outpainted photo.
        loop: Frames of the loop.
        beyond: (H, W), where the sheet's flow and depth are valid too, although without points.
    """
    points = still_points(sheet, where, camera)
    pixels = pixel_centers(*where.shape)[where]
    keys = [loop * k / KEY_TIMES for k in range(KEY_TIMES + 1)]
    field, depth = moving_surface(sheet, where | beyond)
    forward = flow.integrate(field, pixels, keys)
    backward = flow.integrate(-field, pixels, keys)
    scene_flow = [flow.scene_flow(pixels, d, depth, camera) for d in (forward, backward)]
    values = {field.name: getattr(points, field.name) for field in fields(PointArrays)}
    # backward[k] is D_0->-(N - t) at t = k/K: the displacements by -F, latest time first.
    values |= {"forward": scene_flow[0][1:], "backward": scene_flow[1][:0:-1]}
    values["lifetime"] = lifetimes(pixels, forward, backward, where.shape)
    return PointArrays(**values)


def lifetimes(
    pixels: FloatArray, forward: FloatArray, backward: FloatArray, shape: tuple[int, ...]
) -> FloatArray:
    """Return the phases (2, P) at which points are inside the outpainted photo (H, W).

    They are exact to a key time; see `PointArrays.lifetime`. A point that has left stays outside.

    Args:
        pixels: (P, 2), where the points start.
        forward, backward: (K + 1, P, 2), displacements along and against the flow at the key times.
        shape: (H, W).
    """
    phases = []
    for displacement in (forward, backward):
        outside = ~flow.inside_image(pixels + displacement, *shape)
        first = np.argmax(outside, axis=0) / KEY_TIMES
        phases.append(np.where(outside.any(axis=0), first, 2.0))
    # Against the flow, time runs back from the end of the loop; a point that stays inside gets -1.
    return np.stack([phases[0], 1.0 - phases[1]]).astype(np.float32)


def moving_surface(sheet: Sheet, where: Mask) -> tuple[FloatArray, FloatArray]:
    """Return flow (H, W, 2) and depth (H, W) of the surface moving at `where`, continued beyond.

    Depth continues from the nearest moving pixel, so that nothing drifting jumps onto an object in
    front of it. Flow continues only behind such objects, and stops at objects beside it.
    """
    from scipy import ndimage

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
    """Join clouds into one; displacements are joined along the axis of points."""
    names = [field.name for field in fields(PointArrays)]
    axis = {"forward": 1, "backward": 1, "lifetime": 1}
    return PointArrays(
        **{n: np.concatenate([getattr(p, n) for p in parts], axis.get(n, 0)) for n in names}
    )


STAGE = Stage(
    name="lift",
    label="Building point clouds",
    run=run,
    needs=(*cameras.NEEDS, "matte", "cluster", "inpaint", "layer_depth", "motion"),
    settings=("size", "loop_frames", "field_of_view"),
    weight=5,
    # Its result is the largest of all and takes about as long to read as to compute; in a cache of
    # limited size it would displace the stages that take long.
    is_cached=False,
)
