"""What an artist painted into the pictures of a run, laid over the results of the stages.

Only the pixels that differ from what was generated count, so that the rest follows when something
before it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray
from ...geometry.core.editable_images import (
    DISPARITY,
    LAYER,
    MASK,
    OUTPAINTED,
    ImageEdit,
    is_gray,
    layer_in,
    levels_of,
    quantized,
)
from ...geometry.core.ldi import Mask
from ..cache.stage_cache import Arrays

TOLERANCE = {255: 1, 65535: 40}
"""Levels, by the highest one, up to which a pixel counts as untouched: Blender stores some
pictures as half floats."""

BaseOf = Callable[[str], Arrays | None]


def with_image_edits(arrays: Arrays, edits: Sequence[ImageEdit], base_of: BaseOf) -> Arrays:
    """A stage's results with the edits of its pictures; base_of: earlier results by their key.

    Where the result that was painted in is gone, a picture counts as painted all over.
    """
    for edit in edits:
        shown = picture_of(edit.name, arrays)
        if shown is None:  # the layer is gone
            continue
        base = base_of(edit.base)
        before = None if base is None else picture_of(edit.name, base)
        changed = changed_pixels(edit, before)
        values = (edit.pixels / np.float32(levels_of(edit.name))).astype(np.float32)
        size = (shown.shape[1], shown.shape[0])
        if changed.shape != shown.shape[:2]:
            changed = (
                cv2.resize(changed.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
            )
            values = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
        arrays = arrays | _laid_over(edit.name, arrays, values, changed)
    return arrays


def changed_pixels(edit: ImageEdit, before: FloatArray | None) -> Mask:
    """Where (H, W) a picture differs from what it was, all over where that is not known."""
    if before is None or before.shape[:2] != edit.pixels.shape[:2]:
        return np.ones(edit.pixels.shape[:2], bool)
    old = quantized(edit.name, before).astype(np.int32)
    far = np.abs(edit.pixels.astype(np.int32) - old) > TOLERANCE[levels_of(edit.name)]
    return np.asarray(far if far.ndim == 2 else far.any(axis=-1))


def picture_of(name: str, arrays: Arrays) -> FloatArray | None:
    """A picture (H, W) or (H, W, 3), 0..1, of its stage's results; None where it isn't there."""
    if name in (OUTPAINTED, DISPARITY):
        return arrays[name]
    index = layer_in(name)
    if name.startswith(MASK):
        layers = len(arrays["bins"]) - 1
        return (arrays["layer"] == index).astype(np.float32) if index < layers - 1 else None
    return arrays["color"][index] if index < len(arrays["color"]) else None


def picture_names(arrays: Arrays) -> list[str]:
    """The pictures of a finished run, the artist's way through it."""
    masks = [f"{MASK}{i}" for i in range(len(arrays["bins"]) - 2)]
    layers = [f"{LAYER}{i}" for i in range(1, len(arrays["color"]))]
    return [OUTPAINTED, DISPARITY, *masks, *layers]


def _laid_over(name: str, arrays: Arrays, values: FloatArray, changed: Mask) -> Arrays:
    """The changed results of a stage: `values` of a picture where it was `changed`."""
    if name.startswith(MASK):
        return {"layer": _moved(arrays["layer"], layer_in(name), values > 0.5, changed)}
    where = changed if is_gray(name) else changed[..., None]
    if name.startswith(LAYER):
        color = arrays["color"].copy()
        color[layer_in(name)] = np.where(where, values, color[layer_in(name)])
        return {"color": color}
    shown = np.where(where, values, arrays[name]).astype(np.float32)
    if name == OUTPAINTED:
        return {name: shown}
    # Black is the sky: what was painted black becomes sky, sky that was painted gray is none.
    black = shown < 0.5 / 255
    sky = np.where(changed, black.astype(np.float32), arrays["sky"])
    return {name: np.where(changed & black, 0.0, shown).astype(np.float32), "sky": sky}


def _moved(layer: NDArray[np.uint8], index: int, white: Mask, changed: Mask) -> NDArray[np.uint8]:
    """Layers (H, W) with what was painted white in a layer's mask moved to it, and what was painted
    black in it to the next one behind."""
    left = changed & ~white & (layer == index)
    moved = np.where(left, index + 1, layer)
    return np.where(changed & white, index, moved).astype(np.uint8)
