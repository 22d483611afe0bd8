"""Make 4D installed twice, from two repositories: the copy that is enabled last serves alone.

The light and the full package are one extension, so one replaces the other in its repository. From
different repositories both would register the same operators and settings.
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
    """Modules of other enabled copies of this extension."""
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
    """What was set in the preferences of a copy."""
    addon = bpy.context.preferences.addons.get(name)
    if addon is None or addon.preferences is None:
        return {}
    found = addon.preferences
    names = [p.identifier for p in found.bl_rna.properties if not p.is_readonly]
    set_here = (name for name in names if found.is_property_set(name) and name != "bl_idname")
    return {name: getattr(found, name) for name in set_here}


def hand_over(other: str, settings: dict[str, Any]) -> None:
    """Take over another copy's settings, where none are set here yet, and disable it for good."""
    own = preferences()
    if own is not None and not settings_of(PACKAGE):
        for name, value in settings.items():
            setattr(own, name, value)
    addon_utils.disable(other, default_set=True)
    print(f"Make 4D: {PACKAGE} serves in place of {other}, which is disabled now.")


def register() -> None:
    """Take away what another copy has registered.

    Its entry goes from the preferences a moment later: Blender may be going through them just now.
    """
    if not PACKAGE.startswith(EXTENSIONS):
        return
    for module in other_copies():
        later = partial(hand_over, module.__name__, settings_of(module.__name__))
        module.unregister()
        bpy.app.timers.register(later, first_interval=0)


def unregister() -> None:
    """Nothing of this copy's own is registered here."""
