"""Steps: drag a point of the camera's path, press F12."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np
from artist import Artist
from bpy_extras.view3d_utils import location_3d_to_region_2d

DRAGGED_BY = 90
"""Pixels."""


def drag_the_path(you: Artist) -> Iterator[float]:
    """Select the curve in the Outliner and drag its last point in Edit Mode; the camera follows."""
    before = camera_ends(you)
    yield from select_in_outliner(you, curve_of(you).name)
    yield from you.hand.move(*you.middle())
    yield from you.hand.key("NUMPAD_7")
    yield from you.hand.key("TAB")
    yield 0.4
    yield from you.hand.key("A")
    yield from you.hand.key("NUMPAD_PERIOD")
    yield 0.8
    assert bpy.context.mode == "EDIT_CURVE", f"Tab leads to {bpy.context.mode}"
    x, y = last_point(you)
    yield from you.hand.click(x, y)
    yield 0.3
    you.screenshot("picked")
    yield from you.hand.key("G")
    for pull in range(0, DRAGGED_BY + 1, 10):
        yield from you.hand.move(x + pull, y)
    yield from you.hand.press()
    yield from you.hand.release()
    yield 0.4
    you.screenshot("dragged")
    yield from you.hand.key("TAB")
    yield 0.4
    moved = np.linalg.norm(camera_ends(you) - before, axis=1)
    you.note("camera_moved_by", [round(float(length), 4) for length in moved])
    assert moved[-1] > 1e-3, "the camera does not follow the curve"
    yield from you.hand.key("NUMPAD_0")
    yield 0.8


def curve_of(you: Artist) -> bpy.types.Object:
    """The curve of the camera's path."""
    return next(thing for thing in you.scene.objects if thing.type == "CURVE")


def camera_ends(you: Artist) -> np.ndarray:
    """Position of the camera in the first and the last frame, (2, 3)."""
    scene, frame = you.scene, you.scene.frame_current
    positions = []
    for number in (scene.frame_start, scene.frame_end):
        scene.frame_set(number)
        positions.append(scene.camera.matrix_world.translation[:])
    scene.frame_set(frame)
    return np.array(positions)


def select_in_outliner(you: Artist, name: str) -> Iterator[float]:
    """Click down the Outliner until the object with this name is active."""
    area = you.eyes.area("OUTLINER")
    region = you.eyes.region(area)
    row = round(20 * bpy.context.preferences.system.ui_scale)
    yield from you.hand.move(region.x + region.width / 2, region.y + region.height / 2)
    for page in range(4):
        for y in range(region.y + region.height - row // 2, region.y, -row):
            yield from you.hand.click(region.x + 5 * row, y)
            yield 0.15
            if bpy.context.view_layer.objects.active and (
                bpy.context.view_layer.objects.active.name == name
            ):
                return
        yield from you.hand.wheel("WHEELDOWNMOUSE", 3)
        you.note("outliner_pages", page + 1)
    raise LookupError(f"the Outliner does not list {name}")


def last_point(you: Artist) -> tuple[float, float]:
    """The position of the curve's last control point in the window, in pixels."""
    curve = curve_of(you)
    spline = curve.data.splines[0]
    points = spline.bezier_points if spline.type == "BEZIER" else spline.points
    position = curve.matrix_world @ points[-1].co.to_3d()
    region = you.eyes.region(you.eyes.area())
    seen = location_3d_to_region_2d(region, you.view, position)
    assert seen is not None, "the path's end is out of view"
    return region.x + seen.x, region.y + seen.y


def press_f12(you: Artist) -> Iterator[float]:
    """Press F12: a window shows the render, which is not black and equals one from a script."""
    yield from you.hand.move(*you.middle())
    yield from you.hand.key("F12")
    yield from rendered(you, 45)
    yield 0.5
    you.screenshot("rendered")
    shown = you.folder / "f12.png"
    keep_result(you, shown)
    you.close_dialogs()
    yield 0.3
    pixels = read(shown)
    you.note("mean", [round(float(level), 3) for level in pixels[..., :3].mean((0, 1))])
    assert pixels[..., :3].std() > 0.05, "the render has a single color"
    bpy.ops.render.render()
    again = you.folder / "script.png"
    keep_result(you, again)
    difference = float(np.abs(read(again) - pixels).max())
    you.note("largest_difference_to_a_script", round(difference, 4))
    assert difference < 0.02, "F12 and a script give different renders"


def rendered(you: Artist, seconds: float) -> Iterator[float]:
    """Wait until a render has started and ended."""
    yield 0.5
    yield from you.wait_until(
        lambda: not bpy.app.is_job_running("RENDER"), "the render to end", seconds
    )


def keep_result(you: Artist, path: object) -> None:
    """Save the render result as an 8-bit PNG."""
    settings = you.scene.render.image_settings
    kind, form = settings.media_type, settings.file_format
    settings.media_type, settings.file_format = "IMAGE", "PNG"
    bpy.data.images["Render Result"].save_render(str(path), scene=you.scene)
    settings.media_type, settings.file_format = kind, form


def read(path: object) -> np.ndarray:
    """The pixels of an image file, (height, width, 4)."""
    image = bpy.data.images.load(str(path))
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)
