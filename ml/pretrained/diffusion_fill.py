"""Fills a hole of any size by passes of a model that paints near its native size.

A picture of a fit size is painted whole. A small one is enlarged for it. A large one is painted
whole at the native scale first, which decides on the content, and then refined at full size by
overlapping tiles, which add detail (as img2img upscalers do).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.messages import Message
from ..common.context import Context
from .diffusion_pass import Pass, steps_run
from .preview import thumbnail
from .seam import continued, dilate, match_colors, match_seam
from .tiles import Size, Tile, blending_weights, first_size, tiles_for

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

GROWTH = 2
"""Pixels that the hole is grown by for the model, lest it continue a blurred silhouette."""
REFINE_STRENGTH = 0.4
"""How far refining may go from the first pass: detail is new, content stays."""
OVERLAP = 1 / 4
"""Overlap of tiles as a share of the native side."""
COLOR_RADIUS = 1 / 16
"""Size of what keeps the first pass's colors, as a share of the native side."""


@dataclass(frozen=True)
class FillPlan:
    """How a picture is filled: the size of the first pass, and the tiles after it."""

    first: Size
    tiles: list[Tile]

    @property
    def pixels(self) -> int:
        """Pixels of the largest pass."""
        sizes = [self.first, *((tile.height, tile.width) for tile in self.tiles)]
        return max(height * width for height, width in sizes)


@dataclass(frozen=True)
class Painter:
    """What fills pictures: `paint` runs one pass; native and factor are the model's native size and
    pixels to a latent; steps and strength the artist's."""

    paint: Callable[[Pass], Floats]
    native: int
    factor: int
    steps: int
    strength: float


def plan_fill(hole: Bools, native: int, factor: int) -> FillPlan:
    """How a picture with this hole (H, W) is filled."""
    size = hole.shape[0], hole.shape[1]
    first = first_size(size, native, factor)
    if first[0] * first[1] >= size[0] * size[1]:
        return FillPlan(first, [])
    return FillPlan(first, tiles_for(size, native, _overlap(native), dilate(hole, GROWTH)))


def fill_picture(
    painter: Painter, image: Floats, hole: Bools, plan: FillPlan, seed: int, context: Context
) -> Floats:
    """`image` (H, W, 3), sRGB 0..1, with its `hole` (H, W) painted; the rest is unchanged."""
    grown = dilate(hole, GROWTH)
    start = continued(image, grown)
    steps = _Steps(painter, plan, context)
    first = Pass(
        _resized(start, plan.first),
        _resized_hole(grown, plan.first),
        painter.strength,
        _seed(seed, 0),
        steps.on_step(0),
        _shower(start, grown, Tile(0, 0, *hole.shape), context),
    )
    painted = _resized(painter.paint(first), (hole.shape[0], hole.shape[1]))
    current = match_seam(painted, start, grown)
    if plan.tiles:
        current = _refined(painter, current, grown, plan, seed, steps, context)
    return np.where(hole[..., None], np.clip(current, 0.0, 1.0), image).astype(image.dtype)


class _Steps:
    """Counts denoising steps over all passes."""

    def __init__(self, painter: Painter, plan: FillPlan, context: Context) -> None:
        self._context = context
        self._first = steps_run(painter.steps, painter.strength)
        self._each = steps_run(painter.steps, REFINE_STRENGTH)
        self._total = self._first + self._each * len(plan.tiles)

    def on_step(self, index: int) -> Callable[[int], None]:
        """What a pass reports its steps to; the passes are numbered in order."""
        before = self._first + self._each * (index - 1) if index else 0

        def report(done: int) -> None:
            step = before + done
            told = Message("step {step} of {total}", step=step, total=self._total)
            self._context.report(step / self._total, told)

        return report


def _refined(
    painter: Painter,
    picture: Floats,
    hole: Bools,
    plan: FillPlan,
    seed: int,
    steps: _Steps,
    context: Context,
) -> Floats:
    """The picture with the tiles painted over, each from what the tiles before it made.

    Where tiles overlap the result is their mean by `blending_weights`, kept as a running mean.
    """
    total = np.zeros(hole.shape, np.float32)
    for index, tile in enumerate(plan.tiles, start=1):
        before, inside = picture[tile.window].copy(), hole[tile.window]
        show = _shower(picture, hole, tile, context)
        painted = painter.paint(
            Pass(before, inside, REFINE_STRENGTH, _seed(seed, index), steps.on_step(index), show)
        )
        painted = match_colors(painted, before, COLOR_RADIUS * painter.native)
        weights = blending_weights(tile, (hole.shape[0], hole.shape[1]), _overlap(painter.native))
        total[tile.window] += weights
        share = np.where(inside, weights / total[tile.window], 0.0)[..., None]
        picture[tile.window] = before + share * (painted - before)
    return picture


def _overlap(native: int) -> int:
    return round(OVERLAP * native)


def _seed(seed: int, index: int) -> int:
    """A seed of its own for every pass."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def _resized(picture: Floats, size: Size) -> Floats:
    """A picture (H, W, 3) at another size: antialiased when reduced, bicubic when enlarged."""
    if picture.shape[:2] == size:
        return picture
    shrinks = size[0] * size[1] < picture.shape[0] * picture.shape[1]
    kind = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized = cv2.resize(picture, (size[1], size[0]), interpolation=kind)
    return np.clip(resized, 0.0, 1.0).astype(np.float32)


def _resized_hole(hole: Bools, size: Size) -> Bools:
    """A hole at another size: all pixels that it covers in part."""
    if hole.shape == size:
        return hole
    values = cv2.resize(hole.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return values > 1e-4


def _shower(picture: Floats, hole: Bools, tile: Tile, context: Context) -> Callable[[Floats], None]:
    """Shows previews of a tile within a small picture of the whole."""
    small = thumbnail(picture)
    inside = _resized_hole(hole, (small.shape[0], small.shape[1]))
    scale = small.shape[0] / picture.shape[0], small.shape[1] / picture.shape[1]
    top, left = round(tile.top * scale[0]), round(tile.left * scale[1])
    height = min(small.shape[0] - top, max(1, round(tile.height * scale[0])))
    width = min(small.shape[1] - left, max(1, round(tile.width * scale[1])))
    window = slice(top, top + height), slice(left, left + width)

    def show(preview: Floats) -> None:
        whole = small.copy()
        part = _resized(preview, (height, width))
        whole[window] = np.where(inside[window][..., None], part, whole[window])
        context.on_preview(whole)

    return show
