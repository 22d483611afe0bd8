"""All kinds of worlds and foregrounds."""

from __future__ import annotations

from dataclasses import replace

from . import (
    foreground_objects,
    land_kinds,
    town_kinds,
    town_rails,
    town_roads,
    town_squares,
    town_works,
    water_kinds,
)
from .place import Foreground, WorldKind

TOWN = (
    *town_kinds.KINDS,
    *town_roads.KINDS,
    *town_rails.KINDS,
    *town_squares.KINDS,
    *town_works.KINDS,
)
SHARES = ((land_kinds.KINDS, 0.26), (TOWN, 0.5), (water_kinds.KINDS, 0.24))
"""Groups of kinds, and how many of all worlds are of the group."""


def _balanced() -> tuple[WorldKind, ...]:
    """Return all kinds with weights by which each group has its share."""
    kinds = []
    for group, share in SHARES:
        total = sum(kind.weight for kind in group)
        kinds += [replace(kind, weight=share * kind.weight / total) for kind in group]
    return tuple(kinds)


KINDS: tuple[WorldKind, ...] = _balanced()
FOREGROUNDS: tuple[Foreground, ...] = (*foreground_objects.FOREGROUNDS,)
