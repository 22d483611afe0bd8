"""The motion regions of the photo and its layers, as found or as painted by the artist."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask

KINDS = ("cloud", "water", "fall")


@dataclass(frozen=True)
class MotionRegions:
    """Soft masks (H, W) float32, 0..1, of what moves; their sum is at most 1.

    Attributes:
        cloud: Sky, whose clouds drift.
        water: Still or drifting water.
        fall: Falling water.
    """

    cloud: FloatArray
    water: FloatArray
    fall: FloatArray


def regions_of(sky: FloatArray, water: FloatArray, falls: FloatArray) -> MotionRegions:
    """Return the regions of masks (H, W), 0..1; where they overlap, sky comes first, then falls."""
    fall = np.minimum(falls, 1.0 - sky)
    return MotionRegions(sky, np.minimum(water, 1.0 - sky - fall), fall)


def edited_regions(
    edited: FloatArray, detected: MotionRegions, sky: FloatArray, horizon: float
) -> MotionRegions:
    """Return the regions of an edited image (H, W): clouds in the sky, falls, else water.

    Falls are where falling water was detected. What is neither sky nor detected water and lies
    above the horizon (a row in pixels) is too steep for a water surface, and counts as a fall.
    """
    rows = np.arange(len(edited), dtype=np.float32)[:, None] + 0.5
    wet = detected.fall + detected.water
    steep = np.where(wet > 0.1, detected.fall / np.maximum(wet, 0.1), (rows < horizon) * 1.0)
    solid = edited * (1 - sky)
    parts = (edited * sky, solid * (1 - steep), solid * steep)
    return MotionRegions(*(part.astype(np.float32) for part in parts))


def resized(regions: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Return an edited image (h, w) at another shape (H, W)."""
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(regions, size, interpolation=cv2.INTER_AREA))


def hidden_part(photo: MotionRegions, member: Mask, observed: Mask, sky: FloatArray) -> Mask:
    """Return where (H, W) a layer has regions of its own, because a nearer layer hides it.

    Water that continues into a nearer layer hides nothing: it carries the layer's own water with
    it.
    """
    hidden = member & ~observed
    return hidden & (~_reaching(photo.water + photo.fall > 0.5, observed) | (sky > 0.5))


def replaced(photo: MotionRegions, layer: MotionRegions, hidden: Mask) -> MotionRegions:
    """Return the photo's regions, replaced by a layer's own where `hidden` (H, W)."""
    parts = [np.where(hidden, getattr(layer, kind), getattr(photo, kind)) for kind in KINDS]
    return MotionRegions(*(part.astype(np.float32) for part in parts))


def continued(photo: MotionRegions, observed: Mask, hidden: Mask) -> MotionRegions:
    """Return the photo's regions, continued into `hidden` from the nearest observed pixel."""
    if not observed.any():
        return photo
    nearest = tuple(
        ndimage.distance_transform_edt(~observed, return_distances=False, return_indices=True)
    )
    masks = (getattr(photo, kind) for kind in KINDS)
    return MotionRegions(*(np.where(hidden, mask[nearest], mask) for mask in masks))


def union(regions: MotionRegions) -> FloatArray:
    """Return everything that moves (H, W), 0..1."""
    return np.clip(regions.cloud + regions.water + regions.fall, 0.0, 1.0)


def _reaching(wet: Mask, observed: Mask) -> Mask:
    """Return the pieces of the photo's water (H, W) that include an observed pixel of a layer."""
    pieces, _ = ndimage.label(wet)
    own = np.unique(pieces[wet & observed])
    return np.isin(pieces, own[own > 0])
