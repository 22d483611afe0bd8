"""Kinds of worlds with water."""

from __future__ import annotations

from . import brooks, canals, falls, lakes, rivers, seas
from .place import WorldKind

KINDS = (
    WorldKind("beach", seas.beach, 3.0),
    WorldKind("aerial beach", seas.aerial_beach, 1.0),
    WorldKind("sea cliff", seas.cliff, 2.0),
    WorldKind("open sea", seas.open_sea, 2.5),
    WorldKind("breakwater", seas.breakwater, 0.8),
    WorldKind("lake", lakes.lake, 3.0),
    WorldKind("pond", lakes.pond, 1.2),
    WorldKind("frozen lake", lakes.frozen_lake, 1.0),
    WorldKind("river", rivers.river, 3.5),
    WorldKind("aerial river", rivers.aerial, 1.5),
    WorldKind("canal", canals.canal, 1.5),
    WorldKind("flood", rivers.flood, 1.0),
    WorldKind("brook", brooks.brook, 2.0),
    WorldKind("falls", falls.falls, 2.0),
    WorldKind("wide falls", falls.wide_falls, 1.2),
    WorldKind("cascade", falls.cascade, 1.5),
    WorldKind("weir", falls.weir, 0.8),
)
