"""The add-on's preferences, as every part may read them.

Where the package runs without being installed (the command, tests) there are none, and defaults
count.
"""

from __future__ import annotations

from typing import Any

import bpy

PACKAGE = __package__.rpartition(".")[0]


def preference(name: str, default: Any) -> Any:
    """The preference `name`, or the default where the add-on isn't installed."""
    found = preferences()
    return default if found is None else getattr(found, name)


def preferences() -> bpy.types.AddonPreferences | None:
    """The add-on's preferences, None where it isn't installed."""
    addon = bpy.context.preferences.addons.get(PACKAGE)
    return addon.preferences if addon is not None else None
