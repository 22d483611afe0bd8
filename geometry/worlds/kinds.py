"""All kinds of worlds and foregrounds."""

from __future__ import annotations

from . import (
    foreground_objects,
    land_kinds,
    town_kinds,
    town_roads,
    town_squares,
    town_works,
    water_kinds,
)
from .place import Foreground, Kind

KINDS: tuple[Kind, ...] = (
    *land_kinds.KINDS,
    *town_kinds.KINDS,
    *town_squares.KINDS,
    *town_works.KINDS,
    *town_roads.KINDS,
    *water_kinds.KINDS,
)
FOREGROUNDS: tuple[Foreground, ...] = (*foreground_objects.FOREGROUNDS,)
