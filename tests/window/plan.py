"""The steps of the window tests in order, read by pytest and by the driver inside Blender."""

from __future__ import annotations

STEPS = {
    "install": 60,
    "open_the_tab": 30,
    "choose_the_photo": 40,
    "drop_a_photo": 20,
    "orbit_without_a_job": 30,
    "click_make_and_orbit": 60,
    "cancel": 90,
    "make_to_the_end": 120,
    "undo_and_redo": 40,
    "open_every_panel": 240,
    "drag_the_path": 120,
    "press_f12": 90,
    "paint_motion": 200,
    "rebuild": 200,
    "save_and_reopen": 90,
    "render_the_film": 120,
    "scales_and_themes": 120,
    "disable_during_a_job": 90,
}
"""Names of the steps, and their time limits in seconds."""
NEEDED = ("install", "open_the_tab")
"""Steps without which the others can't be tried."""
SKIPPED = "skipped: "
"""Prefix of the error of a step that was skipped."""
RECORD = "steps.json"
"""The driver's record, in the working folder."""
SCREENSHOTS = "screenshots"
"""The folder of screenshots beside it."""
PHOTO = "china.jpg"
"""The photo beside it."""

PYTHONS = ("3.13", "3.14")
"""Python versions of Blenders that the window tests know."""


def packages_folder(python: str) -> str:
    """Return the name of the folder with packages that a Blender on this Python may lack."""
    return f"packages-{python}"
