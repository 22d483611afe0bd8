"""Steps: save and reopen the file, render the film."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bpy
from artist import Artist
from editing import rendered
from installing import (
    choose_file,
    click_beside,
    go_to_folder,
    place_window,
    press_button,
    wait_for_window,
)
from making import count_points

NAME = "scene.blend"
FRAMES = 4
loaded: list[str] = []
"""Files that were loaded since the handler was added."""


def save_and_reopen(you: Artist) -> Iterator[float]:
    """Save with Ctrl-S and open with Ctrl-O, typing the name in the File Browser."""
    points = count_points(you)
    yield from you.hand.move(*you.middle())
    yield from you.hand.key("S", ctrl=True)
    yield from wait_for_window(you, 1)
    place_window("File View")
    yield 0.3
    yield from save_as(you)
    yield from you.wait_until(lambda: bpy.data.filepath, "the file to be saved", 10)
    assert Path(bpy.data.filepath).name == NAME, f"saved as {bpy.data.filepath!r}"
    you.note("megabytes", round((you.folder / NAME).stat().st_size / 1e6, 1))
    bpy.app.handlers.load_post.append(note_load)
    yield 0.5
    yield from you.hand.move(*you.middle())
    yield from you.hand.key("O", ctrl=True)
    yield from wait_for_window(you, 1)
    place_window("File View")
    yield 0.3
    yield from choose_file(you, NAME)
    yield from you.wait_until(lambda: loaded, "the file to be loaded", 20)
    yield 1.0
    you.note("points", [points, count_points(you)])
    assert count_points(you) == points > 0, "the reopened file lacks points"


def save_as(you: Artist) -> Iterator[float]:
    """Type folder and name in the File Browser, and press its button."""
    area = you.eyes.area("FILE_BROWSER")
    yield from go_to_folder(you, area)
    region = you.eyes.region(area, "EXECUTE")
    yield from you.hand.click(region.x + region.height * 2, region.y + region.height / 2)
    yield 0.3
    yield from you.hand.key("A", ctrl=True)
    yield from you.hand.type(NAME)
    yield from you.hand.key("RET")
    yield 0.3
    yield from click_beside(you, area)
    yield from press_button(you, area)


@bpy.app.handlers.persistent
def note_load(*_: object) -> None:
    """Note that a file was loaded."""
    loaded.append(bpy.data.filepath)


def render_the_film(you: Artist) -> Iterator[float]:
    """Render the frames with Ctrl-F12 into the output folder of the scene."""
    render = you.scene.render
    render.image_settings.media_type, render.image_settings.file_format = "IMAGE", "PNG"
    render.filepath = f"{you.folder}/film/"
    you.scene.frame_end = you.scene.frame_start + FRAMES - 1
    yield from you.hand.move(*you.middle())
    yield from you.hand.key("F12", ctrl=True)
    yield from rendered(you, 80)
    you.screenshot("rendered")
    you.close_dialogs()
    yield 0.3
    frames = sorted((you.folder / "film").glob("*.png"))
    you.note("kilobytes", [path.stat().st_size // 1000 for path in frames])
    assert len(frames) == FRAMES, f"{len(frames)} frames were written"
    assert len({path.read_bytes() for path in frames}) == FRAMES, "frames do not differ"
