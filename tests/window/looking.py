"""Steps: the sidebar at another scale and in another theme; the add-on disabled during a job."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import bpy
from artist import MODULE, Artist

LIGHT = "Blender_Light.xml"


def open_every_panel(you: Artist) -> Iterator[float]:
    """Open every closed panel of the sidebar with a click on its header, and take screenshots."""
    yield from you.eyes.turn("WHEELUPMOUSE")
    opened: list[int] = []
    row = 20 * bpy.context.preferences.system.ui_scale
    for x, y in (yield from you.eyes.blank_positions(you.eyes.area())):
        if opened and y - opened[-1] < row:
            continue  # the same header again
        ended = you.eyes.panels_end()
        changed = yield from you.eyes.toggle(x, y)
        if changed and you.eyes.panels_end() < ended:
            opened.append(y)
            yield from pages(you, f"{len(opened)}")
            yield from you.eyes.turn("WHEELUPMOUSE")
        if changed:
            yield from you.eyes.toggle(x, y)
    you.note("panels", len(opened))
    assert len(opened) > 2, "the sidebar has no closed panels to open"


def scales_and_themes(you: Artist) -> Iterator[float]:
    """Screenshots of the sidebar at scales 1 and 2 in the light theme, and at 2 in the dark one."""
    view = bpy.context.preferences.view
    use_theme(LIGHT)
    for scale in (1.0, 2.0):
        view.ui_scale = scale
        yield 1.0
        yield from pages(you, f"light-{scale:.0f}x")
    bpy.ops.preferences.reset_default_theme()
    yield 1.0
    yield from pages(you, "dark-2x")
    view.ui_scale = 1.0
    yield 0.5


def use_theme(name: str) -> None:
    """Use one of the themes that come with Blender."""
    folders = bpy.utils.preset_paths("interface_theme")
    file = next(path for folder in folders if (path := Path(folder) / name).exists())
    menu = "USERPREF_MT_interface_theme_presets"
    bpy.ops.script.execute_preset(filepath=str(file), menu_idname=menu)


def pages(you: Artist, label: str) -> Iterator[float]:
    """Take a screenshot of every page of the sidebar, scrolled with the wheel."""
    yield from you.eyes.turn("WHEELUPMOUSE")
    for page in range(4):
        you.screenshot(f"{label}-{page + 1}")
        before = you.eyes.scrolled()
        yield from you.eyes.turn("WHEELDOWNMOUSE", 12)
        if you.eyes.scrolled() == before:
            return


def disable_during_a_job(you: Artist) -> Iterator[float]:
    """Disable the add-on during a job: no process, modal operator, handler or thread remains."""
    you.settings.seed += 1  # so that no result is in the cache
    yield from you.click_on("make_4d.make")
    yield from you.wait_until(lambda: you.job is not None, "the job to start", 5)
    yield 1.0
    workers = children()
    you.note("workers_before", len(workers))
    bpy.ops.preferences.addon_disable(module=MODULE)
    you.note("by", "the operator behind the check box")
    yield 2.0
    you.note("left", left_behind(workers))
    assert not any(left_behind(workers).values()), left_behind(workers)
    yield from you.orbit(1)


def children() -> set[int]:
    """Running processes that this Blender has started."""
    own = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and fields[0] != "Z":
            own.add(int(status.parent.name))
    return own


def left_behind(workers: set[int]) -> dict[str, list[str]]:
    """What remains of the add-on."""
    handlers = [
        f"{name}: {function.__name__}"
        for name in dir(bpy.app.handlers)
        if isinstance(functions := getattr(bpy.app.handlers, name), list)
        for function in functions
        if function.__module__.startswith(MODULE)
    ]
    windows = bpy.context.window_manager.windows
    modal = [o.bl_idname for window in windows for o in window.modal_operators]
    return {
        "processes": [str(number) for number in workers & children()],
        "handlers": handlers,
        "modal operators": [name for name in modal if name.startswith("MAKE_4D")],
        "threads": [t.name for t in threading.enumerate() if "_collect" in t.name],
    }
