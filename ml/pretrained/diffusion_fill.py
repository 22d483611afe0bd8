"""Fill a hole of any size by passes of a model that works best near its native size.

An image of suitable size is inpainted as a whole, and a small one is enlarged first. A large one is
inpainted as a whole at the native scale, which determines the content, and then refined at full
size by overlapping tiles, which add detail (as img2img upscalers do).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from ...geometry.core.messages import Message
from ..common.context import Context
from .diffusion_pass import InpaintPass, steps_run
from .preview import thumbnail
from .seam import dilate, match_colors, match_seam, smoothly_filled
from .tiles import Size, Tile, blending_weights, first_pass_size, tiles_for

STEP = "step {step} of {total}"

HOLE_DILATION = 2
"""Pixels that the hole is dilated by for the model, so that it doesn't continue a blurred
silhouette."""
REFINE_STRENGTH = 0.4
"""Strength of refinement: detail is new, content stays."""
TILE_OVERLAP = 1 / 4
"""Overlap of tiles, as a fraction of the native side."""
COLOR_RADIUS = 1 / 16
"""Radius above which the colors of the first pass are kept, as a fraction of the native side."""


@dataclass(frozen=True)
class FillPlan:
    """How an image is filled: the size of the first pass, and the tiles after it."""

    first_pass_size: Size
    tiles: list[Tile]

    @property
    def pixels(self) -> int:
        """Pixels of the largest pass."""
        sizes = [self.first_pass_size, *((tile.height, tile.width) for tile in self.tiles)]
        return max(height * width for height, width in sizes)


@dataclass(frozen=True)
class PassRunner:
    """Runs inpainting passes.

    Attributes:
        run: Runs one pass and returns its image.
        native: The model's native side in pixels.
        factor: Pixels per latent.
        steps: Denoising steps, as set by the artist.
        strength: Strength, as set by the artist.
    """

    run: Callable[[InpaintPass], FloatArray]
    native: int
    factor: int
    steps: int
    strength: float


def plan_fill(hole: Mask, native: int, factor: int) -> FillPlan:
    """Plan the passes that fill a hole.

    Args:
        hole: (H, W) mask.
        native: The model's native side in pixels.
        factor: Pixels per latent.
    """
    size = hole.shape[0], hole.shape[1]
    first_pass = first_pass_size(size, native, factor)
    if first_pass[0] * first_pass[1] >= size[0] * size[1]:
        return FillPlan(first_pass, [])
    return FillPlan(
        first_pass, tiles_for(size, native, _overlap(native), dilate(hole, HOLE_DILATION))
    )


def fill_image(
    runner: PassRunner, image: FloatArray, hole: Mask, plan: FillPlan, seed: int, context: Context
) -> FloatArray:
    """Return the image with its hole inpainted; the rest is unchanged.

    Args:
        runner: Runs the passes.
        image: (H, W, 3) sRGB, 0..1.
        hole: (H, W) mask.
        plan: The passes.
        seed: Seed of the noise.
        context: Progress and previews are reported to it.
    """
    dilated = dilate(hole, HOLE_DILATION)
    initial = smoothly_filled(image, dilated)
    steps = _StepCounter(runner, plan, context)
    first_pass = InpaintPass(
        _resized(initial, plan.first_pass_size),
        _resized_hole(dilated, plan.first_pass_size),
        runner.strength,
        _seed(seed, 0),
        steps.on_step(0),
        _preview_callback(initial, dilated, Tile(0, 0, *hole.shape), context),
    )
    generated = _resized(runner.run(first_pass), (hole.shape[0], hole.shape[1]))
    current = match_seam(generated, initial, dilated)
    if plan.tiles:
        current = _refined(runner, current, dilated, plan, seed, steps, context)
    return np.where(hole[..., None], np.clip(current, 0.0, 1.0), image).astype(image.dtype)


class _StepCounter:
    """Counts denoising steps over all passes."""

    def __init__(self, runner: PassRunner, plan: FillPlan, context: Context) -> None:
        self._context = context
        self._first_steps = steps_run(runner.steps, runner.strength)
        self._tile_steps = steps_run(runner.steps, REFINE_STRENGTH)
        self._total = self._first_steps + self._tile_steps * len(plan.tiles)

    def on_step(self, index: int) -> Callable[[int], None]:
        """Return the progress callback of a pass; passes are numbered in order."""
        steps_before = self._first_steps + self._tile_steps * (index - 1) if index else 0

        def report(done: int) -> None:
            step = steps_before + done
            detail = Message(STEP, step=step, total=self._total)
            self._context.report(step / self._total, detail)

        return report


def _refined(
    runner: PassRunner,
    image: FloatArray,
    hole: Mask,
    plan: FillPlan,
    seed: int,
    steps: _StepCounter,
    context: Context,
) -> FloatArray:
    """Return the image refined by the tiles, each starting from the result of the previous ones.

    Where tiles overlap the result is their mean by `blending_weights`, kept as a running mean.
    """
    total = np.zeros(hole.shape, np.float32)
    for index, tile in enumerate(plan.tiles, start=1):
        reference, tile_hole = image[tile.window].copy(), hole[tile.window]
        show_preview = _preview_callback(image, hole, tile, context)
        generated = runner.run(
            InpaintPass(
                reference,
                tile_hole,
                REFINE_STRENGTH,
                _seed(seed, index),
                steps.on_step(index),
                show_preview,
            )
        )
        generated = match_colors(generated, reference, COLOR_RADIUS * runner.native)
        weights = blending_weights(tile, (hole.shape[0], hole.shape[1]), _overlap(runner.native))
        total[tile.window] += weights
        weight = np.where(tile_hole, weights / total[tile.window], 0.0)[..., None]
        image[tile.window] = reference + weight * (generated - reference)
    return image


def _overlap(native: int) -> int:
    return round(TILE_OVERLAP * native)


def _seed(seed: int, index: int) -> int:
    """Return a separate seed for each pass."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def _resized(image: FloatArray, size: Size) -> FloatArray:
    """Resize an image (H, W, 3), antialiased when reduced and bicubic when enlarged."""
    if image.shape[:2] == size:
        return image
    is_reduced = size[0] * size[1] < image.shape[0] * image.shape[1]
    interpolation = cv2.INTER_AREA if is_reduced else cv2.INTER_CUBIC
    resized = cv2.resize(image, (size[1], size[0]), interpolation=interpolation)
    return np.clip(resized, 0.0, 1.0).astype(np.float32)


def _resized_hole(hole: Mask, size: Size) -> Mask:
    """Return a hole at another size: all pixels that it covers at least partly."""
    if hole.shape == size:
        return hole
    values = cv2.resize(hole.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return values > 1e-4


def _preview_callback(
    image: FloatArray, hole: Mask, tile: Tile, context: Context
) -> Callable[[FloatArray], None]:
    """Return a function that shows a tile's preview within a small version of the whole image."""
    small_image = thumbnail(image)
    small_hole = _resized_hole(hole, (small_image.shape[0], small_image.shape[1]))
    scale = small_image.shape[0] / image.shape[0], small_image.shape[1] / image.shape[1]
    top, left = round(tile.top * scale[0]), round(tile.left * scale[1])
    height = min(small_image.shape[0] - top, max(1, round(tile.height * scale[0])))
    width = min(small_image.shape[1] - left, max(1, round(tile.width * scale[1])))
    window = slice(top, top + height), slice(left, left + width)

    def show_preview(preview: FloatArray) -> None:
        preview_image = small_image.copy()
        part = _resized(preview, (height, width))
        preview_image[window] = np.where(small_hole[window][..., None], part, preview_image[window])
        context.on_preview(preview_image)

    return show_preview
