"""Detection of lakes, rivers and the sea.

Water lies below the horizon, is calm or streaked horizontally, and has the color of the sky or
mirrors what stands above its shore. It absorbs red, so whatever is redder than the sky is wet sand
or snow. Precision comes before recall: an image without a large, certain area of water has none.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import cKDTree

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from .appearance import AppearanceMaps
from .guided import box, global_smooth
from .mirror import mirrored_region

SKY_SAMPLES = 160
"""Number of colors sampled from the sky, and again from the low sky."""
MAX_TINT_DIFFERENCE = 7.0
"""Maximum distance of the chromaticity (CIELAB a, b) from the sky's for a reflection of the sky."""
MAX_BLUE_B = -6.0
"""CIELAB b below which a color is blue enough for water."""
MAX_YELLOW_B = 2.0
"""CIELAB b above which a color is yellow."""
MAX_SURE_TINT_DIFFERENCE, MIN_SURE_STREAKS = 2.0, 0.5
"""Tint difference and streaks required of yellow water under a yellow sky, which sand doesn't
have."""
MAX_REDNESS = 3.0
"""How much redder (CIELAB a) than sky of the same blue water may be. It absorbs red, whereas wet
sand adds its own."""
SIMILAR_SKY_SAMPLES, RED_PERCENTILE = 15, 80
"""Number of sky samples of the same blue, and the percentile that counts as their red."""
BLUE_LEVELS = np.arange(-110.0, 110.0, 0.5)
"""Values of blue (CIELAB b) at which the sky's red is tabulated."""
MAX_CALM_TEXTURE = 0.8
"""Maximum texture of calm water."""
MIN_STREAKS = 0.35
"""Minimum horizontal streaks of water that isn't calm."""
MIN_LIGHTNESS = 0.42
"""Minimum lightness of water relative to the sky's median."""
LOW_SKY_HEIGHT = 0.15
"""Height of the sky close to the horizon, which water mirrors most, as a fraction of the image
height."""
MIN_BRIGHTNESS, MIN_BRIGHTNESS_PLAIN = 0.4, 0.6
"""Minimum lightness relative to the low sky's of a component that is streaked horizontally or deep,
and of any other."""
MAX_BRIGHTNESS, MAX_SNOW_CHROMA, MIN_DARKENING = 0.9, 20.0, 4.0
"""What is as bright as the low sky and less colorful than this is snow, unless its far half is
brighter than its near one."""
MIN_DEEP_BLUENESS, MAX_DEEP_REDNESS, MIN_WATER_BLUENESS = 10.0, -2.0, 4.0
"""How much bluer than the land deep water is, how red it may be relative to the sky, and how much
bluer than the land yellow water must be."""
MIN_AREA = 0.01
"""Minimum area of the largest component, as a fraction of the image."""
MIN_PART = 0.3
"""If one component is large enough, others may be smaller by this factor."""
MAX_HEIGHT = 1.5
"""Maximum height of a component relative to its width."""
MAX_OPEN_TOP = 0.3
"""Fraction of a component's columns that may continue above the horizon without an edge."""
MIN_ROUGH_TEXTURE = 1.2
"""Minimum texture that counts as rough."""
COLOR_SIGMA, MIN_SIMILARITY = 3.5, 0.02
"""Color difference (CIELAB) from certain water at which similarity falls to exp(-1/2), and the
similarity below which a color isn't water."""
SMOOTHING_STRENGTH = 900.0
"""Smoothing over which certain water grows, in squared pixels."""
MIN_FOAM_LIGHTNESS, MAX_FOAM_CHROMA = 62.0, 18.0
"""Minimum lightness and maximum chroma of foam (CIELAB)."""
MIN_FOAM_ENCLOSURE = 0.5
"""Fraction of a white component's surroundings that has to be water for it to be foam."""


