"""All kinds of worlds and foregrounds."""

from __future__ import annotations

from . import land_kinds
from .place import Foreground, Kind

KINDS: tuple[Kind, ...] = (*land_kinds.KINDS,)
FOREGROUNDS: tuple[Foreground, ...] = ()
