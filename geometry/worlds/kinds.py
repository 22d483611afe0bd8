"""All kinds of worlds and foregrounds."""

from __future__ import annotations

from . import land_kinds, water_kinds
from .place import Foreground, Kind

KINDS: tuple[Kind, ...] = (*land_kinds.KINDS, *water_kinds.KINDS)
FOREGROUNDS: tuple[Foreground, ...] = ()