def water_region(maps: AppearanceMaps) -> FloatArray:
    """Find still or drifting water.

    Returns a soft mask (H, W), 0..1, at working size.
    """
    candidates = _candidates(maps)
    certain = _certain_components(maps, candidates)
    if not certain.any():
        return np.zeros(certain.shape, np.float32)
    return _with_foam(maps, _grow(maps, certain, _components_with(certain, candidates)))


def _candidates(maps: AppearanceMaps) -> Mask:
    """Return pixels that look like water reflecting the sky; none without a sky."""
    bluish, lightness = maps.lab[..., 2], maps.lab[..., 0]
    sky = maps.sky > 0.9
    if sky.mean() < MIN_AREA:
        return np.zeros_like(sky)
    samples = _sky_samples(maps, sky)
    tint_difference = _nearest_distance(maps.lab[..., 1:], samples[:, 1:])
    tint = (bluish < MAX_BLUE_B) | (
        (tint_difference < MAX_TINT_DIFFERENCE) & (bluish < MAX_YELLOW_B)
    )
    tint |= (tint_difference < MAX_SURE_TINT_DIFFERENCE) & (maps.streaks > MIN_SURE_STREAKS)
    tint &= _redness(maps, samples) < MAX_REDNESS
    light = MIN_LIGHTNESS * float(np.median(lightness[sky]))
    calm = (maps.texture < MAX_CALM_TEXTURE) | (
        (maps.streaks > MIN_STREAKS) & (maps.texture < 6 * MAX_CALM_TEXTURE)
    )
    below = (maps.below_horizon > 0.005) & (maps.sky < 0.3)
    return _open_mask(below & tint & calm & (lightness > light), 2)


def _sky_samples(maps: AppearanceMaps, sky: Mask) -> FloatArray:
    """Return colors (n, 3) of the sky, with low sky counted twice."""
    low_sky = maps.lab[sky & (maps.below_horizon > -LOW_SKY_HEIGHT)]
    return np.concatenate(
        [_subsample(maps.lab[sky], SKY_SAMPLES), _subsample(low_sky, SKY_SAMPLES)]
    )


def _redness(maps: AppearanceMaps, samples: FloatArray) -> FloatArray:
    """Return how much redder (H, W), in CIELAB, a pixel is than sky of the same blue.

    It is averaged over a small area.
    """
    count = min(SIMILAR_SKY_SAMPLES, len(samples))
    nearest_samples = cKDTree(samples[:, 2:]).query(BLUE_LEVELS[:, None], k=range(1, count + 1))[1]
    reddish = np.percentile(samples[nearest_samples, 1], RED_PERCENTILE, axis=1)
    sky_red = np.interp(maps.lab[..., 2].ravel(), BLUE_LEVELS, reddish).reshape(maps.sky.shape)
    return box((maps.lab[..., 1] - sky_red).astype(np.float32), 3)


def _nearest_distance(values: FloatArray, samples: FloatArray) -> FloatArray:
    """Return the distance (H, W) of values (H, W, C) to the nearest of samples (n, C)."""
    flat = values.reshape(-1, values.shape[-1])
    return cKDTree(samples).query(flat)[0].reshape(values.shape[:-1]).astype(np.float32)


