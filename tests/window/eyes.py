"""Eyes on the screen: pictures of it, and where a widget is.

A widget is found as a hand would find it in the dark: the pointer goes over the region, and Blender
tells which operator or property lies under it (what its menu calls Copy Python Command and Copy
Full Data Path). So tests name widgets by what they do, wherever the panel draws them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import bpy
from hand import Hand

ROW = 7
"""Pixels between two lines of places that are felt, at interface scale 1."""
COLUMNS = (0.12, 0.3, 0.5, 0.7, 0.86)
"""Places along a line, as shares of the region's width; the tabs take its right end."""
Found = Generator[float, None, tuple[int, int] | None]
Sure = Generator[float, None, tuple[int, int]]


class Eyes:
    """Sees the screen, and finds widgets with a hand."""

    def __init__(self, hand: Hand, folder: Path) -> None:
        self.hand, self.folder = hand, folder

    def picture(self, name: str) -> Path:
        """Draw every window now and keep the screen as NAME.png, the pointer drawn in."""
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                area.tag_redraw()
        bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
        path = self.folder / f"{name}.png"
        x, y = self.hand.on_screen()
        arrow = ((0, 0), (0, 17), (4, 13), (8, 20), (11, 19), (7, 12), (12, 12))
        outline = " ".join(f"{x + right},{y + down}" for right, down in arrow)
        pointer = ["-fill", "white", "-stroke", "black", "-draw", f"polygon {outline}"]
        subprocess.run(["convert", "x:root", *pointer, str(path)], check=True)
        return path

    def area(self, kind: str = "VIEW_3D") -> bpy.types.Area:
        """The first area of this kind in the hand's window."""
        return next(area for area in self.hand.window.screen.areas if area.type == kind)

    def region(self, area: bpy.types.Area, kind: str = "WINDOW") -> bpy.types.Region:
        """A region of an area."""
        return next(region for region in area.regions if region.type == kind)

    def under_pointer(self, area: bpy.types.Area, region: bpy.types.Region) -> str:
        """What lies under the pointer: a data path or an operator's call; empty where nothing."""
        manager = bpy.context.window_manager
        with bpy.context.temp_override(window=self.hand.window, area=area, region=region):
            if bpy.ops.ui.copy_python_command_button.poll():
                bpy.ops.ui.copy_python_command_button()
            elif bpy.ops.ui.copy_data_path_button.poll():
                bpy.ops.ui.copy_data_path_button(full_path=True)
            else:
                return ""
        return str(manager.clipboard)

    def find(self, area: bpy.types.Area, kind: str, wanted: str) -> Found:
        """The place of a widget whose path or call contains `wanted`, None where it isn't drawn."""
        for x, y in places(self.region(area, kind)):
            yield from self.hand.move(x, y)
            if wanted in self.under_pointer(area, self.region(area, kind)):
                return x, y
        return None

    def find_surely(self, area: bpy.types.Area, kind: str, wanted: str) -> Sure:
        """The same; raises LookupError where it isn't drawn."""
        found = yield from self.find(area, kind, wanted)
        if found is None:
            raise LookupError(f"{area.type} shows no widget for {wanted}")
        return found

    def find_in_sidebar(self, wanted: str) -> Found:
        """The same in the sidebar, scrolling down to its end and opening closed panels."""
        area = self.area()
        yield from self.scroll_to_top()
        while True:
            found = yield from self.find(area, "UI", wanted)
            if found:
                return found
            before = self.scrolled()
            yield from self.over_sidebar()
            yield from self.hand.wheel("WHEELDOWNMOUSE", 8)
            yield 0.2
            if self.scrolled() == before:
                return None

    def scroll_to_top(self) -> Iterator[float]:
        """Turn the wheel up over the sidebar."""
        yield from self.over_sidebar()
        yield from self.hand.wheel("WHEELUPMOUSE", 40)
        yield 0.1

    def over_sidebar(self) -> Iterator[float]:
        """Put the pointer over the sidebar."""
        region = self.region(self.area(), "UI")
        yield from self.hand.move(region.x + region.width * 0.5, region.y + region.height * 0.5)

    def scrolled(self) -> int:
        """How far the sidebar is scrolled, in pixels."""
        view = self.region(self.area(), "UI").view2d
        return round(view.region_to_view(0, 0)[1])


def places(region: bpy.types.Region) -> Iterator[tuple[int, int]]:
    """Places all over a region, from its top, line by line."""
    step = round(ROW * bpy.context.preferences.system.ui_scale)
    for y in range(region.y + region.height - step, region.y, -step):
        for share in COLUMNS:
            yield round(region.x + share * region.width), y
