"""Kinds of worlds with water."""

from __future__ import annotations

from . import brooks, canals, falls, lakes, rivers, seas
from .place import Kind

KINDS = (
    Kind("beach", seas.beach, 3.0),
    Kind("aerial beach", seas.aerial_beach, 1.0),
    Kind("sea cliff", seas.cliff, 2.0),
    Kind("open sea", seas.open_sea, 2.5),
    Kind("breakwater", seas.breakwater, 0.8),
    Kind("lake", lakes.lake, 3.0),
    Kind("pond", lakes.pond, 1.2),
    Kind("frozen lake", lakes.frozen_lake, 1.0),
    Kind("river", rivers.river, 3.5),
    Kind("aerial river", rivers.aerial, 1.5),
    Kind("canal", canals.canal, 1.5),
    Kind("flood", rivers.flood, 1.0),
    Kind("brook", brooks.brook, 2.0),
    Kind("falls", falls.falls, 2.0),
    Kind("wide falls", falls.wide_falls, 1.2),
    Kind("cascade", falls.cascade, 1.5),
    Kind("weir", falls.weir, 0.8),
)
