# SPDX-License-Identifier: GPL-3.0-or-later
"""Make 4D: one photograph becomes an editable 4D Blender scene.

This module imports nothing of Blender when it is loaded, so that the machine-learning worker can
load the package in a plain Python process; Blender's side is imported inside `register`.
"""


def register() -> None:
    """Register every class of the add-on with Blender; an error in any of them is raised."""
    from . import registration

    registration.register()


def unregister() -> None:
    """Remove every class of the add-on and end what still runs."""
    from . import registration

    registration.unregister()
