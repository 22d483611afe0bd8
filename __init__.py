# SPDX-License-Identifier: GPL-3.0-or-later
"""Make 4D: turns one photograph into an editable 4D Blender scene.

This module doesn't import Blender when it is loaded, so that the worker can load the package in a
plain Python process. Everything that needs Blender is imported inside `register`.
"""

from types import ModuleType

_registered: list[ModuleType] = []
"""The modules that this copy of the add-on has registered. Blender unregisters a copy twice where
another copy has replaced it (see `operators.other_copy`); the second time nothing is left to do."""


def _modules() -> tuple[ModuleType, ...]:
    """Return all modules that register something, in the order of registration."""
    from .geometry import save_handlers, speed_handler, upgrade
    from .jobs import command, manager
    from .operators import camera as camera_operators
    from .operators import (
        files,
        other_copy,
        preferences,
        properties,
    )
    from .operators import jobs as job_operators
    from .operators import layers as layer_operators
    from .operators import models as model_operators
    from .operators import motion as motion_operators
    from .operators import photo as photo_operators
    from .operators import presets as preset_operators
    from .operators import render as render_operators
    from .panels import (
        camera,
        languages,
        layers,
        main,
        models,
        motion,
        path_overlay,
        presets,
        session,
    )
    from .panels import render as render_panel
    from .render import engine, kept_workers, ui_compat

    return (
        *(other_copy, languages, upgrade, kept_workers, manager),
        *(preferences, properties, preset_operators, photo_operators, files),
        *(job_operators, model_operators, layer_operators, motion_operators),
        *(camera_operators, render_operators),
        *(save_handlers, speed_handler, session, path_overlay),
        *(presets, main, layers, motion, camera, models, render_panel),
        *(engine, ui_compat, command),
    )


def register() -> None:
    """Register the add-on. Where a module fails, those before it are removed, and it raises."""
    try:
        for module in _modules():
            module.register()
            _registered.append(module)
    except Exception:
        unregister()
        raise


def unregister() -> None:
    """Unregister what `register` registered, in reverse order."""
    while _registered:
        _registered.pop().unregister()
