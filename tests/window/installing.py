"""Steps: install the extension from its zip, find its tab, choose a photo."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import bpy
from artist import MODULE, Artist

CATEGORY = "Make 4D"
LARGE = 640
"""Size of the scene whose job is watched and canceled."""


def install(you: Artist) -> Iterator[float]:
    """Preferences > Get Extensions > Install from Disk; choose the zip in the File Browser."""
    (zip_file,) = you.folder.glob("*.zip")
    yield from you.hand.click(300, 300)  # closes the splash screen
    yield 0.3
    try:
        yield from open_preferences(you)
        yield from install_from_disk(you, zip_file.name)
        you.note("by", "mouse and keys")
    except (LookupError, TimeoutError) as error:
        you.note("by", f"the menu item's operator ({error})")
        bpy.ops.extensions.package_install_files(
            filepath=str(zip_file), repo="user_default", enable_on_install=True
        )
    yield from you.wait_until(lambda: MODULE in bpy.context.preferences.addons, "the add-on", 20)
    you.screenshot("installed")
    you.close_dialogs()
    yield 0.3


def open_preferences(you: Artist) -> Iterator[float]:
    """Open the preferences with the Edit menu, and show Get Extensions."""
    scale = bpy.context.preferences.system.ui_scale
    yield from you.hand.click(79 * scale, you.hand.window.height - 13 * scale)
    yield 0.4
    you.screenshot("menu")
    yield from you.hand.key("P")
    yield from wait_for_window(you, 1)
    place_window("Preferences")
    yield 0.5
    region = you.eyes.region(you.eyes.area("PREFERENCES"), "UI")
    for y in range(region.y + region.height - 40, region.y, -12):
        yield from you.hand.click(region.x + region.width // 2, y)
        if bpy.context.preferences.active_section == "EXTENSIONS":
            yield 0.3
            return
    raise LookupError("no Get Extensions in the preferences")


def install_from_disk(you: Artist, name: str) -> Iterator[float]:
    """Choose the last item of the menu, then folder and file in the File Browser."""
    scale = bpy.context.preferences.system.ui_scale
    region = you.eyes.region(you.eyes.area("PREFERENCES"))
    menu = region.x + region.width - 19 * scale, region.y + region.height - 18 * scale
    yield from you.hand.click(*menu)
    yield 0.4
    yield from you.hand.key("UP_ARROW")
    yield 0.2
    you.screenshot("from-disk")
    yield from you.hand.key("RET")
    yield from wait_for_window(you, 2)
    place_window("File View")
    yield 0.3
    yield from choose_file(you, name)


def choose_file(you: Artist, name: str) -> Iterator[float]:
    """Go to the working folder in a File Browser, click on the file, press the button."""
    area = you.eyes.area("FILE_BROWSER")
    yield from go_to_folder(you, area)
    yield from click_on_file(you, area, name)
    yield from press_button(you, area)


def go_to_folder(you: Artist, area: bpy.types.Area) -> Iterator[float]:
    """Type the path of the working folder; a click on nothing ends typing."""
    yield from you.hand.click(*(yield from you.eyes.find_surely(area, "UI", "params.directory")))
    yield 0.4
    yield from you.hand.key("A", ctrl=True)
    yield from you.hand.type(f"{you.folder}/")
    yield from you.hand.key("RET")
    yield 0.8
    yield from click_beside(you, area)


def click_beside(you: Artist, area: bpy.types.Area) -> Iterator[float]:
    """Click on an empty part of a File Browser."""
    region = you.eyes.region(area, "TOOLS")
    yield from you.hand.click(region.x + region.width / 2, region.y + 20)
    yield 0.4


def click_on_file(you: Artist, area: bpy.types.Area, name: str) -> Iterator[float]:
    """Click up the list of files, which are below the folders, until the file is chosen."""
    region = you.eyes.region(area)
    row = round(20 * bpy.context.preferences.system.ui_scale)
    top = region.y + region.height - round(1.7 * row)
    for y in range(top - 7 * row, top + 1, row):
        yield from you.hand.click(region.x + 4 * row, y)
        yield 0.5
        if area.spaces.active.params.filename == name:
            return
    raise LookupError(f"the file browser does not list {name}")


def press_button(you: Artist, area: bpy.types.Area) -> Iterator[float]:
    """Press the button of the File Browser; a first click may only end typing."""
    you.screenshot("browser")
    windows = bpy.context.window_manager.windows
    count = len(windows)
    button = yield from you.eyes.find_surely(area, "EXECUTE", "file.execute")
    for _ in range(2):
        if len(windows) == count:
            yield from you.hand.click(*button)
            yield 0.7
    you.hand.number = 0


def wait_for_window(you: Artist, number: int) -> Iterator[float]:
    """Wait for the window of a dialog, and move the hand into it."""
    windows = bpy.context.window_manager.windows
    yield from you.wait_until(lambda: len(windows) > number, "a dialog's window", 5)
    you.hand.number = number
    yield 0.4


def place_window(title: str) -> None:
    """Move a dialog into view, as a window manager would have placed it."""
    command = ["xdotool", "search", "--name", title, "windowmove", "220", "120"]
    subprocess.run(command, check=False)


def open_the_tab(you: Artist) -> Iterator[float]:
    """Open the sidebar with N, and click on the add-on's tab."""
    yield from you.hand.move(*you.middle())
    yield from you.hand.key("N")
    yield 0.8
    region = you.eyes.region(you.eyes.area(), "UI")
    assert region.width > 1, "N did not open the sidebar"
    yield from click_through_tabs(you, region)
    assert region.active_panel_category == CATEGORY, "the sidebar has no tab Make 4D"


def click_through_tabs(you: Artist, region: bpy.types.Region) -> Iterator[float]:
    """Click down the tabs until the add-on's is open."""
    for y in range(region.y + region.height - 60, region.y, -15):
        if region.active_panel_category == CATEGORY:
            return
        yield from you.hand.click(region.x + region.width - 8, y)
        yield 0.05


def choose_the_photo(you: Artist) -> Iterator[float]:
    """Type the path of the photo; set a small size and few frames."""
    you.screenshot("empty")
    yield from you.type_into("make_4d.photo", str(you.photo))
    assert you.settings.photo == str(you.photo), f"the field holds {you.settings.photo!r}"
    # Set, not typed: these fields are in a closed panel.
    you.settings.size, you.settings.frames = LARGE, 8
    bpy.ops.ed.undo_push(message="Size and frames")


def drop_a_photo(you: Artist) -> Iterator[float]:
    """Call the operator that the file handler calls for a dropped image; it sets the photo."""
    you.needs("drop_photo")
    you.settings.photo = ""
    with you.override():
        bpy.ops.make_4d.drop_photo("INVOKE_DEFAULT", filepath=str(you.photo))
    yield 0.3
    you.note(
        "by", "the file handler's operator; a virtual screen has no other program to drag from"
    )
    assert bpy.path.abspath(you.settings.photo) == str(you.photo), you.settings.photo
