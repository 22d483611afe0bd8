"""Steps: paint what moves and update the motion; edit an image and rebuild."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np
from artist import Artist


def paint_motion(you: Artist) -> Iterator[float]:
    """Paint over the temple with the mouse and press Update Motion; other points move."""
    before = moving_points(you)
    you.scene.eevee.taa_samples = 1  # the Material Preview of a software renderer is slow
    yield from you.click_on("make_4d.paint_motion")
    yield from you.wait_until(lambda: bpy.context.mode == "PAINT_TEXTURE", "painting to start", 10)
    yield 1.0
    image = you.scene.tool_settings.image_paint.canvas
    unpainted = pixels_of(image)
    x, y = you.middle()
    for line in (-20, 0, 20, 40):
        yield from you.hand.drag([(x - 60 + 6 * step, y + line) for step in range(20)])
        yield 0.1
    yield 0.5
    you.screenshot("stroke")
    painted = float((np.abs(pixels_of(image) - unpainted) > 0.1).mean())
    you.note("painted_fraction", round(painted, 4))
    assert painted > 0.001, "the brush does not paint into the motion image"
    yield from you.click_on("make_4d.paint_motion")
    yield 0.5
    assert bpy.context.mode == "OBJECT", "painting does not end"
    yield from you.click_on("make_4d.update_motion()")
    yield from you.wait_for_the_job()
    you.note("moving_points", [before, moving_points(you)])
    assert moving_points(you) != before, "painting does not change the motion"


def moving_points(you: Artist) -> int:
    """The number of points in the moving cloud."""
    clouds = (thing for thing in you.scene.objects if thing.type == "POINTCLOUD")
    return sum(len(cloud.data.points) for cloud in clouds if cloud.get("make_4d_role") == "moving")


def pixels_of(image: bpy.types.Image) -> np.ndarray:
    """The pixels of an image, flat."""
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    return pixels


def rebuild(you: Artist) -> Iterator[float]:
    """Paint into the disparity with the mouse and press Rebuild; the depth changes."""
    you.needs("rebuild")
    before = depths(you)
    yield from you.click_on('make_4d.edit_image(name="disparity")')
    yield 1.5
    editor = you.eyes.area("IMAGE_EDITOR")
    image = editor.spaces.active.image
    unpainted = pixels_of(image)
    region = you.eyes.region(editor)
    x, y = region.x + region.width * 0.5, region.y + region.height * 0.45
    for line in (-30, 0, 30):
        yield from you.hand.drag([(x - 60 + 6 * step, y + line) for step in range(20)])
        yield 0.1
    yield 0.5
    you.screenshot("stroke")
    painted = float((np.abs(pixels_of(image) - unpainted) > 0.02).mean())
    you.note("painted_fraction", round(painted, 4))
    assert painted > 0.001, "the brush does not paint into the image"
    yield from you.click_on("make_4d.rebuild()")
    yield from you.wait_for_the_job()
    after = depths(you)
    you.note("mean_depth", [round(float(before), 4), round(float(after), 4)])
    assert abs(after - before) > 1e-4, "painting does not change the depth"


def depths(you: Artist) -> float:
    """The mean distance of the still cloud's points from the photo's camera."""
    cloud = next(o for o in you.scene.objects if o.get("make_4d_role") == "still")
    points = np.empty(3 * len(cloud.data.points), np.float32)
    cloud.data.points.foreach_get("co", points)
    return float(np.linalg.norm(points.reshape(-1, 3), axis=1).mean())
