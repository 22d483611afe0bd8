"""The landscapes by name."""

from __future__ import annotations

from collections.abc import Callable

from . import scenes_land, scenes_town, scenes_water
from .meshes import Rng
from .scenery import Setting

SCENES: dict[str, Callable[[Rng], Setting]] = {
    "lake": scenes_water.lake,
    "coast": scenes_water.coast,
    "river": scenes_water.river,
    "winter": scenes_land.winter,
    "dunes": scenes_land.dunes,
    "village": scenes_town.village,
    "fog": scenes_land.fog,
}
"""Functions that fill Blender's empty scene with a landscape."""
