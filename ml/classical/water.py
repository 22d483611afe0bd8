"""Lakes, rivers and the sea: what lies below the horizon, is calm or streaked level, and has the
sky's color or mirrors what stands above its shore.

Water swallows red, so that what is redder than the sky is wet sand or snow.

Precision before recall: a picture without a large, sure piece of water has none.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ...geometry.core.camera import FloatArray
from .appearance import Appearance
from .guided import box, global_smooth
from .mirror import mirrored_region

Mask = NDArray[np.bool_]

SKY_SAMPLES = 160
SAME_TINT = 7.0
"""Distance of chromaticity (CIELAB a, b) to the sky's up to which water may reflect it."""
BLUE = -6.0
NOT_YELLOW = 2.0
SURE_TINT, SURE_STREAK = 2.0, 0.5
"""What yellow water, under a yellow sky, shows of its tint and of level streaks; sand doesn't."""
REDDER = 3.0
"""How much redder (CIELAB a) than sky of the same blue water may be: it swallows red, whereas wet
sand adds its own."""
ALIKE_SKY, REDDEST = 15, 80
"""Samples of the sky that are of one blue, and the percentile that counts as their red."""
BLUES = np.arange(-110.0, 110.0, 0.5)
"""Values of blue (CIELAB b) at which the sky's red is looked up."""
CALM = 0.8
LEAST_STREAK = 0.35
LEAST_LIGHTNESS = 0.42
LOW_SKY = 0.15
"""Height of the sky close to the horizon, which water mirrors most, as a share of the picture."""
LEAST_SHINE, LEAST_SHINE_PLAIN = 0.4, 0.6
"""Lightness beside the low sky's of a piece of water that is streaked level or deep, and of any
other."""
MOST_SHINE, SNOW_CHROMA, LEAST_DARKER = 0.9, 20.0, 4.0
"""What is as bright as the low sky and has no more color than this is snow, unless its far half is
brighter than its near one."""
DEEP_BLUER, DEEP_RED, HAZE_BLUER = 10.0, -2.0, 4.0
"""How much bluer than the land deep water is, and yellow water at least; how red beside the sky."""
LEAST_AREA = 0.01
LEAST_PART = 0.3
"""Where one piece is large enough, others may be smaller by this factor."""
LARGEST_HEIGHT = 1.5
OPEN_ABOVE = 0.3
LEAST_ROUGH = 1.2
SAME_COLOR, UNLIKE = 3.5, 0.02
WALK_STRENGTH = 900.0
FOAM_LIGHTNESS, FOAM_CHROMA = 62.0, 18.0
FOAM_ENCLOSED = 0.5
"""Share of a white piece's surroundings that has to be water for it to be foam."""


def water_region(look: Appearance) -> FloatArray:
    """Soft mask (H, W) 0..1 of still or drifting water, at working size."""
    likely = _candidates(look)
    sure = _sure_pieces(look, likely)
    if not sure.any():
        return np.zeros(sure.shape, np.float32)
    return _with_foam(look, _grown(look, sure, _holding(sure, likely)))


def _candidates(look: Appearance) -> Mask:
    """Pixels that look like the surface of water that reflects the sky; none without a sky."""
    bluish, lightness = look.lab[..., 2], look.lab[..., 0]
    sky = look.sky > 0.9
    if sky.mean() < LEAST_AREA:
        return np.zeros_like(sky)
    samples = _sky_samples(look, sky)
    away = _nearest(look.lab[..., 1:], samples[:, 1:])
    tint = (bluish < BLUE) | ((away < SAME_TINT) & (bluish < NOT_YELLOW))
    tint |= (away < SURE_TINT) & (look.streak > SURE_STREAK)
    tint &= _redness(look, samples) < REDDER
    light = LEAST_LIGHTNESS * float(np.median(lightness[sky]))
    calm = (look.texture < CALM) | ((look.streak > LEAST_STREAK) & (look.texture < 6 * CALM))
    below = (look.rows > 0.005) & (look.sky < 0.3)
    return _opened(below & tint & calm & (lightness > light), 2)


def _sky_samples(look: Appearance, sky: Mask) -> FloatArray:
    """Colors (n, 3) of the sky, low sky counted twice."""
    low = look.lab[sky & (look.rows > -LOW_SKY)]
    return np.concatenate([_spread(look.lab[sky], SKY_SAMPLES), _spread(low, SKY_SAMPLES)])


