"""Access to the add-on's preferences.

If the package runs without being installed (the command, tests) there are none, and defaults apply.
"""

from __future__ import annotations

from typing import Any

import bpy

PACKAGE = __package__.rpartition(".")[0]


def preference(name: str, default: Any) -> Any:
    """Return the preference `name`, or the default if the add-on isn't installed."""
    own = preferences()
    return default if own is None else getattr(own, name)


def preferences() -> bpy.types.AddonPreferences | None:
    """Return the add-on's preferences, None if it isn't installed."""
    addon = bpy.context.preferences.addons.get(PACKAGE)
    return addon.preferences if addon is not None else None
