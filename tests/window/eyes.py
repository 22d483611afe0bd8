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

ROW = 12
"""Pixels between two lines of places that are felt, at interface scale 1."""
COLUMNS = (0.5, 0.2, 0.8, 0.35, 0.65, 0.9, 0.07)
"""Lines down a region, as shares of its width."""
FEW = (0.5, 0.2, 0.8)
"""Those down a sidebar, whose widgets are wide."""
QUICK = 0.02
"""Seconds that Blender needs to see what is under the pointer."""
TOLERANCE = 10
"""Gray levels between the colors of a panel and of one inside it; the border differs by more."""
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
        """What lies under the pointer: a data path or an operator's call; empty where nothing."""
        manager = bpy.context.window_manager
        manager.clipboard = ""  # what can't be copied leaves it as it was
        with bpy.context.temp_override(window=self.hand.window, area=area, region=region):
            if bpy.ops.ui.copy_python_command_button.poll():
                bpy.ops.ui.copy_python_command_button()
            elif bpy.ops.ui.copy_data_path_button.poll():
                bpy.ops.ui.copy_data_path_button(full_path=True)
            else:
                return ""
        return str(manager.clipboard)

    def panels_end(self) -> int:
        """Where the sidebar's panels end: below, clicks would reach the viewport.

        Told by their color, which a line down their left edge shows without a widget on it.
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

    def find(self, area: bpy.types.Area, kind: str, wanted: str, below: int = 0) -> Found:
        """The place of a widget whose path or call contains `wanted`, None where it isn't drawn.

        Only places lower than `below` are felt where that is given.
        """
        is_sidebar = kind == "UI" and area.type == "VIEW_3D"
        floor = self.panels_end() if is_sidebar else 0
        before: list[tuple[int, int]] = []
        for place in places(self.region(area, kind), FEW if is_sidebar else COLUMNS):
            if place[1] < floor or (below and place[1] >= below):
                continue
            yield from self.hand.move(*place, QUICK)
            before.append(place)
            if wanted in self.under_pointer(area, self.region(area, kind)):
                for felt in before[:-4:-1]:  # Blender may be some places behind the pointer
                    if (yield from self.is_at(area, kind, felt, wanted)):
                        return felt
        return None

    def is_at(
        self, area: bpy.types.Area, kind: str, place: tuple[int, int], wanted: str
    ) -> Generator[float, None, bool]:
        """Whether a widget lies at a place, felt with patience."""
        yield from self.hand.move(place[0], place[1] - 1)
        yield from self.hand.move(*place, 0.1)
        return wanted in self.under_pointer(area, self.region(area, kind))

    def find_surely(self, area: bpy.types.Area, kind: str, wanted: str) -> Sure:
        """The same; raises LookupError where it isn't drawn."""
        found = yield from self.find(area, kind, wanted)
        if found is None:
            raise LookupError(f"{area.type} shows no widget for {wanted}")
        return found

    def find_in_sidebar(self, wanted: str) -> Found:
        """The same in the sidebar: scrolls down to its end, then opens closed panels."""
        area = self.area()
        yield from self.turn("WHEELUPMOUSE")
        while True:
            found = yield from self.find(area, "UI", wanted)
            if found:
                return found
            before = self.scrolled()
            yield from self.turn("WHEELDOWNMOUSE", 8)
            if self.scrolled() == before:
                break
        yield from self.turn("WHEELUPMOUSE")
        while True:  # once more from the top, opening panels
            found = yield from self.open_panels(area, wanted)
            if found:
                return found
            before = self.scrolled()
            yield from self.turn("WHEELDOWNMOUSE", 8)
            if self.scrolled() == before:
                return None

    def open_panels(self, area: bpy.types.Area, wanted: str) -> Found:
        """Open what may be a closed panel's header, highest first, until the widget is drawn."""
        for x, y in reversed((yield from self.blank_places(area))):
            if (yield from self.toggle(x, y)):
                found = yield from self.find_downwards(area, wanted, y)
                if found:
                    return found
                yield from self.toggle(x, y)
        return None

    def find_downwards(self, area: bpy.types.Area, wanted: str, below: int) -> Found:
        """The place of a widget in what comes below a place, scrolled to; else scrolled back."""
        found = yield from self.find(area, "UI", wanted, below=below)
        turns = 0
        while not found:
            before = self.scrolled()
            yield from self.turn("WHEELDOWNMOUSE", 8)
            if self.scrolled() == before:
                break
            turns += 1
            found = yield from self.find(area, "UI", wanted)
        if not found:
            yield from self.turn("WHEELUPMOUSE", 8 * turns)
        return found

    def toggle(self, x: int, y: int) -> Generator[float, None, bool]:
        """Click where a panel's header may be; returns whether what comes below it changed."""
        before = self.glimpse(y)
        yield from self.hand.click(x, y)
        yield 0.4
        after = self.glimpse(y)
        return sum(abs(a - b) for a, b in zip(before, after, strict=True)) > len(after)

    def glimpse(self, y: int) -> bytes:
        """What the sidebar shows below a line, coarsely, in gray levels."""
        region = self.region(self.area(), "UI")
        top = y - round(ROW * bpy.context.preferences.system.ui_scale)
        left, above = self.hand.on_screen(region.x, top)
        crop = f"{region.width}x{max(top - region.y, 1)}+{left}+{above}"
        command = ["convert", "x:root", "-crop", crop, "-scale", "25%", "-depth", "8", "gray:-"]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def blank_places(self, area: bpy.types.Area) -> Generator[float, None, list[tuple[int, int]]]:
        """Places down the sidebar with no widget: headers but the first one's, labels, pictures."""
        blank: list[int] = []
        region, floor = self.region(area, "UI"), self.panels_end()
        first = region.y + region.height - 3 * ROW * bpy.context.preferences.system.ui_scale
        for x, y in places(region, FEW[:1]):
            if y < floor:
                break
            yield from self.hand.move(x, y, QUICK)
            if y < first and not self.under_pointer(area, self.region(area, "UI")):
                blank.append(y)
        return [(region.x + region.width // 2, y) for y in middles(blank)]

    def turn(self, kind: str, times: int = 40) -> Iterator[float]:
        """Turn the wheel over the sidebar's first line, below which there may be the viewport."""
        region = self.region(self.area(), "UI")
        yield from self.hand.move(region.x + region.width * 0.5, region.y + region.height - 9)
        yield from self.hand.wheel(kind, times)
        yield 0.15

    def scrolled(self) -> int:
        """How far the sidebar is scrolled, in pixels."""
        view = self.region(self.area(), "UI").view2d
        return round(view.region_to_view(0, 0)[1])


def places(
    region: bpy.types.Region, columns: tuple[float, ...] = COLUMNS
) -> Iterator[tuple[int, int]]:
    """Places all over a region, line by line from its top."""
    step = round(ROW * bpy.context.preferences.system.ui_scale)
    for y in range(region.y + region.height - step, region.y, -step):
        for share in columns:
            yield round(region.x + share * region.width), y


def middles(blank: list[int]) -> list[int]:
    """Places one row apart within the blank ones, lowest first."""
    row = round(ROW * bpy.context.preferences.system.ui_scale)
    kept: list[int] = []
    for y in reversed(blank):
        if not kept or y - kept[-1] >= row:
            kept.append(y)
    return kept