def _subsample(values: FloatArray, count: int) -> FloatArray:
    """Return about `count` rows of `values`, evenly spaced."""
    return values[:: max(len(values) // count, 1)]


def _open_mask(mask: Mask, radius: int) -> Mask:
    """Return a mask opened by a disc of `radius` pixels."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0


def _certain_components(maps: AppearanceMaps, mask: Mask) -> Mask:
    """Return the most common kind of candidates, in large, flat components that end at a shore."""
    if not mask.any():
        return mask
    typical = float(np.median(maps.texture[mask]))
    similar = (
        mask & (maps.texture < max(MAX_CALM_TEXTURE, 2.5 * typical)) & _has_common_tint(maps, mask)
    )
    _, labels, stats, _ = cv2.connectedComponentsWithStats(_open_mask(similar, 2).astype(np.uint8))
    certain, largest = np.zeros_like(mask), 0.0
    for label in range(1, len(stats)):
        area, width, height = (stats[label, i] for i in (4, 2, 3))
        if area < MIN_PART * MIN_AREA * mask.size or height > MAX_HEIGHT * width:
            continue
        component = labels == label
        if _is_bright_like_sky(maps, component) and not (
            _is_haze(maps, component) or _is_open_above(maps, component)
        ):
            certain |= component
            largest = max(largest, area / mask.size)
    return certain if largest > MIN_AREA else np.zeros_like(mask)


def _is_bright_like_sky(maps: AppearanceMaps, component: Mask) -> bool:
    """Whether a component is about as bright as the low sky that it mirrors; a dark forest is not.

    Water mirrors less and less toward the viewer (Fresnel); snow is white and bright throughout.
    """
    sky = maps.sky > 0.9
    low_sky = sky & (maps.below_horizon > -LOW_SKY_HEIGHT)
    lightness = maps.lab[..., 0]
    reference = float(np.median(lightness[low_sky if low_sky.any() else sky]))
    brightness = float(np.median(lightness[component])) / max(reference, 1.0)
    if brightness > MAX_BRIGHTNESS and float(np.median(maps.chroma[component])) < MAX_SNOW_CHROMA:
        return _darkening(maps, component) > MIN_DARKENING
    streaked = float(np.median(maps.streaks[component])) > MIN_STREAKS
    return brightness > (
        MIN_BRIGHTNESS if streaked or _is_deep(maps, component) else MIN_BRIGHTNESS_PLAIN
    )


def _darkening(maps: AppearanceMaps, component: Mask) -> float:
    """Return how much darker (CIELAB) a component's near half is than its far half."""
    row, lightness = np.nonzero(component)[0], maps.lab[..., 0][component]
    far_half, near_half = (
        lightness[half] for half in (row < np.median(row), row >= np.median(row))
    )
    return float(np.median(far_half) - np.median(near_half)) if far_half.size else 0.0


def _is_deep(maps: AppearanceMaps, component: Mask) -> bool:
    """Whether a component is bluer than the land and less red than the sky.

    Deep water absorbs red, whereas a road in the shade has the sky's own tint.
    """
    redness = _redness(maps, _sky_samples(maps, maps.sky > 0.9))
    return (
        _blueness(maps, component) > MIN_DEEP_BLUENESS
        and float(np.median(redness[component])) < MAX_DEEP_REDNESS
    )


def _blueness(maps: AppearanceMaps, component: Mask) -> float:
    """Return how much bluer (CIELAB b) a component is than the land, or 0 without any land."""
    land = (maps.below_horizon > 0) & (maps.sky < 0.3) & ~component
    bluish = maps.lab[..., 2]
    return float(np.median(bluish[land]) - np.median(bluish[component])) if land.any() else 0.0


def _is_haze(maps: AppearanceMaps, component: Mask) -> bool:
    """Whether a component is yellow, like the sky above it, and all the ground is too."""
    yellow = float(np.median(maps.lab[..., 2][component])) > MAX_YELLOW_B
    return yellow and _blueness(maps, component) < MIN_WATER_BLUENESS


def _has_common_tint(maps: AppearanceMaps, mask: Mask) -> Mask:
    """Return where the tint is that of most candidates, or stronger; wet sand has only a trace."""
    tint = np.median(maps.lab[mask][:, 1:], axis=0)
    tint_strength = max(float(np.hypot(*tint)), 1e-6)
    along_tint = maps.lab[..., 1:] @ (tint / tint_strength)
    across_tint = maps.lab[..., 1:] @ (np.array([-tint[1], tint[0]]) / tint_strength)
    tolerance = max(MAX_TINT_DIFFERENCE, 0.4 * tint_strength)
    return (along_tint > tint_strength - tolerance) & (np.abs(across_tint) < 1.5 * tolerance)


def _is_open_above(maps: AppearanceMaps, component: Mask) -> bool:
    """Whether a component continues above the horizon without an edge, like sky or a wall."""
    tops = np.argmax(component, axis=0)
    columns = np.flatnonzero(component.any(axis=0))
    tops = tops[columns]
    distance = max(maps.below_horizon.size // 40, 2)
    horizon = int(np.searchsorted(maps.below_horizon[:, 0], 0.0))
    above = np.maximum(np.minimum(tops, horizon) - distance, 0)
    similar = np.abs(maps.lab[above, columns] - maps.lab[tops, columns]).sum(-1) < 6.0
    at_horizon = maps.below_horizon[tops, 0] < 0.03
    is_open = similar & at_horizon & (maps.sky[above, columns] < 0.3)
    return bool(is_open.mean() > MAX_OPEN_TOP)


def _grow(maps: AppearanceMaps, certain: Mask, candidates: Mask) -> FloatArray:
    """Grow certain water over what resembles it, stopping at edges (random walker).

    Candidates and reflections are included. Rough areas next to certain water and reddish ones tend
    to stand still; what looks different or lies above the water stands still for certain.
    """
    mirrored = mirrored_region(maps)
    similarity = _similarity(maps, certain)
    typical = float(np.median(maps.texture[certain]))
    rough = maps.texture > max(MIN_ROUGH_TEXTURE, 3.5 * typical)
    reddish = _redness(maps, _sky_samples(maps, maps.sky > 0.9)) > MAX_REDNESS
    top = np.argmax((certain | mirrored).any(axis=1))
    excluded = (maps.sky > 0.5) | (maps.below_horizon < maps.below_horizon[top])
    conditions = [
        certain,
        excluded,
        candidates,
        mirrored,
        similarity < MIN_SIMILARITY,
        rough | reddish,
    ]
    values = np.select(conditions, [1.0, 0.0, 1.0, 1.0, 0.0, 0.0], similarity).astype(np.float32)
    confidence = np.select(conditions, [1.0, 1.0, 0.3, 0.3, 1.0, 0.1], 0.005).astype(np.float32)
    same_side = 1.0 - np.abs(np.diff(excluded.astype(np.float32), axis=0))
    smoothed = global_smooth(
        values, maps.link_right, maps.link_down * same_side, SMOOTHING_STRENGTH, confidence
    )
    return _keep_components(np.where(excluded, 0, smoothed), certain)


def _similarity(maps: AppearanceMaps, certain: Mask) -> FloatArray:
    """Return the similarity (H, W), 0..1, to certain water; lightness counts less than color."""
    channel_weights = np.array([0.4, 1.0, 1.0], np.float32)
    nearest = _nearest_distance(
        maps.lab * channel_weights, _subsample(maps.lab[certain], 200) * channel_weights
    )
    return np.exp(-np.square(nearest) / (2 * COLOR_SIGMA**2))


def _with_foam(maps: AppearanceMaps, water: FloatArray) -> FloatArray:
    """Add white foam to water (H, W): bright colorless components surrounded by water."""
    solid = water > 0.5
    white = (maps.lab[..., 0] > MIN_FOAM_LIGHTNESS) & (maps.chroma < MAX_FOAM_CHROMA) & ~solid
    white &= (maps.sky < 0.3) & (maps.below_horizon > 0)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(white.astype(np.uint8), connectivity=8)
    foam = np.zeros_like(solid)
    for label in range(1, len(stats)):
        component = labels == label
        ring = cv2.dilate(component.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        surroundings = ring & ~component
        if surroundings.any() and solid[surroundings].mean() > MIN_FOAM_ENCLOSURE:
            foam |= component
    return np.where(foam, 1.0, water).astype(np.float32)


def _components_with(certain: Mask, mask: Mask) -> Mask:
    """Return the components of `mask` with certain water; planks between two waters have none."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    return np.isin(labels, np.unique(labels[certain & (labels > 0)]))


def _keep_components(smoothed: FloatArray, certain: Mask) -> FloatArray:
    """Keep only components that contain certain water."""
    kept = _components_with(certain, smoothed > 0.5)
    near = cv2.dilate(kept.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return np.where(near, smoothed, 0).astype(np.float32)
