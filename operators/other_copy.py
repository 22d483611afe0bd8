"""Make 4D installed twice, from two repositories: only the copy that was enabled last is active.

The light and the full package are the same extension, so within a repository one replaces the
other. From two repositories both would register the same operators and settings.
"""

from __future__ import annotations

import sys
from functools import partial
from types import ModuleType
from typing import Any

import addon_utils
import bpy

from ..geometry.preferences import PACKAGE, preferences

EXTENSIONS = "bl_ext."


def other_copies() -> list[ModuleType]:
    """Return the modules of other enabled copies of this extension."""
    name = PACKAGE.rpartition(".")[2]
    return [
        module
        for key, module in list(sys.modules.items())
        if key.startswith(EXTENSIONS)
        and key.rpartition(".")[2] == name
        and key != PACKAGE
        and getattr(module, "__addon_enabled__", False)
    ]


def settings_of(name: str) -> dict[str, Any]:
    """Return the preferences of a copy that are not at their defaults."""
    addon = bpy.context.preferences.addons.get(name)
    if addon is None or addon.preferences is None:
        return {}
    own = addon.preferences
    names = [p.identifier for p in own.bl_rna.properties if not p.is_readonly]
    changed = (name for name in names if own.is_property_set(name) and name != "bl_idname")
    return {name: getattr(own, name) for name in changed}


def replace_copy(other: str, settings: dict[str, Any]) -> None:
    """Disable another copy for good, and adopt its preferences if none are set here yet."""
    own = preferences()
    if own is not None and not settings_of(PACKAGE):
        for name, value in settings.items():
            setattr(own, name, value)
    addon_utils.disable(other, default_set=True)
    print(f"Make 4D: {PACKAGE} replaces {other}, which is now disabled.")


def register() -> None:
    """Unregister other copies.

    They are removed from the preferences a moment later, because Blender may be iterating over them
    now.
    """
    if not PACKAGE.startswith(EXTENSIONS):
        return
    for module in other_copies():
        later = partial(replace_copy, module.__name__, settings_of(module.__name__))
        module.unregister()
        bpy.app.timers.register(later, first_interval=0)


def unregister() -> None:
    """Do nothing: this module registers nothing of its own."""
