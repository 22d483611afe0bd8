# SPDX-License-Identifier: GPL-3.0-or-later
"""Make 4D: one photograph becomes an editable 4D Blender scene.

This module imports nothing of Blender when it is loaded, so that the machine-learning worker can
load the package in a plain Python process; Blender's side is imported inside `register`.
"""

from types import ModuleType

_registered: list[ModuleType] = []


def _modules() -> tuple[ModuleType, ...]:
    from .jobs import cache_size, command
    from .jobs import queue as job_queue
    from .operators import (
        add_guide,
        add_preset,
        cancel,
        cancel_download,
        check_path,
        clear_cache,
        copy_details,
        discard_ready,
        dismiss_failure,
        download,
        download_watch,
        drop_photo,
        edit_picture,
        find_device,
        fit_path,
        fly_path,
        follow_speed,
        free_models,
        layer_items,
        level_horizon,
        make,
        objects,
        open_folder,
        other_copy,
        paint_motion,
        path_options,
        preferences,
        rebuild,
        remove_model,
        take_result,
        update_motion,
        use_models,
    )
    from .operators import (
        collect_files as collect_files,
    )
    from .operators import (
        properties as settings,
    )
    from .panels import (
        camera,
        languages,
        layers,
        main,
        models,
        motion,
        path_overlay,
        photo,
        presets,
        preview,
    )
    from .panels import render as render_panel
    from .render import engine, ui_compat

    return (
        *(other_copy, languages),
        *(cache_size, clear_cache, preferences, settings, layer_items, job_queue, take_result),
        *(make, cancel, discard_ready, copy_details, dismiss_failure, objects),
        *(add_preset, drop_photo, open_folder),
        *(rebuild, edit_picture, collect_files),
        *(update_motion, paint_motion, add_guide, follow_speed),
        *(path_options, fly_path, check_path, fit_path, level_horizon, path_overlay),
        *(
            download,
            download_watch,
            cancel_download,
            remove_model,
            use_models,
            find_device,
            free_models,
        ),
        *(preview, photo, presets, main, layers, motion, camera, models, render_panel),
        *(engine, ui_compat, command),
    )


def register() -> None:
    """Register every part of the add-on; where one fails the others are removed, and it raises."""
    try:
        for module in _modules():
            module.register()
            _registered.append(module)
    except Exception:
        unregister()
        raise


def unregister() -> None:
    """Remove what `register` added, last first."""
    while _registered:
        _registered.pop().unregister()
