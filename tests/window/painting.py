"""Steps: paint what moves and update the motion; paint another picture and rebuild."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np
from artist import Artist, Skip


def paint_motion(you: Artist) -> Iterator[float]:
    """Paint over the temple with the mouse, press Update Motion, more points move."""
    before = moving_points(you)
    yield from you.click_on("make_4d.paint_motion")
    yield from you.wait_until(lambda: bpy.context.mode == "PAINT_TEXTURE", "painting to begin", 10)
    yield 1.0
    image = you.scene.tool_settings.image_paint.canvas
    unpainted = pixels_of(image)
    x, y = you.middle()
    for line in (-20, 0, 20, 40):
        yield from you.hand.drag([(x - 60 + 6 * step, y + line) for step in range(20)])
        yield 0.1
    yield 0.5
    you.picture("stroke")
    painted = float((np.abs(pixels_of(image) - unpainted) > 0.1).mean())
    you.note("painted_share", round(painted, 4))
    assert painted > 0.001, "the brush leaves nothing in the motion image"
    yield from you.click_on("make_4d.paint_motion")
    yield 0.5
    assert bpy.context.mode == "OBJECT", "painting does not end"
    yield from you.click_on("make_4d.update_motion()")
    yield from you.wait_for_the_job()
    you.note("moving_points", [before, moving_points(you)])
    assert moving_points(you) != before, "painting changes nothing of the motion"


def moving_points(you: Artist) -> int:
    """Points of the cloud that moves."""
    clouds = (thing for thing in you.scene.objects if thing.type == "POINTCLOUD")
    return sum(len(cloud.data.points) for cloud in clouds if cloud.get("make_4d_role") == "moving")


def pixels_of(image: bpy.types.Image) -> np.ndarray:
    """An image's pixels, flat."""
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    return pixels


def rebuild(you: Artist) -> Iterator[float]:
    """Paint in a picture of the run; Rebuild makes what follows from it, and only that."""
    you.needs("rebuild")
    raise Skip("not written yet")
    yield