def _redness(look: Appearance, samples: FloatArray) -> FloatArray:
    """How much redder (H, W) than sky of the same blue a pixel is, in CIELAB, over a small area."""
    count = min(ALIKE_SKY, len(samples))
    near = cKDTree(samples[:, 2:]).query(BLUES[:, None], k=range(1, count + 1))[1]
    red = np.percentile(samples[near, 1], REDDEST, axis=1)
    beside = np.interp(look.lab[..., 2].ravel(), BLUES, red).reshape(look.sky.shape)
    return box((look.lab[..., 1] - beside).astype(np.float32), 3)


def _nearest(values: FloatArray, samples: FloatArray) -> FloatArray:
    """Distance (H, W) of values (H, W, C) to the nearest of samples (n, C)."""
    flat = values.reshape(-1, values.shape[-1])
    return cKDTree(samples).query(flat)[0].reshape(values.shape[:-1]).astype(np.float32)


def _spread(values: FloatArray, count: int) -> FloatArray:
    """About `count` of the rows of `values`, evenly spread over them."""
    return values[:: max(len(values) // count, 1)]


def _opened(mask: Mask, radius: int) -> Mask:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0


def _sure_pieces(look: Appearance, mask: Mask) -> Mask:
    """Candidates like most of them, in large pieces that lie flat and end at a shore."""
    if not mask.any():
        return mask
    typical = float(np.median(look.texture[mask]))
    alike = mask & (look.texture < max(CALM, 2.5 * typical)) & _as_colorful(look, mask)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(_opened(alike, 2).astype(np.uint8))
    sure, largest = np.zeros_like(mask), 0.0
    for label in range(1, len(stats)):
        area, outpainted, tall = (stats[label, i] for i in (4, 2, 3))
        if area < LEAST_PART * LEAST_AREA * mask.size or tall > LARGEST_HEIGHT * outpainted:
            continue
        piece = labels == label
        if _shines(look, piece) and not (_is_haze(look, piece) or _open_above(look, piece)):
            sure |= piece
            largest = max(largest, area / mask.size)
    return sure if largest > LEAST_AREA else np.zeros_like(mask)


def _shines(look: Appearance, piece: Mask) -> bool:
    """Whether a piece is as bright beside the low sky as what mirrors it; a dark wood is not.

    Water mirrors ever less towards the viewer (Fresnel); snow is white and bright throughout.
    """
    sky = look.sky > 0.9
    low = sky & (look.rows > -LOW_SKY)
    lightness = look.lab[..., 0]
    beside = float(np.median(lightness[low if low.any() else sky]))
    share = float(np.median(lightness[piece])) / max(beside, 1.0)
    if share > MOST_SHINE and float(np.median(look.chroma[piece])) < SNOW_CHROMA:
        return _darkening(look, piece) > LEAST_DARKER
    streaked = float(np.median(look.streak[piece])) > LEAST_STREAK
    return share > (LEAST_SHINE if streaked or _is_deep(look, piece) else LEAST_SHINE_PLAIN)


def _darkening(look: Appearance, piece: Mask) -> float:
    """How much darker (CIELAB) a piece's near half is than its far half."""
    rows, lightness = np.nonzero(piece)[0], look.lab[..., 0][piece]
    far, near = (lightness[part] for part in (rows < np.median(rows), rows >= np.median(rows)))
    return float(np.median(far) - np.median(near)) if far.size else 0.0


def _is_deep(look: Appearance, piece: Mask) -> bool:
    """Whether a piece is bluer than the dry ground and less red than the sky: its depth swallows
    red, whereas a road in the shade has the sky's own tint."""
    redness = _redness(look, _sky_samples(look, look.sky > 0.9))
    return _bluer(look, piece) > DEEP_BLUER and float(np.median(redness[piece])) < DEEP_RED


def _bluer(look: Appearance, piece: Mask) -> float:
    """How much bluer (CIELAB b) a piece is than the rest of the ground; 0 without any."""
    dry = (look.rows > 0) & (look.sky < 0.3) & ~piece
    bluish = look.lab[..., 2]
    return float(np.median(bluish[dry]) - np.median(bluish[piece])) if dry.any() else 0.0


def _is_haze(look: Appearance, piece: Mask) -> bool:
    """Whether a piece is yellow, as the sky over it, and so is all the ground."""
    yellow = float(np.median(look.lab[..., 2][piece])) > NOT_YELLOW
    return yellow and _bluer(look, piece) < HAZE_BLUER


def _as_colorful(look: Appearance, mask: Mask) -> Mask:
    """Where the tint is that of most candidates, or stronger; wet sand has only a breath of it."""
    tint = np.median(look.lab[mask][:, 1:], axis=0)
    strength = max(float(np.hypot(*tint)), 1e-6)
    along = look.lab[..., 1:] @ (tint / strength)
    across = look.lab[..., 1:] @ (np.array([-tint[1], tint[0]]) / strength)
    reach = max(SAME_TINT, 0.4 * strength)
    return (along > strength - reach) & (np.abs(across) < 1.5 * reach)


def _open_above(look: Appearance, piece: Mask) -> bool:
    """Whether a piece goes on above the horizon without an edge: then it is sky, or a wall."""
    tops = np.argmax(piece, axis=0)
    columns = np.flatnonzero(piece.any(axis=0))
    tops = tops[columns]
    reach = max(look.rows.size // 40, 2)
    horizon = int(np.searchsorted(look.rows[:, 0], 0.0))
    above = np.maximum(np.minimum(tops, horizon) - reach, 0)
    alike = np.abs(look.lab[above, columns] - look.lab[tops, columns]).sum(-1) < 6.0
    at_horizon = look.rows[tops, 0] < 0.03
    is_open = alike & at_horizon & (look.sky[above, columns] < 0.3)
    return bool(is_open.mean() > OPEN_ABOVE)


def _grown(look: Appearance, sure: Mask, likely: Mask) -> FloatArray:
    """Walk from sure water over what looks like it, and stop at edges (random walker).

    What is likely or mirrors the scene above it joins in; what is rough beside sure water, or too
    red, leans to standing still, what looks unlike it, or lies above it, does so for certain.
    """
    mirrored = mirrored_region(look)
    alike = _likeness(look, sure)
    typical = float(np.median(look.texture[sure]))
    rough = look.texture > max(LEAST_ROUGH, 3.5 * typical)
    red = _redness(look, _sky_samples(look, look.sky > 0.9)) > REDDER
    top = np.argmax((sure | mirrored).any(axis=1))
    beyond = (look.sky > 0.5) | (look.rows < look.rows[top])
    cases = [sure, beyond, likely, mirrored, alike < UNLIKE, rough | red]
    values = np.select(cases, [1.0, 0.0, 1.0, 1.0, 0.0, 0.0], alike).astype(np.float32)
    confidence = np.select(cases, [1.0, 1.0, 0.3, 0.3, 1.0, 0.1], 0.005).astype(np.float32)
    joined = 1.0 - np.abs(np.diff(beyond.astype(np.float32), axis=0))
    walked = global_smooth(values, look.right, look.down * joined, WALK_STRENGTH, confidence)
    return _kept(np.where(beyond, 0, walked), sure)


def _likeness(look: Appearance, sure: Mask) -> FloatArray:
    """How like sure water a color is (H, W), 0..1; lightness counts for less."""
    scale = np.array([0.4, 1.0, 1.0], np.float32)
    nearest = _nearest(look.lab * scale, _spread(look.lab[sure], 200) * scale)
    return np.exp(-np.square(nearest) / (2 * SAME_COLOR**2))


def _with_foam(look: Appearance, water: FloatArray) -> FloatArray:
    """Water (H, W) and the white foam on it: bright colorless pieces that water surrounds."""
    solid = water > 0.5
    white = (look.lab[..., 0] > FOAM_LIGHTNESS) & (look.chroma < FOAM_CHROMA) & ~solid
    white &= (look.sky < 0.3) & (look.rows > 0)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(white.astype(np.uint8), connectivity=8)
    foam = np.zeros_like(solid)
    for label in range(1, len(stats)):
        piece = labels == label
        ring = cv2.dilate(piece.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        around = ring & ~piece
        if around.any() and solid[around].mean() > FOAM_ENCLOSED:
            foam |= piece
    return np.where(foam, 1.0, water).astype(np.float32)


def _holding(sure: Mask, pieces: Mask) -> Mask:
    """Those of the pieces that hold sure water: planks between two waters don't."""
    _, labels = cv2.connectedComponents(pieces.astype(np.uint8))
    return np.isin(labels, np.unique(labels[sure & (labels > 0)]))


def _kept(walked: FloatArray, sure: Mask) -> FloatArray:
    """Only pieces that hold sure water."""
    keep = _holding(sure, walked > 0.5)
    near = cv2.dilate(keep.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return np.where(near, walked, 0).astype(np.float32)
