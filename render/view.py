"""Blender's camera matrices as a pinhole or orthographic camera in pixels of the image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import bpy

_CAMERA_FROM_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class View:
    """A camera with an image of width x height pixels.

    Attributes:
        world_to_camera: (4, 4) from world space to the camera frame: x right, y down, z forward.
        focal: (fx, fy) in pixels; pixels per scene unit if `orthographic`.
        center: (cx, cy) in pixels from the top left of the image.
        width: of the image.
        height: of the image.
        clip: near and far clip distance in scene units.
        orthographic: whether rays are parallel.
    """

    world_to_camera: NDArray[np.float64]
    focal: tuple[float, float]
    center: tuple[float, float]
    width: int
    height: int
    clip: tuple[float, float]
    orthographic: bool = False

    def __eq__(self, other: object) -> bool:
        """Whether the two views are equal."""
        if not isinstance(other, View):
            return NotImplemented
        mine, theirs = dict(vars(self)), dict(vars(other))
        matrices = mine.pop("world_to_camera"), theirs.pop("world_to_camera")
        return mine == theirs and np.array_equal(*matrices)

    __hash__ = None  # type: ignore[assignment]

    def cropped(self, left: int, top: int, width: int, height: int) -> View:
        """The view cropped to a rectangle in pixels from the top left."""
        center = (self.center[0] - left, self.center[1] - top)
        return replace(self, center=center, width=width, height=height)


def view_from_matrices(
    world_to_view: NDArray[np.float64],
    projection: NDArray[np.float64],
    size: tuple[int, int],
    clip: tuple[float, float],
) -> View:
    """The view that OpenGL matrices describe.

    Args:
        world_to_view: (4, 4) from world space to Blender's camera axes.
        projection: (4, 4) perspective or orthographic, from camera axes to clip space.
        size: width and height of the image in pixels.
        clip: near and far clip distance in scene units.
    """
    width, height = size
    orthographic = bool(projection[3, 3] == 1.0)
    # Column 2 shifts a perspective's center (points have w = -z), column 3 an orthographic one's.
    shift = projection[:2, 3] if orthographic else -projection[:2, 2]
    return View(
        _CAMERA_FROM_BLENDER @ world_to_view,
        (projection[0, 0] * width / 2, projection[1, 1] * height / 2),
        ((1 + shift[0]) * width / 2, (1 - shift[1]) * height / 2),
        width,
        height,
        clip,
        orthographic,
    )


def view_from_camera(
    camera: bpy.types.Object,
    depsgraph: bpy.types.Depsgraph,
    model_matrix: NDArray[np.float64],
    size: tuple[int, int],
) -> View:
    """The view of a perspective or orthographic camera object.

    Args:
        camera: the evaluated object.
        depsgraph: of the scene to render.
        model_matrix: (4, 4) from the camera's axes to the world, as the engine gives it; its scale
            is ignored.
        size: width and height of the whole frame in pixels.
    """
    render = depsgraph.scene.render
    projection = camera.calc_matrix_camera(
        depsgraph,
        x=size[0],
        y=size[1],
        scale_x=render.pixel_aspect_x,
        scale_y=render.pixel_aspect_y,
    )
    pose = np.array(model_matrix, np.float64)
    pose[:3, :3] /= np.linalg.norm(pose[:3, :3], axis=0)
    clip = (camera.data.clip_start, camera.data.clip_end)
    world_to_view = np.linalg.inv(pose).astype(np.float64)
    return view_from_matrices(world_to_view, np.array(projection), size, clip)


def border_rectangle(
    render: bpy.types.RenderSettings, size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The rectangle (left, top, width, height) in pixels to render of a frame (width, height)."""
    width, height = size
    if not render.use_border:
        return 0, 0, width, height
    left, right = (_pixel(b, width) for b in (render.border_min_x, render.border_max_x))
    bottom, top = (_pixel(b, height) for b in (render.border_min_y, render.border_max_y))
    return left, height - top, max(right - left, 1), max(top - bottom, 1)


def _pixel(fraction: float, length: int) -> int:
    """A border as a pixel, rounded in single precision as Blender does."""
    return int(np.float32(fraction) * np.float32(length))
