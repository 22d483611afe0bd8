"""Make worlds: build one from a seed, render its views, write their samples.

The worlds are made in the running process with the module `bpy`: what was open in Blender is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..core.color import linear_to_srgb
from ..landscapes import render
from ..landscapes.sky import make_sun, make_world
from .cameras import Shot, add_camera, aim, draw_shot, draw_size
from .draw import Draw
from .kinds import FOREGROUNDS, KINDS
from .labels import render_labels
from .place import Place, WorldKind
from .samples import StoredSample, save_sample
from .skies import Weather, draw_weather

VIEWS = 2
"""Pictures of each world: rendering it again costs less than building another."""
SAMPLES = 4
FOREGROUND_CHANCE = 0.45
EXPOSURE_SPREAD = 0.35
"""Standard deviation of the exposure about that of the weather, in stops."""
METERED = (0.3, 1.0)
"""How far the exposure follows the light, as a camera's meter does, in shares of all stops."""
KEY = 0.17
"""Geometric mean of the light that a meter aims at."""
DARKEST, BRIGHTEST = 0.02, 0.97
"""A picture whose mean is beyond these shows nothing and is left out."""
MOST_VEILED = 0.6
"""A picture is left out if haze hides more of it than this."""
NEAREST = 0.25
"""A picture is left out if more than a tenth of it is nearer than this, in meters: the camera is
inside something."""

LEAST_RELIEF = 0.25
"""A picture without sky is left out if its disparities span less than this, as a logarithm: a piece
of wall."""
MOST_ALIKE = 0.97
"""A picture is left out if more than this share of it is of one kind, such as grass."""


def world_name(seed: int, number: int) -> str:
    """Return the name that the files of a world begin with."""
    return f"world-{seed}-{number:06d}"


def make_world_files(folder: Path, seed: int, number: int, pixels: int) -> list[Path]:
    """Render a world and write its samples; returns their paths."""
    paths = []
    for view, sample in enumerate(render_world(seed, number, pixels)):
        paths.append(folder / f"{world_name(seed, number)}-{view}.npz")
        save_sample(sample, paths[-1])
    return paths


def render_world(
    seed: int, number: int, pixels: int, views: int = VIEWS, kind: WorldKind | None = None
) -> Iterator[StoredSample]:
    """Build a world and yield its samples, which depend on the arguments alone.

    Args:
        seed: Seed of the series of worlds.
        number: Number of the world in the series.
        pixels: Pixels of a picture, whatever its aspect ratio.
        views: Number of pictures.
        kind: The kind of world; drawn by default.
    """
    draw = Draw(np.random.default_rng([seed, number]))
    if kind is None:
        kind = draw.choice(KINDS, [kind.weight for kind in KINDS])
    scene = render.empty_scene()
    try:
        weather = draw_weather(draw)
        place = kind.build(draw, weather.air)
        if place.foreground and draw.chance(FOREGROUND_CHANCE):
            _add_foreground(draw, weather, place)
        _set_up(scene, weather)
        for _ in range(views):
            shot = draw_shot(draw, place, draw_size(draw, pixels))
            spread, follows = draw.rng.normal(0, EXPOSURE_SPREAD), draw.uniform(*METERED)
            sample = _render_shot(scene, weather, shot, spread, follows)
            if _is_useful(sample):
                yield sample
    finally:
        render.empty_scene()


def _add_foreground(draw: Draw, weather: Weather, place: Place) -> None:
    if FOREGROUNDS:
        foreground = draw.choice(FOREGROUNDS, [item.weight for item in FOREGROUNDS])
        foreground.add(draw, weather.air, place)


def _set_up(scene: Any, weather: Weather) -> None:
    add_camera(scene)
    scene.world = make_world(weather.sky)
    make_sun(weather.sky)
    render.set_up_cycles(scene, SAMPLES)
    cycles = scene.cycles
    cycles.use_adaptive_sampling = False
    cycles.denoising_quality, cycles.denoising_prefilter = "FAST", "NONE"
    cycles.denoising_input_passes = "RGB_ALBEDO"
    scene.render.threads_mode, scene.render.threads = "FIXED", 1


def _render_shot(
    scene: Any, weather: Weather, shot: Shot, spread: float, follows: float
) -> StoredSample:
    """Render a shot; its exposure follows the light by a share, plus a spread in stops."""
    aim(scene, shot)
    linear = render.render_linear(scene)
    light = float(np.exp(np.log(np.maximum(linear.mean(axis=2), 1e-4)).mean()))
    stops = follows * np.log2(KEY / light) + (1 - follows) * weather.exposure + spread
    linear = linear * 2.0**stops
    image = np.round(255 * linear_to_srgb(np.clip(linear, 0.0, 1.0))).astype(np.uint8)
    labels = render_labels(scene, weather.sky, weather.air)
    camera = np.array([shot.focal, shot.pitch, shot.roll, shot.eye], np.float32)
    disparity = labels.disparity.astype(np.float16)
    return StoredSample(
        image, disparity, labels.sky, labels.clouds, labels.kind, labels.veiled, camera
    )


def _is_useful(sample: StoredSample) -> bool:
    """Return whether a picture shows more than black, white, haze, a wall or mere ground."""
    mean = float(sample.image.mean()) / 255
    close = float((sample.disparity > 1 / NEAREST).mean())
    veiled = float(sample.veiled.mean())
    disparity = sample.disparity.astype(np.float32)
    low, high = np.percentile(disparity, (5, 95))
    relief = np.log(high / low) if low > 0 else np.inf
    shows = DARKEST < mean < BRIGHTEST and close < 0.1 and veiled < MOST_VEILED
    alike = np.unique(sample.kind, return_counts=True)[1].max() / sample.kind.size
    return bool(shows and relief > LEAST_RELIEF and alike < MOST_ALIKE)
