"""The artist's edits of editable images, applied to the results of the stages.

Only pixels that differ from the generated image count, so that the others follow when an earlier
stage changes.
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
"""Difference in levels, by the highest level, up to which a pixel counts as unedited: Blender
stores some images as half floats."""

RENAMED_ARRAYS = {"wide": OUTPAINTED}
"""Arrays that version 0.1.0 stored under other names, in results over which images were edited."""

BaseOf = Callable[[str], Arrays | None]


def with_image_edits(arrays: Arrays, edits: Sequence[ImageEdit], base_of: BaseOf) -> Arrays:
    """Return a stage's result with the edits of its images.

    Args:
        arrays: The stage's result as generated.
        edits: Of the stage's images.
        base_of: Returns earlier results of the stage by their key, None if one is gone; an image
            edited over that one then counts as edited everywhere.
    """
    for edit in edits:
        current = image_of(edit.name, arrays)
        if current is None:  # the layer is gone
            continue
        base = base_of(edit.base)
        before = None if base is None else image_of(edit.name, _upgraded(base))
        changed = changed_pixels(edit, before)
        values = (edit.pixels / np.float32(levels_of(edit.name))).astype(np.float32)
        size = (current.shape[1], current.shape[0])
        if changed.shape != current.shape[:2]:
            changed = (
                cv2.resize(changed.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
            )
            values = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
        arrays = arrays | _applied(edit.name, arrays, values, changed)
    return arrays


def _upgraded(arrays: Arrays) -> Arrays:
    """Return an earlier result with today's names."""
    return {RENAMED_ARRAYS.get(name, name): array for name, array in arrays.items()}


def changed_pixels(edit: ImageEdit, before: FloatArray | None) -> Mask:
    """Return where (H, W) an image differs from `before`, everywhere if that is unknown."""
    if before is None or before.shape[:2] != edit.pixels.shape[:2]:
        return np.ones(edit.pixels.shape[:2], bool)
    old = quantized(edit.name, before).astype(np.int32)
    differs = np.abs(edit.pixels.astype(np.int32) - old) > TOLERANCE[levels_of(edit.name)]
    return np.asarray(differs if differs.ndim == 2 else differs.any(axis=-1))


def image_of(name: str, arrays: Arrays) -> FloatArray | None:
    """Return an image (H, W) or (H, W, 3), 0..1, from its stage's result; None if it has none."""
    if name in (OUTPAINTED, DISPARITY):
        return arrays[name]
    index = layer_in(name)
    if name.startswith(MASK):
        layers = len(arrays["bins"]) - 1
        return (arrays["layer"] == index).astype(np.float32) if index < layers - 1 else None
    return arrays["color"][index] if index < len(arrays["color"]) else None


def image_names(arrays: Arrays) -> list[str]:
    """Return the names of a finished run's images, in the order of the stages."""
    masks = [f"{MASK}{i}" for i in range(len(arrays["bins"]) - 2)]
    layers = [f"{LAYER}{i}" for i in range(1, len(arrays["color"]))]
    return [OUTPAINTED, DISPARITY, *masks, *layers]


def _applied(name: str, arrays: Arrays, values: FloatArray, changed: Mask) -> Arrays:
    """Return the changed arrays of a stage: an image's `values` where it was `changed`."""
    if name.startswith(MASK):
        return {"layer": _moved(arrays["layer"], layer_in(name), values > 0.5, changed)}
    where = changed if is_gray(name) else changed[..., None]
    if name.startswith(LAYER):
        color = arrays["color"].copy()
        color[layer_in(name)] = np.where(where, values, color[layer_in(name)])
        return {"color": color}
    image = np.where(where, values, arrays[name]).astype(np.float32)
    if name == OUTPAINTED:
        return {name: image}
    # Black is the sky: pixels painted black become sky, sky painted gray no longer is.
    black = image < 0.5 / 255
    sky = np.where(changed, black.astype(np.float32), arrays["sky"])
    return {name: np.where(changed & black, 0.0, image).astype(np.float32), "sky": sky}


def _moved(layer: NDArray[np.uint8], index: int, white: Mask, changed: Mask) -> NDArray[np.uint8]:
    """Return layers (H, W) by an edited layer mask.

    Pixels painted white move to the layer, those painted black to the next one behind it.
    """
    left = changed & ~white & (layer == index)
    moved = np.where(left, index + 1, layer)
    return np.where(changed & white, index, moved).astype(np.uint8)
