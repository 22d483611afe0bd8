"""What an image shows, read from the scene network's maps in one pass, at the image's full size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ..classical.vanishing import vanishing_column
from .camera_fit import CameraFit, fit_camera, latitudes
from .guided import guided_upsample
from .maps import Map, probability
from .matte import matte_sky
from .merged import Margins, merged_maps
from .network import SceneMaps, SceneNetwork
from .relief import full_disparity
from .strays import without_strays
from .upright import stand_up

NO_MARGINS: Margins = (0, 0, 0, 0)
SHARES = [Map.SKY, Map.WATER, Map.FALLS, Map.FLAT]
"""Maps whose values are the logits of shares."""
DOUBTFUL = 0.65
"""Difference of both looks of the network, relative to the spread of the log disparity, at which
the confidence is one half: they differ where it doesn't know what it sees (indoors, close-ups)."""
LOWEST_SKY = (-0.08, -0.03)
"""Angles above the horizon, in radians, up to which there is no sky, and from which on there may be
some. Both are negative because the horizon is only known to a few degrees."""
EDGE_RADIUS = 2
"""Radius, in pixels of the maps, within which the edge of a mask moves to that of the image."""
EDGE_REGULARIZATION = 1e-3
"""Variance of the image, in squared color units, below which it doesn't."""


@dataclass(frozen=True)
class SceneReading:
    """What an image (H, W) shows.

    Attributes:
        disparity: (H, W) float32, 0..1, 1 is nearest, exactly 0 in the sky.
        sky: (H, W) float32, 0..1.
        water: (H, W) float32, 0..1, still or drifting water.
        falls: (H, W) float32, 0..1, falling or white water; sky, water and falls sum to at most 1.
        flat: (H, W) float32, 0..1, flat ground or water; meaningless in the sky.
        horizon: Row in pixels at the middle column, may be outside the image.
        roll: Radians by which the horizon is turned clockwise.
        focal: Focal length in pixels.
        confidence: 0..1, how far the disparity can be relied on.
        meters_per_unit: Size of a scene unit in meters, 0 if unknown.
    """

    disparity: FloatArray
    sky: FloatArray
    water: FloatArray
    falls: FloatArray
    flat: FloatArray
    horizon: float
    roll: float
    focal: float
    confidence: float
    meters_per_unit: float = 0.0


def read_scene(
    image: FloatArray,
    network: SceneNetwork,
    sky: FloatArray | None = None,
    margins: Margins = NO_MARGINS,
) -> SceneReading:
    """Read what an image shows.

    Args:
        image: (H, W, 3) sRGB, 0..1.
        network: The scene network.
        sky: (H, W) sky to use in place of the network's, 0..1.
        margins: Pixels at the top, right, bottom and left that no camera has seen. The camera is
            fitted to the rest, as what was outpainted looks like another lens, and the rest is read
            by itself.

    Raises ModelError if the network can't run.
    """
    top, right, bottom, left = margins
    photo = image[top : len(image) - bottom, left : image.shape[1] - right]
    seen = network.maps(photo)
    camera = fit_camera(seen.maps[Map.LATITUDE], *photo.shape[:2])
    maps = seen.maps
    if photo.shape != image.shape:
        maps = merged_maps(network.maps(image).maps, maps, image.shape[:2], margins)
    shares = _shares(maps, camera, image, margins)
    small_sky = shares[0]
    found_sky, wet, falls, flat = _enlarged(shares, image)
    if sky is None:
        sky = without_strays(matte_sky(found_sky, small_sky, image), image)
    else:
        small_sky = cv2.resize(sky, small_sky.shape[::-1], interpolation=cv2.INTER_AREA)
    disparity = full_disparity(stand_up(maps), small_sky, image)
    disparity = np.where(sky > 0.5, 0.0, disparity).astype(np.float32)
    wet = np.minimum(wet, 1.0 - sky)
    falls = np.minimum(falls, wet)
    return SceneReading(
        disparity,
        sky,
        wet - falls,
        falls,
        flat,
        top + camera.horizon,
        camera.roll,
        camera.focal,
        _confidence(seen),
    )


@dataclass(frozen=True)
class Layout:
    """What of an image (H, W) goes on past its borders.

    Attributes:
        sky: (H, W) float32, 0..1.
        vanishing_point: Column and row in pixels where the lines on the ground meet, if they do.
    """

    sky: FloatArray
    vanishing_point: tuple[float, float] | None


def read_layout(image: FloatArray, network: SceneNetwork, sky: FloatArray | None = None) -> Layout:
    """Read what is needed to continue an image (H, W, 3), sRGB 0..1, as `read_scene` does.

    sky: (H, W) sky to use in place of the network's, 0..1.

    Raises ModelError if the network can't run.
    """
    maps = network.maps(image).maps
    camera = fit_camera(maps[Map.LATITUDE], *image.shape[:2])
    shares = _shares(maps, camera, image, NO_MARGINS)
    if sky is None:
        sky = matte_sky(_enlarged(shares[:1], image)[0], shares[0], image)
        sky = without_strays(sky, image)
    flat = cv2.resize(shares[SHARES.index(Map.FLAT)], image.shape[1::-1])
    column = vanishing_column(image, (flat > 0.5) & (sky < 0.5), camera.horizon)
    return Layout(sky, None if column is None else (column, camera.horizon))


def _shares(maps: FloatArray, camera: CameraFit, image: FloatArray, margins: Margins) -> FloatArray:
    """Return the shares (n, h, w) of SHARES in an image (H, W, 3); see `below_horizon`."""
    shares = probability(maps[SHARES])
    below = below_horizon(camera, image.shape[:2], margins, shares.shape[1:])
    covered = np.maximum.accumulate(1.0 - shares[0], axis=0)  # something stands above it
    shares[0] = without_strays(shares[0] * (1.0 - below * covered), image)
    return shares


def _enlarged(shares: FloatArray, image: FloatArray) -> FloatArray:
    """Return shares (n, h, w) at the size of an image (H, W, 3), with edges where it has some."""
    return np.clip(guided_upsample(shares, image, EDGE_RADIUS, EDGE_REGULARIZATION), 0.0, 1.0)


def below_horizon(
    camera: CameraFit, size: tuple[int, ...], margins: Margins, map_size: tuple[int, int]
) -> FloatArray:
    """Return what of an image is too far below the horizon for sky, 0..1, as a map (h, w).

    Args:
        camera: Of the image within the margins.
        size: Height and width of the image.
        margins: See `read_scene`.
        map_size: Height and width of the map.
    """
    top, right, bottom, left = margins
    y, x = ((np.arange(n) + 0.5) * whole / n for n, whole in zip(map_size, size, strict=True))
    x = x - (left + size[1] - right) / 2
    y = y - (top + size[0] - bottom) / 2
    grid = np.meshgrid(x, y)
    latitude = latitudes(grid[0], grid[1], camera.focal, camera.pitch, camera.roll)
    lowest, sure = LOWEST_SKY
    return np.clip((sure - latitude) / (sure - lowest), 0.0, 1.0).astype(np.float32)


def _confidence(seen: SceneMaps) -> float:
    """Return how far both looks agree on the disparity outside of the sky, 0..1."""
    solid = seen.maps[Map.SKY] < 0.0
    if not solid.any():
        return 1.0
    difference, spread = (
        np.median(np.abs(values[solid] - np.median(values[solid])))
        for values in (seen.difference, seen.maps[Map.LOG_DISPARITY])
    )
    return float(np.exp2(-((difference / max(DOUBTFUL * spread, 1e-6)) ** 2)))
