"""Make 4D installed twice, from two repositories: the copy that is enabled last serves alone.

The light and the full package are one extension, so one replaces the other in its repository. From
different repositories both would register the same operators and settings.
"""

from __future__ import annotations

import sys
from functools import partial
from types import ModuleType

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


def take_settings(other: str) -> None:
    """Take over the preferences of another copy, where this one has none of its own yet."""
    addon, own = bpy.context.preferences.addons.get(other), preferences()
    if addon is None or addon.preferences is None or own is None:
        return
    names = [p.identifier for p in own.bl_rna.properties if not p.is_readonly]
    if any(own.is_property_set(name) for name in names):
        return
    for name in names:
        if name != "bl_idname" and addon.preferences.is_property_set(name):
            setattr(own, name, getattr(addon.preferences, name))


def retire(other: str) -> None:
    """Disable another copy for good."""
    addon_utils.disable(other, default_set=True)
    print(f"Make 4D: {PACKAGE} serves in place of {other}, which is disabled now.")


def register() -> None:
    """Take away what another copy has registered.

    Its entry goes from the preferences a moment later: Blender may be going through them just now.
    """
    if not PACKAGE.startswith(EXTENSIONS):
        return
    for module in other_copies():
        module.unregister()
        bpy.app.timers.register(partial(hand_over, module.__name__), first_interval=0)


def hand_over(other: str) -> None:
    """Take over the other copy's settings and retire it."""
    take_settings(other)
    retire(other)


def unregister() -> None:
    """Nothing of this copy's own is registered here."""
