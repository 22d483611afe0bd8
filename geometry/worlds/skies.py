"""Random skies, sunlight and haze that fit together."""

from __future__ import annotations

from dataclasses import dataclass

from ..landscapes.materials import Air
from ..landscapes.sky import Sky
from .draw import Draw


@dataclass(frozen=True)
class Weather:
    """The light of a world.

    Attributes:
        sky: Sky, clouds and sun.
        air: The haze in front of everything.
        exposure: In stops.
    """

    sky: Sky
    air: Air
    exposure: float = 0.0


@dataclass(frozen=True)
class _Mood:
    """Ranges that a weather is drawn from.

    Attributes:
        weight: How often it comes, relative to the others.
        zenith, horizon, sun_color, light, shade: Base colors, see `sky.Sky`.
        elevation: Of the sun, in degrees.
        strength: Of the sun.
        cover: Of the clouds, 0 to 1 and above for overcast.
        reach: Of the haze, in meters.
        exposure: In stops.
        ambient: Strength of the sky's light.
    """

    weight: float
    zenith: str
    horizon: str
    sun_color: str = "fff1dc"
    light: str = "fbfaf7"
    shade: str = "98a5b5"
    elevation: tuple[float, float] = (20, 70)
    strength: tuple[float, float] = (3.0, 6.0)
    cover: tuple[float, float] = (0.1, 0.8)
    reach: tuple[float, float] = (1500, 40000)
    exposure: tuple[float, float] = (-0.4, 0.6)
    ambient: tuple[float, float] = (0.6, 1.2)


MOODS = {
    "clear": _Mood(4, "2f6bb8", "b7cfe6", cover=(-0.6, 0.2)),
    "fair": _Mood(5, "3f78ba", "c3d6e6", cover=(0.3, 0.75)),
    "deep": _Mood(1.5, "123f86", "5f92cc", cover=(-0.6, 0.6), reach=(8000, 60000)),
    "pale": _Mood(2, "a9bccb", "dfe6ea", cover=(-0.3, 0.9), strength=(1.0, 3.0)),
    "overcast": _Mood(
        3, "9aa3ab", "cfd4d8", light="e6e8ea", shade="8b939b", cover=(0.9, 1.6),
        strength=(0.0, 0.5), reach=(600, 20000), exposure=(-0.2, 0.8), ambient=(0.9, 1.5),
    ),
    "storm": _Mood(
        1.0, "3d4750", "8d979d", light="a9b0b4", shade="3a4148", cover=(0.8, 1.3),
        strength=(0.0, 2.0), reach=(1500, 15000), exposure=(-0.3, 0.9),
    ),
    "white": _Mood(
        3, "f4f6f7", "fcfcfc", light="ffffff", shade="dde1e4", cover=(-0.5, 1.6),
        strength=(0.0, 3.0), reach=(800, 30000), exposure=(0.0, 1.4), ambient=(0.5, 1.1),
    ),
    "sunset": _Mood(
        2, "4a6296", "f2b27c", "ffb070", "ffd2a6", "7d6a80", (1.5, 14), (2.0, 6.0), (0.0, 0.9),
        (1200, 25000), (-0.6, 0.6), (0.4, 1.0),
    ),
    "ember": _Mood(
        0.8, "3a3550", "e8683a", "ff8a4a", "f09060", "4a3a4e", (0.5, 6), (1.0, 4.0), (0.1, 1.0),
        (1500, 20000), (-0.5, 0.8), (0.3, 0.8),
    ),
    "dusk": _Mood(
        1.5, "26365e", "a8a0b8", "ffd0b0", "b9a8b8", "4f5670", (0.0, 4.0), (0.1, 0.6), (0.0, 1.0),
        (1000, 20000), (0.2, 1.4), (0.5, 1.0),
    ),
    "night": _Mood(
        1.0, "070b18", "1c2638", "c8d4ff", "39435a", "10151f", (15, 60), (0.05, 0.4), (-0.4, 1.0),
        (1500, 30000), (0.8, 2.2), (0.5, 1.2),
    ),
    "fog": _Mood(
        1.2, "d6dadd", "dfe2e4", "fff4e8", "e4e6e8", "c3c8cc", (8, 45), (0.2, 1.6), (0.2, 1.5),
        (30, 400), (-0.3, 0.5),
    ),
    "golden": _Mood(
        1.5, "7fa0c4", "f0dcb8", "ffe0a8", "fff2dc", "a89c98", (8, 25), (3.0, 6.0), (-0.2, 0.8),
        (800, 15000), (-0.4, 0.5),
    ),
    "odd": _Mood(
        0.6, "8a6fb0", "e0c0d0", "fff0ff", "f0e0f0", "9080a0", (5, 60), (0.5, 5.0), (0.0, 1.2),
        (800, 15000), (-0.6, 0.8),
    ),
}  # fmt: skip
"""Moods by name."""


def draw_weather(draw: Draw) -> Weather:
    """Return a random sky, sun and haze."""
    name = draw.choice(list(MOODS), [mood.weight for mood in MOODS.values()])
    mood = MOODS[name]
    spread = 3.0 if name == "odd" else 1.0
    horizon = draw.near_color(mood.horizon, spread)
    sun = (
        draw.uniform(*mood.elevation),
        draw.uniform(-180, 180),
        draw.uniform(*mood.strength),
    )
    sky = Sky(
        draw.near_color(mood.zenith, spread),
        horizon,
        draw.near_color(mood.sun_color),
        sun,
        draw.near_color(mood.light, 0.5),
        draw.near_color(mood.shade),
        cover=draw.uniform(*mood.cover),
        scale=draw.log_uniform(0.3, 2.5),
        flat=draw.log_uniform(0.7, 5.0),
        ambient=draw.uniform(*mood.ambient),
        glow=draw.uniform(0.0, 1.0),
        seed=draw.uniform(0, 1000),
    )
    depth = draw.log_uniform(8, 80) if name == "fog" and draw.chance(0.4) else 0.0
    tint = draw.near_color(horizon, 0.5)
    air = Air(tint, draw.log_uniform(*mood.reach), depth)
    return Weather(sky, air, draw.uniform(*mood.exposure))
