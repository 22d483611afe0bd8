"""The eyes of the simulated artist: screenshots, and finding widgets.

A widget is position by moving the pointer over the region and asking Blender which operator or
property is under it (Copy Python Command and Copy Full Data Path in its menu). So tests name
widgets by what they do, wherever the panel draws them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import bpy
from hand import Hand

ROW = 12
"""Pixels between two lines of probed positions, at interface scale 1."""
COLUMNS = (0.5, 0.2, 0.8, 0.35, 0.65, 0.9, 0.07)
"""Columns of probed positions, as fractions of the region's width."""
FEW = (0.5, 0.2, 0.8)
"""Columns for a sidebar, whose widgets are wide."""
QUICK = 0.02
"""Seconds that Blender needs to recognize what is under the pointer."""
TOLERANCE = 10
"""Difference in gray levels between a panel and one inside it; the border differs by more."""
Found = Generator[float, None, tuple[int, int] | None]
Sure = Generator[float, None, tuple[int, int]]
Positions = Generator[float, None, list[tuple[int, int]]]


class Eyes:
    """Sees the screen, and finds widgets with the pointer."""

    def __init__(self, hand: Hand, folder: Path) -> None:
        self.hand, self.folder = hand, folder

    def screenshot(self, name: str) -> Path:
        """Redraw every window and save the screen as NAME.png, with the pointer drawn in."""
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                area.tag_redraw()
        bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
        path = self.folder / f"{name}.png"
        x, y = self.hand.on_screen(self.hand.x, self.hand.y)
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
        """The data path or operator call under the pointer; empty for neither."""
        manager = bpy.context.window_manager
        manager.clipboard = ""  # stays empty if nothing can be copied
        with bpy.context.temp_override(window=self.hand.window, area=area, region=region):
            if bpy.ops.ui.copy_python_command_button.poll():
                bpy.ops.ui.copy_python_command_button()
            elif bpy.ops.ui.copy_data_path_button.poll():
                bpy.ops.ui.copy_data_path_button(full_path=True)
            else:
                return ""
        return str(manager.clipboard)

    def panels_end(self) -> int:
        """Where the sidebar's panels end; below it, clicks would reach the viewport.

        Recognized by the color along the left edge, where there are no widgets.
        """
        region = self.region(self.area(), "UI")
        edge = round(13 * bpy.context.preferences.system.ui_scale)
        top = region.y + region.height - 9
        x, y = self.hand.on_screen(region.x + edge, top)
        crop = f"1x{top - region.y}+{x}+{y}"
        command = ["convert", "x:root", "-crop", crop, "-depth", "8", "gray:-"]
        line = subprocess.run(command, check=True, capture_output=True).stdout
        ends = (row for row, shade in enumerate(line) if abs(shade - line[0]) > TOLERANCE)
        return top - next(ends, len(line))

    def find(self, area: bpy.types.Area, kind: str, widget: str, below: int = 0) -> Found:
        """Find a widget whose data path or call contains `widget`; None if it isn't drawn.

        Args:
            area: Where to search.
            kind: Type of the region in it.
            widget: What its data path or operator call contains.
            below: Search only below this line; 0 for everywhere.
        """
        is_sidebar = kind == "UI" and area.type == "VIEW_3D"
        floor = self.panels_end() if is_sidebar else 0
        before: list[tuple[int, int]] = []
        for point in positions(self.region(area, kind), FEW if is_sidebar else COLUMNS):
            if point[1] < floor or (below and point[1] >= below):
                continue
            yield from self.hand.move(*point, QUICK)
            before.append(point)
            if widget in self.under_pointer(area, self.region(area, kind)):
                for probed in before[:-4:-1]:  # Blender may lag some positions behind the pointer
                    if (yield from self.is_at(area, kind, probed, widget)):
                        return probed
        return None

    def is_at(
        self, area: bpy.types.Area, kind: str, point: tuple[int, int], widget: str
    ) -> Generator[float, None, bool]:
        """Whether a widget is at a position, probed slowly."""
        yield from self.hand.move(point[0], point[1] - 1)
        yield from self.hand.move(*point, 0.1)
        return widget in self.under_pointer(area, self.region(area, kind))

    def find_surely(self, area: bpy.types.Area, kind: str, widget: str) -> Sure:
        """Find a widget; raises LookupError if it isn't drawn."""
        position = yield from self.find(area, kind, widget)
        if position is None:
            raise LookupError(f"{area.type} shows no widget for {widget}")
        return position

    def find_in_sidebar(self, widget: str) -> Found:
        """Find a widget in the sidebar: scroll down to its end, then open closed panels."""
        area = self.area()
        yield from self.turn("WHEELUPMOUSE")
        while True:
            position = yield from self.find(area, "UI", widget)
            if position:
                return position
            before = self.scrolled()
            yield from self.turn("WHEELDOWNMOUSE", 8)
            if self.scrolled() == before:
                break
        yield from self.turn("WHEELUPMOUSE")
        while True:  # once more from the top, opening panels
            position = yield from self.open_panels(area, widget)
            if position:
                return position
            before = self.scrolled()
            yield from self.turn("WHEELDOWNMOUSE", 8)
            if self.scrolled() == before:
                return None

    def open_panels(self, area: bpy.types.Area, widget: str) -> Found:
        """Open possible headers of closed panels, highest first, until the widget is drawn."""
        for x, y in reversed((yield from self.blank_positions(area))):
            if (yield from self.toggle(x, y)):
                position = yield from self.find_downwards(area, widget, y)
                if position:
                    return position
                yield from self.toggle(x, y)
        return None

    def find_downwards(self, area: bpy.types.Area, widget: str, below: int) -> Found:
        """Find a widget below a line by scrolling down; scroll back if there is none."""
        position = yield from self.find(area, "UI", widget, below=below)
        turns = 0
        while not position:
            before = self.scrolled()
            yield from self.turn("WHEELDOWNMOUSE", 8)
            if self.scrolled() == before:
                break
            turns += 1
            position = yield from self.find(area, "UI", widget)
        if not position:
            yield from self.turn("WHEELUPMOUSE", 8 * turns)
        return position

    def toggle(self, x: int, y: int) -> Generator[float, None, bool]:
        """Click on a possible header of a panel; returns whether anything below it changed."""
        before = self.glimpse(y)
        yield from self.hand.click(x, y)
        yield 0.4
        after = self.glimpse(y)
        return sum(abs(a - b) for a, b in zip(before, after, strict=True)) > len(after)

    def glimpse(self, y: int) -> bytes:
        """The sidebar below a line, scaled down, in gray levels."""
        region = self.region(self.area(), "UI")
        top = y - round(ROW * bpy.context.preferences.system.ui_scale)
        left, above = self.hand.on_screen(region.x, top)
        crop = f"{region.width}x{max(top - region.y, 1)}+{left}+{above}"
        command = ["convert", "x:root", "-crop", crop, "-scale", "25%", "-depth", "8", "gray:-"]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def blank_positions(
        self, area: bpy.types.Area
    ) -> Generator[float, None, list[tuple[int, int]]]:
        """Positions in the sidebar without a widget: headers but the first, labels, icons."""
        blank: list[int] = []
        region, floor = self.region(area, "UI"), self.panels_end()
        first = region.y + region.height - 3 * ROW * bpy.context.preferences.system.ui_scale
        for x, y in positions(region, FEW[:1]):
            if y < floor:
                break
            yield from self.hand.move(x, y, QUICK)
            if y < first and not self.under_pointer(area, self.region(area, "UI")):
                blank.append(y)
        return [(region.x + region.width // 2, y) for y in middles(blank)]

    def turn(self, kind: str, times: int = 40) -> Iterator[float]:
        """Turn the wheel over the first line of the sidebar; below may be the viewport."""
        region = self.region(self.area(), "UI")
        yield from self.hand.move(region.x + region.width * 0.5, region.y + region.height - 9)
        yield from self.hand.wheel(kind, times)
        yield 0.15

    def scrolled(self) -> int:
        """How far the sidebar is scrolled, in pixels."""
        view = self.region(self.area(), "UI").view2d
        return round(view.region_to_view(0, 0)[1])


def positions(
    region: bpy.types.Region, columns: tuple[float, ...] = COLUMNS
) -> Iterator[tuple[int, int]]:
    """Positions all over a region, line by line from its top."""
    step = round(ROW * bpy.context.preferences.system.ui_scale)
    for y in range(region.y + region.height - step, region.y, -step):
        for fraction in columns:
            yield round(region.x + fraction * region.width), y


def middles(blank: list[int]) -> list[int]:
    """Positions one row apart among the blank ones, lowest first."""
    row = round(ROW * bpy.context.preferences.system.ui_scale)
    kept: list[int] = []
    for y in reversed(blank):
        if not kept or y - kept[-1] >= row:
            kept.append(y)
    return kept
